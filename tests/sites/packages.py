"""Make packages of Python, which are archives with a list of their files."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path


def wheel(folder: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Write a package that holds files beside its module.

    Args:
        folder: Where to.
        name: Of the project and of its module.
        files: What lies beside the module, by name.

    Returns:
        Its path.
    """
    facts = f"{name}-1.0.dist-info"
    contents = {
        f"{name}/__init__.py": b"",
        **{f"{name}/{beside}": content for beside, content in files.items()},
        f"{facts}/METADATA": f"Metadata-Version: 2.1\nName: {name}\n"
        f"Version: 1.0\n".encode(),
        f"{facts}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [_line(path, content) for path, content in contents.items()]
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, content in contents.items():
            archive.writestr(inside, content)
        archive.writestr(f"{facts}/RECORD", "\n".join([*record, f"{facts}/RECORD,,"]))
    return path


def _line(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"{path},sha256={digest.decode()},{len(content)}"
