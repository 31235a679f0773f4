"""The hash set and the files of a state directory that is backed up."""

from pathlib import Path

from tests.corpus import pictures
from tests.proxy.site import entry, sha256
from uploadfilter.model import Entry
from uploadfilter.signedsets import canaries

LISTED = pictures.jpeg(pictures.photograph(1, width=160, height=120))
SUPPRESSED = pictures.jpeg(pictures.photograph(2, width=160, height=120))


def files(state: Path) -> dict[str, bytes]:
    """Return the files of a state directory, by name."""
    return {
        path.relative_to(state).as_posix(): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file()
    }


def listed() -> tuple[Entry, ...]:
    """Return a hash set: exact, suppressed later, and one that networks demote."""
    return (
        entry(1, sha256(LISTED)),
        entry(2, sha256(SUPPRESSED)),
        *canaries.entries()[1:],
    )
