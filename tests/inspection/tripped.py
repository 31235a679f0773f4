"""The entries that a tripwire has demoted."""

from pathlib import Path

from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory


def tripped(path: Path) -> list[str]:
    """Return the entries that the tripwire has switched off, from the table."""
    with ReferenceDirectory(path / REFERENCE_DIRECTORY).reader() as reader:
        return [it.entry for it in reader.current().off_by(Party.TRIPWIRE)]
