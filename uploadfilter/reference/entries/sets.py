"""The description of each hash set in the reference set, as values."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from uploadfilter.errors import HashSetNameError

LOCAL_ISSUER = "local"
"""The issuer of every hash set that is not signed."""

SET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A set's name stands in file names of backups, in logs, metrics and commands. So it
has no capitals, spaces or slashes, and at most 63 characters."""

ENTRIES = "entries"
"""Key of the number of entries in ``CategoryCounts``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """The file that an import read, and the lines that it left out.

    Attributes:
        lines: Lines of the file, comments and blank ones included.
        refused: Entries and signals that were left out, by reason.
        duplicates: Entries that repeat the id of an earlier one.
        sha256: SHA-256 of the file, in hex, so that its maker can confirm that it
            arrived.
        bytes: Length of the file.
        withdrawn: Entries that were in force until then and that the file lacks.
        listed_again: Entries that it lists and an earlier import had withdrawn.
    """

    lines: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    sha256: str = ""
    bytes: int = 0
    withdrawn: int = 0
    listed_again: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The facts about a set that was signed.

    Attributes:
        root: SHA-256 of the root that the operator trusted, in hex.
        sequence: Number of the set.
        signers: The holders that signed it.
        gated: The corpora that all of its entries were compared with before they were
            in force (``quarantining.Gate.identity``); empty if none.
    """

    root: str
    sequence: int
    signers: tuple[str, ...] = ()
    gated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInfo:
    """A hash set in the reference set, without its entries.

    Attributes:
        name: Matches ``SET_NAME``.
        issuer: The issuer that signed it; ``LOCAL_ISSUER`` if it is not signed.
        categories: The categories that the operator allowed.
        enforced: Whether its entries may reject; otherwise all are monitored.
        imported_at: Seconds since the epoch.
        imported_with: Number of the generation of its import; 0 before it.
        entries: How many entries were imported.
        counts: By category, the number of ``entries`` and of signals of each type that
            were imported.
        source: The file that the import read.
        revoked: How many of the entries have been revoked since.
        exact_alone: Entries that have only exact signals, without a statement that this
            is intended, in a set whose other entries have perceptual signals: entries
            of pictures would have both.
        signed: The facts about its signatures; ``None`` if it is not signed.
    """

    name: str
    issuer: str
    categories: tuple[str, ...]
    enforced: bool
    imported_at: int
    imported_with: int = 0
    entries: int = 0
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    source: ImportSource = field(default_factory=ImportSource)
    revoked: int = 0
    exact_alone: int = 0
    signed: Signed | None = None

    def __post_init__(self) -> None:
        """Refuse a name that could not be used everywhere."""
        if not SET_NAME.fullmatch(self.name):
            raise ValueError(
                f"hash set name {self.name!r} is not made of a-z, 0-9, '.', '_' and "
                "'-', beginning with a letter or digit, 63 characters at most"
            )


def check_set_name(name: str) -> None:
    """Refuse a text that cannot be the name of a hash set.

    Raises:
        HashSetNameError: The text does not match ``SET_NAME``.
    """
    if not SET_NAME.fullmatch(name):
        raise HashSetNameError(
            f"a hash set cannot be called {name!r}",
            hint="Use 1 to 63 of a-z, 0-9, '.', '_' and '-', and begin with a letter "
            "or digit.",
        )


def no_such_set(name: str, sets: Iterable[SetInfo]) -> HashSetNameError:
    """Return the error for a hash set that does not exist."""
    names = ", ".join(repr(info.name) for info in sets) or "none"
    return HashSetNameError(
        f"there is no hash set {name!r}", hint=f"Imported hash sets: {names}."
    )
