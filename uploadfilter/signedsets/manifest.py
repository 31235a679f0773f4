"""The manifest of a signed set: its name, its number, and which files it is made of.

Rules this module keeps: it is pure; a manifest that cannot be acted on is refused when
it is read; it holds numbers, and no file name that anybody would open.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from uploadfilter.errors import HashSetFormatError
from uploadfilter.reference.sets import SET_NAME
from uploadfilter.signedsets.roles import (
    SHARDS,
    delta_path,
    full_path,
)

FORMAT: Final = 1
"""Grows when a reader of today would misunderstand the set."""

MOST_MANIFEST_BYTES: Final = 1 << 20
MOST_DELTAS: Final = 256
MOST_CATEGORIES: Final = 1000
MOST_SEQUENCE: Final = (1 << 53) - 1
"""Largest whole number that every JSON parser keeps exactly."""

MOST_ENTRIES: Final = 100_000_000
"""Ten times what the largest sets hold: a count that is no mistake."""

ISSUER_NAME = re.compile(r"[^\x00-\x1f\x7f@]{1,100}")
"""Who signs, for people: a unit, not a person, and no address."""


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """A full set.

    Attributes:
        sequence: Number of the set that it is.
        shards: In how many files: 1 or 256.
        entries: How many entries it has.
    """

    sequence: int
    shards: int
    entries: int


class Delta(msgspec.Struct, frozen=True, kw_only=True, rename={"older": "from"}):
    """What changes from one number to the next.

    Attributes:
        older: Number of the set that it changes.
        to: Number of the set that it makes of it.
        operations: Lines that it has.
    """

    older: int
    to: int
    operations: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed set is made of.

    Attributes:
        format: ``FORMAT``.
        set: The issuer's name for it.
        issuer: Who makes it, for people.
        sequence: Its number, from 1, one more with each change.
        entries: How many entries it has.
        categories: How many of each category.
        parameters: How signals were computed: a tool and its version by signal type.
        full: The newest full set.
        deltas: What changes from the oldest number that is served to the newest.
    """

    format: int
    set: str
    issuer: str
    sequence: int
    entries: int
    categories: dict[str, int]
    full: Full
    deltas: tuple[Delta, ...] = ()
    parameters: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse what cannot be acted on."""
        for is_wrong, what in (
            (self.format != FORMAT, f"format {self.format} is not known"),
            (not SET_NAME.fullmatch(self.set), "the name of the set cannot be used"),
            (
                not ISSUER_NAME.fullmatch(self.issuer),
                "the issuer's name cannot be used",
            ),
            (not 0 < self.sequence <= MOST_SEQUENCE, "the number is out of bounds"),
            (not 0 <= self.entries <= MOST_ENTRIES, "so many entries are no set"),
            (not 0 <= self.full.entries <= MOST_ENTRIES, "so many are no full set"),
            (self.full.shards not in {1, SHARDS}, "the shards are not 1 or 256"),
            (not 0 < self.full.sequence <= self.sequence, "the full set is newer"),
            (len(self.categories) > MOST_CATEGORIES, "there are too many categories"),
            (len(self.deltas) > MOST_DELTAS, "there are too many deltas"),
            (not self._is_chain(), "the deltas do not lead to the newest number"),
        ):
            if is_wrong:
                raise ValueError(what)

    def _is_chain(self) -> bool:
        """Tell whether each delta follows the one before, up to the newest number."""
        first = self.sequence - len(self.deltas)
        return 1 <= first <= self.full.sequence and all(
            delta.older == at and delta.to == at + 1
            for at, delta in enumerate(self.deltas, first)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """What to read in order to have the newest set.

    Attributes:
        paths: Files in the order in which they are to be applied.
        is_full: Whether they make the whole set, or change the one that is there.
    """

    paths: tuple[str, ...]
    is_full: bool


def parse(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        HashSetFormatError: It cannot be acted on.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
        raise HashSetFormatError(
            f"the manifest of the signed set cannot be used: {exc}",
            hint="Nothing was changed. If the issuer uses a newer release than this "
            "one, install it; else tell the issuer.",
        ) from exc


def written(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest, the same for the same one."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"))


def plan(manifest: Manifest, have: int | None) -> FetchPlan:
    """Return what to read.

    Args:
        manifest: Of the newest set.
        have: The number of the set that is in force; ``None`` for none, or for one
            that must be taken anew.
    """
    served = {delta.older for delta in manifest.deltas}
    if have is not None and (have in served or have == manifest.sequence):
        return FetchPlan(paths=_deltas(manifest, have), is_full=False)
    full = manifest.full
    shards = tuple(
        full_path(full.sequence, at, full.shards) for at in range(full.shards)
    )
    return FetchPlan(paths=(*shards, *_deltas(manifest, full.sequence)), is_full=True)


def paths(manifest: Manifest) -> tuple[str, ...]:
    """Return every file of a set: those that a full set needs, and older deltas."""
    whole = plan(manifest, None).paths
    older = (delta_path(d.older, d.to) for d in manifest.deltas)
    return tuple(dict.fromkeys((*whole, *older)))


def histogram(categories: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return categories with their counts, the most frequent first."""
    return sorted(categories.items(), key=lambda item: (-item[1], item[0]))


def _deltas(manifest: Manifest, have: int) -> tuple[str, ...]:
    return tuple(delta_path(d.older, d.to) for d in manifest.deltas if d.older >= have)
