"""Who signs what in a signed set, for how long, and how files are called.

::

    root        names the keys of all; k of n, offline
    targets     says who may add and who may withdraw; k of n, offline
      hashset   k of n analysts: the manifest, full sets and deltas
      revoke    one duty officer: the list of what is withdrawn, and nothing else
    snapshot    which files belong together; a key of the issuer's machine
    timestamp   that this is the newest; the same key

Rules this module keeps: it is pure; the names of files are made of numbers that we
counted ourselves, so that no name out of a file is ever a path.
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
"""What the duty officers' signatures are believed for. It cannot be a path of above."""

METADATA_FOLDER: Final = "metadata"
TARGETS_FOLDER: Final = "targets"

SHARDS: Final = 256
"""Files of a full set: at ten million entries each is some 5 MB, so that a transfer
that is broken off costs little, and FAT32 is no obstacle."""

MOST_UNSHARDED: Final = 4096
"""Entries that are one file: 256 of a few lines each would be slower to fetch."""

MOST_KEYS: Final = 64
"""Keys of a role: officers of one unit, not of a country."""

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """For how many days signatures are believed.

    Attributes:
        root: The keys; renewing them needs people and a safe.
        targets: Who may add and withdraw; likewise.
        hashset: The set; an issuer who is silent for a month is worth an alarm.
        revoke: The withdrawals: short, so that nobody can hold one back for long.
        online: That this is the newest. A day where it is polled, three weeks where a
            courier brings sticks.
    """

    root: int = 365
    targets: int = 365
    hashset: int = 30
    revoke: int = 7
    online: int = 1

    def __post_init__(self) -> None:
        """Refuse what no clock can hold, or nobody could renew in time."""
        for days in (self.root, self.targets, self.hashset, self.revoke, self.online):
            if not 1 <= days <= 3650:  # noqa: PLR2004 - ten years
                raise ValueError("a lifetime is 1 to 3650 days")


COURIER: Final = Lifetimes(revoke=21, online=21)
"""Lifetimes where the set travels on sticks."""


def full_path(sequence: int, shard: int, shards: int) -> str:
    """Return the name of a shard of a full set.

    Args:
        sequence: Number of the set that it is.
        shard: Which one, from 0.
        shards: How many there are: 1 or ``SHARDS``.
    """
    name = "all" if shards == 1 else f"{shard:02x}"
    return f"full/{sequence}/{name}.jsonl.gz"


def delta_path(older: int, newer: int) -> str:
    """Return the name of what changes from one number of the set to another."""
    return f"delta/{older}-{newer}.jsonl.gz"


def stored_name(path: str, sha256: str) -> str:
    """Return where a file stands: its digest before its name, as TUF has it."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{sha256}.{name}"


def shards_for(entries: int) -> int:
    """Return in how many files a full set of so many entries is."""
    return 1 if entries <= MOST_UNSHARDED else SHARDS


def shard_of(entry_id: str, shards: int = SHARDS) -> int:
    """Return the shard of an entry: the first byte of the SHA-256 of its id."""
    if shards == 1:
        return 0
    return hashlib.sha256(entry_id.encode()).digest()[0]


def most_withdrawn_a_day(entries: int) -> int:
    """Return how many entries one duty officer may put out of force in a day.

    A tenth of a small set, ten of a usual one, a thousandth of a large one: so that a
    stolen key cannot switch the filter off. More needs the analysts.

    Args:
        entries: Entries of the set in force.
    """
    return max(1, min(10, entries // 10), entries // 1000)
