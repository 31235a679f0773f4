"""Read and write the files that a person names.

Rules this module keeps: an error of the system becomes one that names the file, and
what to do; of a file that is too large, no more is read than shows that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uploadfilter.errors import UploadFilterError, UsageError

_HINT = "Check the path, and that this user may use it."


@contextmanager
def explain_failure(
    act: str, *, hint: str = _HINT, error: type[UploadFilterError] = UsageError
) -> Iterator[None]:
    """Raise ``cannot read 'x': ...`` for an error of the system in the block."""
    try:
        yield
    except OSError as exc:
        raise error(f"cannot {act}: {exc.strerror or exc}", hint=hint) from exc


def read_file(
    path: Path,
    most: int,
    *,
    hint: str = _HINT,
    error: type[UploadFilterError] = UsageError,
) -> bytes:
    """Return the content of a file; of a larger one ``most`` bytes and one more."""
    explained = explain_failure(f"read {str(path)!r}", hint=hint, error=error)
    with explained, path.open("rb") as file:
        return file.read(most + 1)


def write_file(path: Path, data: bytes, *, hint: str = _HINT) -> None:
    """Write a file."""
    with explain_failure(f"write {str(path)!r}", hint=hint):
        path.write_bytes(data)
