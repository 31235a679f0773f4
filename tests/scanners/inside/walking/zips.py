"""Archives of given members."""

import io
import zipfile


def zip_of(**members: bytes) -> bytes:
    """Return an archive of compressed members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()
