"""Detect an entry that matches uploads from so many networks that it must be wrong.

A wrong entry, such as a picture that half of the web uses, matches pictures of
unrelated people. So networks are counted, each once a day: /24 of IPv4 and /48 of IPv6,
by their keyed hashes, which change every UTC day. An upload that matches the entry
exactly does not count: it is the listed picture itself.

Rules this module keeps: it is pure; its memory is bounded, and drops entries of few
networks first; it never reports more than an unbounded count would.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

import msgspec

from uploadfilter.model import EntryState, Match, MatchKind

Key = tuple[str, str]
"""The name of a hash set, and the id of one of its entries."""

MOST_ENTRIES: Final = 1000
"""Most entries that are counted at a time; uploads of more listed pictures are not an
accident. With 100 networks each, they take 10 MB."""

MOST_NETWORKS: Final = 10_000
"""Most networks that are counted for one entry; a higher threshold never trips."""

MOST_DEMOTED: Final = 1000
"""Most entries that are demoted at a time: with more, the hash set should be
removed."""

FEWEST_RESTORING: Final = 2
"""Number of people who restore an entry, as for a release from quarantine."""

RESTORED_S: Final = 30 * 86_400
"""Time for which a restored entry is not demoted again: the longest time of a
suppression, enough to ask the issuer."""


class Demotion(msgspec.Struct, frozen=True, kw_only=True):
    """An entry whose perceptual matches no longer reject.

    Attributes:
        set: Name of its hash set.
        entry: Its id.
        at: Time of the demotion, in seconds since the epoch.
        networks: Number of networks whose uploads matched it on that day.
    """

    set: str
    entry: str
    at: int
    networks: int

    @property
    def key(self) -> Key:
        """The set and id of the entry."""
        return self.set, self.entry


class Restoration(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that people have checked and found to be correct.

    Attributes:
        set: Name of its hash set.
        entry: Its id.
        at: Time of the restoration, in seconds since the epoch.
        by: The people who restored it, at least two.
        reason: The reason, as text.
    """

    set: str
    entry: str
    at: int
    by: tuple[str, ...]
    reason: str

    @property
    def key(self) -> Key:
        """The set and id of the entry."""
        return self.set, self.entry


class Demotions(msgspec.Struct, frozen=True, kw_only=True):
    """The demotions of a state directory's tripwire, and their restorations.

    Attributes:
        demoted: Entries whose perceptual matches do not reject.
        restored: Entries that are not demoted for a while.
    """

    demoted: tuple[Demotion, ...] = ()
    restored: tuple[Restoration, ...] = ()

    def keys(self) -> frozenset[Key]:
        """Return the demoted entries."""
        return frozenset(it.key for it in self.demoted)

    def with_demoted(self, item: Demotion) -> "Demotions":
        """Return the demotions with one more entry, unless it may not be demoted."""
        kept = self._lasting(item.at)
        if item.key in self.keys() or item.key in {it.key for it in kept}:
            return msgspec.structs.replace(self, restored=kept)
        return Demotions(demoted=(*self.demoted, item)[-MOST_DEMOTED:], restored=kept)

    def with_restored(self, item: Restoration) -> "Demotions":
        """Return the demotions after the restoration of an entry."""
        kept = tuple(it for it in self._lasting(item.at) if it.key != item.key)
        return Demotions(
            demoted=tuple(it for it in self.demoted if it.key != item.key),
            restored=(*kept, item)[-MOST_DEMOTED:],
        )

    def _lasting(self, at: int) -> tuple[Restoration, ...]:
        return tuple(it for it in self.restored if abs(at - it.at) < RESTORED_S)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one day, to be kept over a restart.

    Attributes:
        day: UTC days since the epoch.
        networks: Hashes of networks, by set and entry.
    """

    day: int = -1
    networks: tuple[tuple[Key, tuple[str, ...]], ...] = ()


class Counting:
    """Counts for one day the networks from which each entry was matched.

    Args:
        most_entries: Most entries that are counted at a time.
        counted: Earlier counts of the day.
    """

    def __init__(
        self, *, most_entries: int = MOST_ENTRIES, counted: Counted | None = None
    ) -> None:
        self._most = most_entries
        before = counted or Counted()
        self._day = before.day
        self._networks = {key: set(them) for key, them in before.networks}

    def saw(
        self, day: int, keys: Iterable[Key], network: str, *, threshold: int
    ) -> dict[Key, int]:
        """Count an upload.

        Args:
            day: UTC days since the epoch. Another day, even an earlier one, resets the
                counts: hashes of two days cannot be compared.
            keys: The entries that the upload matched.
            network: Hash of the network that it came from.
            threshold: Number of networks from which on an entry is reported.

        Returns:
            The entries that have reached the threshold, with their networks.
        """
        if day != self._day:
            self._day, self._networks = day, {}
        reached = {}
        for key in keys:
            known = self._networks.get(key)
            if known is None:
                if len(self._networks) >= self._most:
                    fewest = min(self._networks, key=lambda it: len(self._networks[it]))
                    del self._networks[fewest]
                known = self._networks[key] = set()
            if len(known) < MOST_NETWORKS:
                known.add(network)
            if len(known) >= threshold:
                reached[key] = len(known)
        return reached

    def counted(self) -> Counted:
        """Return the counts."""
        return Counted(
            day=self._day,
            networks=tuple(
                (key, tuple(sorted(them))) for key, them in self._networks.items()
            ),
        )


def suspicious(matches: Iterable[Match]) -> frozenset[Key]:
    """Return the entries that may reject an upload, but only by perceptual matches.

    An altered copy counts like any other perceptual match; callers leave it out where
    the policy only counts it. An entry that is only near does not count: pictures of
    one kind from many networks must not take an entry out of force.
    """
    near, exact = set(), set()
    for match in matches:
        key = match.set, match.entry
        if match.signal_type.is_exact:
            exact.add(key)
        elif match.state is EntryState.ACTIVE and match.kind is not MatchKind.NEAR:
            near.add(key)
    return frozenset(near - exact)


def softened(matches: tuple[Match, ...], demoted: Collection[Key]) -> tuple[Match, ...]:
    """Return matches with those of demoted entries changed so that they do not reject.

    An exact match is unchanged: it is the listed picture itself.
    """
    return tuple(
        replace(match, state=EntryState.MONITORED)
        if (match.set, match.entry) in demoted and not match.signal_type.is_exact
        else match
        for match in matches
    )
