"""Store entries, and open them as a generation."""

from collections.abc import Callable
from pathlib import Path

from uploadfilter.reference.files import layout
from uploadfilter.reference.files.layout import StagedPart
from uploadfilter.reference.files.mapping import Mapped, open_mapped

Write = Callable[[Path], None]


def stored(directory: Path, number: int, write: Write) -> Mapped:
    """Write a directory and map it."""
    (directory / layout.BASES).mkdir(exist_ok=True)
    staged = StagedPart(directory, layout.BASES, number)
    write(staged.path)
    path = directory / layout.BASES / str(number)
    mapped = open_mapped(path, staged.publish())
    assert mapped is not None
    return mapped
