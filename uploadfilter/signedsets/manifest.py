"""The manifest of a signed set: its name, its sequence, and its files.

Rules this module keeps: it is pure; a manifest that cannot be used is refused when it
is read; it holds numbers, and no file name that a program would open.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from uploadfilter.errors import HashSetFormatError
from uploadfilter.reference.entries.sets import SET_NAME
from uploadfilter.signedsets.roles import (
    SHARDS,
    delta_path,
    full_path,
)

FORMAT: Final = 1
"""Grows when a present reader would misunderstand the set."""

MOST_MANIFEST_BYTES: Final = 1 << 20
MOST_DELTAS: Final = 256
MOST_CATEGORIES: Final = 1000
MOST_SEQUENCE: Final = (1 << 53) - 1
"""Largest whole number that every JSON parser keeps exactly."""

MOST_ENTRIES: Final = 100_000_000
"""Ten times the size of the largest sets: a larger count is a mistake."""

ISSUER_NAME = re.compile(r"[^\x00-\x1f\x7f@]{1,100}")
"""Name of the issuer, for people: a unit, not a person, and not an address."""


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """A full set.

    Attributes:
        shards: Number of its files: 1 or 256.
        entries: Number of its entries.
    """

    sequence: int
    shards: int
    entries: int


class Delta(msgspec.Struct, frozen=True, kw_only=True, rename={"older": "from"}):
    """The changes from one sequence to the next.

    Attributes:
        older: Sequence of the set that it changes.
        to: Sequence of the set that results.
        operations: Number of its lines.
    """

    older: int
    to: int
    operations: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a signed set.

    Attributes:
        format: ``FORMAT``.
        set: The issuer's name for it.
        issuer: Name of the issuer, for people.
        sequence: Its sequence, from 1, one more with each change.
        entries: Number of its entries.
        categories: Number of entries of each category.
        parameters: How signals were computed: a tool and its version by signal type.
        full: The newest full set.
        deltas: The changes from the oldest sequence that is served to the newest.
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
        """Refuse a manifest that cannot be used."""
        for is_wrong, what in (
            (self.format != FORMAT, f"format {self.format} is not known"),
            (not SET_NAME.fullmatch(self.set), "the name of the set cannot be used"),
            (
                not ISSUER_NAME.fullmatch(self.issuer),
                "the issuer's name cannot be used",
            ),
            (not 0 < self.sequence <= MOST_SEQUENCE, "the number is out of bounds"),
            (not 0 <= self.entries <= MOST_ENTRIES, "the entries are too many"),
            (not 0 <= self.full.entries <= MOST_ENTRIES, "the full set is too large"),
            (self.full.shards not in {1, SHARDS}, "the shards are not 1 or 256"),
            (not 0 < self.full.sequence <= self.sequence, "the full set is newer"),
            (len(self.categories) > MOST_CATEGORIES, "there are too many categories"),
            (len(self.deltas) > MOST_DELTAS, "there are too many deltas"),
            (not self._is_chain(), "the deltas do not lead to the newest number"),
        ):
            if is_wrong:
                raise ValueError(what)

    def _is_chain(self) -> bool:
        """Tell whether each delta follows the one before, up to the newest sequence."""
        first = self.sequence - len(self.deltas)
        return 1 <= first <= self.full.sequence and all(
            delta.older == at and delta.to == at + 1
            for at, delta in enumerate(self.deltas, first)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """The files to read for the newest set.

    Attributes:
        paths: The files in the order in which they are applied.
        is_full: Whether they make the whole set, or change the existing one.
    """

    paths: tuple[str, ...]
    is_full: bool


def parse(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        HashSetFormatError: The manifest cannot be used.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
        raise HashSetFormatError(
            f"the manifest of the signed set cannot be used: {exc}",
            hint="Nothing was changed. If the issuer uses a newer release than this "
            "one, install it; otherwise tell the issuer.",
        ) from exc


def written(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest; equal manifests give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"))


def plan(manifest: Manifest, have: int | None) -> FetchPlan:
    """Return the files to read.

    Args:
        manifest: Manifest of the newest set.
        have: The sequence in force; ``None`` if there is none, or if the set must be
            read as a whole.
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
    """Return all files of a set: those of the newest full set, and older deltas."""
    whole = plan(manifest, None).paths
    older = (delta_path(d.older, d.to) for d in manifest.deltas)
    return tuple(dict.fromkeys((*whole, *older)))


def histogram(categories: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return categories with their counts, the most frequent first."""
    return sorted(categories.items(), key=lambda item: (-item[1], item[0]))


def _deltas(manifest: Manifest, have: int) -> tuple[str, ...]:
    return tuple(delta_path(d.older, d.to) for d in manifest.deltas if d.older >= have)
