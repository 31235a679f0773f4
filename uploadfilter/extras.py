"""Load packages of others that an installation may lack.

Each is an extra of the package. It may be absent, too old, or broken: a library of the
system that it needs may be missing. All of these are one error, with what to install.
"""

import importlib
from types import ModuleType

from uploadfilter.errors import UploadFilterError


def load_extra(
    *modules: str,
    purpose: str,
    extra: str,
    error: type[UploadFilterError],
    also: str = "",
) -> tuple[ModuleType, ...]:
    """Return modules of an extra.

    Args:
        modules: Their full names, e.g. ``"pyarrow.parquet"``.
        purpose: What needs them, e.g. ``"a bucket"``.
        extra: The name of the extra in ``pyproject.toml``.
        error: The class of the error.
        also: What else may help, as a full sentence.

    Raises:
        UploadFilterError: One of them cannot be loaded, whatever the reason is.
    """
    install = f"Install it with: pip install 'uploadfilter[{extra}]'."
    try:
        return tuple(importlib.import_module(name) for name in modules)
    except Exception as exc:
        raise error(
            f"{purpose} needs {modules[0]!r}, which cannot be loaded: "
            f"{type(exc).__name__}: {exc}",
            hint=f"{install} {also}".rstrip(),
        ) from exc
