"""Folders of generations, filled and listed."""

from pathlib import Path

from uploadfilter.reference.files import layout
from uploadfilter.reference.files.layout import Current, StoredPart

PART = StoredPart(number=1, size=10, check="ab", sample="cd")
CURRENT = Current(format=layout.FORMAT, generation=1, base=PART, overlay=PART)


def names(folder: Path) -> set[str]:
    """Return the names in a folder."""
    return {path.name for path in folder.iterdir()}


def fill(directory: Path, *numbers: str) -> Path:
    """Make directories in ``bases``, each with a data file."""
    folder = directory / layout.BASES
    for number in numbers:
        (folder / number).mkdir(parents=True)
        (folder / number / layout.DATA_FILE).touch()
    return folder
