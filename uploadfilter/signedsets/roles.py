"""The roles of a signed set, the lifetimes of their signatures, and names of files.

::

    root        names the keys of all roles; k of n, offline
    targets     names who may add and who may withdraw; k of n, offline
      hashset   k of n analysts: the manifest, full sets and deltas
      revoke    one duty officer: the list of withdrawals, and nothing else
    snapshot    the versions that belong together; a key of the issuer's machine
    timestamp   the newest of these; the same key

Rules this module keeps: it is pure; the names of files are made of numbers that this
program counted itself, so that a name from a file is never a path.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

ROOT: Final = "root"
TARGETS: Final = "targets"
HASHSET: Final = "hashset"
REVOKE: Final = "revoke"
GATHERED: Final = "snapshot"
TIMESTAMP: Final = "timestamp"

MANIFEST_PATH: Final = "manifest.json"
REVOKED_PATH: Final = "revoke/current.jsonl.gz"

HASHSET_PATHS: Final = (MANIFEST_PATH, "full/*/*", "delta/*")
REVOKE_PATHS: Final = ("revoke/*",)
"""The files that duty officers may sign. None of the paths above matches them."""

METADATA_FOLDER: Final = "metadata"
TARGETS_FOLDER: Final = "targets"

SHARDS: Final = 256
"""Files of a full set: at ten million entries each is some 5 MB, so that an interrupted
transfer costs little, and FAT32 can hold it."""

MOST_UNSHARDED: Final = 4096
"""Most entries of a set in one file: 256 files of a few lines would be slower to
fetch."""

MOST_KEYS: Final = 64
"""Keys of a role: enough for the officers of one unit."""

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How many days signatures are valid.

    Attributes:
        root: The keys; a renewal needs people and a safe.
        targets: Who may add and withdraw; a renewal needs people and a safe.
        hashset: The set; an issuer who is silent for a month is worth an alarm.
        revoke: The withdrawals; short, so that nobody can hide one for long.
        online: The newest version. One day if it is fetched over a network, three weeks
            if a courier brings sticks.
    """

    root: int = 365
    targets: int = 365
    hashset: int = 30
    revoke: int = 7
    online: int = 1

    def __post_init__(self) -> None:
        """Refuse a number of days below 1 or above ten years."""
        for days in (self.root, self.targets, self.hashset, self.revoke, self.online):
            if not 1 <= days <= 3650:  # noqa: PLR2004 - ten years
                raise ValueError("a lifetime is 1 to 3650 days")


COURIER: Final = Lifetimes(revoke=21, online=21)
"""Lifetimes where the set travels on sticks."""


def full_path(sequence: int, shard: int, shards: int) -> str:
    """Return the name of a shard of a full set."""
    name = "all" if shards == 1 else f"{shard:02x}"
    return f"full/{sequence}/{name}.jsonl.gz"


def delta_path(older: int, newer: int) -> str:
    """Return the name of the delta from one sequence of the set to another."""
    return f"delta/{older}-{newer}.jsonl.gz"


def stored_name(path: str, sha256: str) -> str:
    """Return the path of a file: its digest before its name, as TUF prescribes."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{sha256}.{name}"


def shards_for(entries: int) -> int:
    """Return the number of files of a full set with so many entries."""
    return 1 if entries <= MOST_UNSHARDED else SHARDS


def shard_of(entry_id: str, shards: int = SHARDS) -> int:
    """Return the shard of an entry: the first byte of the SHA-256 of its id."""
    if shards == 1:
        return 0
    return hashlib.sha256(entry_id.encode()).digest()[0]


def most_withdrawn_a_day(entries: int) -> int:
    """Return how many entries one duty officer may put out of force in a day.

    A tenth of a small set, ten of a usual one, a thousandth of a large one, so that a
    stolen key cannot switch the filter off. More withdrawals need the analysts.
    """
    return max(1, min(10, entries // 10), entries // 1000)
