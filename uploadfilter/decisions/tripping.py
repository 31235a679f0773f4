"""Tell when an entry matches uploads from so many places that it must be a wrong one.

A wrong entry, such as a picture that half of the web uses, matches pictures of people
who have nothing to do with each other. So what is counted is networks, each once a day:
/24 of IPv4 and /48 of IPv6, by their keyed hashes, which change every UTC day. An
upload that matches the entry exactly counts for nothing: it is the picture itself.

Rules this module keeps: it is pure; what it holds is bounded, the entries that most
networks matched last; it never says more than counting everything would.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

import msgspec

from uploadfilter.model import EntryState, Match

Key = tuple[str, str]
"""Name of a hash set, and id of one of its entries."""

MOST_ENTRIES: Final = 1000
"""Entries that are counted at a time; who holds more listed pictures than that is no
accident. With 100 networks each they take 10 MB."""

MOST_NETWORKS: Final = 10_000
"""Networks that are counted of one entry; a threshold above never trips."""

MOST_DEMOTED: Final = 1000
"""Entries that are demoted at a time: who has more has a hash set to remove."""

FEWEST_RESTORING: Final = 2
"""People who restore an entry, as many as let one out of quarantine."""

RESTORED_S: Final = 30 * 86_400
"""For how long an entry that people have restored is not demoted again: as long as a
suppression lasts at most, in which its issuer can be asked."""


class Demotion(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that rejects nothing any more by what pictures look like.

    Attributes:
        set: Name of its hash set.
        entry: Its id.
        at: When it was demoted, in seconds since the epoch.
        networks: From how many networks uploads matched it on that day.
    """

    set: str
    entry: str
    at: int
    networks: int

    @property
    def key(self) -> Key:
        """Which entry it is about."""
        return self.set, self.entry


class Restoration(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that people have looked at and found to be right.

    Attributes:
        set: Name of its hash set.
        entry: Its id.
        at: When it was restored, in seconds since the epoch.
        by: Who did it, at least two.
        reason: Why, for people.
    """

    set: str
    entry: str
    at: int
    by: tuple[str, ...]
    reason: str

    @property
    def key(self) -> Key:
        """Which entry it is about."""
        return self.set, self.entry


class Demotions(msgspec.Struct, frozen=True, kw_only=True):
    """What the tripwire of a state directory has done, and what people undid.

    Attributes:
        demoted: Entries that reject nothing by what pictures look like.
        restored: Entries that are not demoted for a while.
    """

    demoted: tuple[Demotion, ...] = ()
    restored: tuple[Restoration, ...] = ()

    def keys(self) -> frozenset[Key]:
        """Return which entries are demoted."""
        return frozenset(it.key for it in self.demoted)

    def with_demoted(self, item: Demotion) -> "Demotions":
        """Return them after an entry was demoted; as they are if it may not be."""
        kept = self._lasting(item.at)
        if item.key in self.keys() or item.key in {it.key for it in kept}:
            return msgspec.structs.replace(self, restored=kept)
        return Demotions(demoted=(*self.demoted, item)[-MOST_DEMOTED:], restored=kept)

    def with_restored(self, item: Restoration) -> "Demotions":
        """Return them after an entry was restored."""
        kept = tuple(it for it in self._lasting(item.at) if it.key != item.key)
        return Demotions(
            demoted=tuple(it for it in self.demoted if it.key != item.key),
            restored=(*kept, item)[-MOST_DEMOTED:],
        )

    def _lasting(self, at: int) -> tuple[Restoration, ...]:
        return tuple(it for it in self.restored if abs(at - it.at) < RESTORED_S)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted on one day, to be kept over a restart.

    Attributes:
        day: UTC days since the epoch.
        networks: Hashes of networks, by set and entry.
    """

    day: int = -1
    networks: tuple[tuple[Key, tuple[str, ...]], ...] = ()


class Counting:
    """Counts of one day the networks from which each entry was matched.

    Args:
        most_entries: How many entries are counted at a time.
        counted: What was counted before.
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
            day: UTC days since the epoch. Another day begins anew, also an earlier one:
                hashes of two days cannot be compared.
            keys: The entries that it matched.
            network: Hash of the network that it came from.
            threshold: Networks from which on an entry is told.

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
        """Return what was counted."""
        return Counted(
            day=self._day,
            networks=tuple(
                (key, tuple(sorted(them))) for key, them in self._networks.items()
            ),
        )


def suspicious(matches: Iterable[Match]) -> frozenset[Key]:
    """Return the entries that may reject an upload, and only by what it looks like."""
    near, exact = set(), set()
    for match in matches:
        key = match.set, match.entry
        if match.signal_type.is_exact:
            exact.add(key)
        elif match.state is EntryState.ACTIVE:
            near.add(key)
    return frozenset(near - exact)


def softened(matches: tuple[Match, ...], demoted: Collection[Key]) -> tuple[Match, ...]:
    """Return matches of which those by demoted entries reject nothing.

    An exact match is as it was: it is the listed picture itself.
    """
    return tuple(
        replace(match, state=EntryState.MONITORED)
        if (match.set, match.entry) in demoted and not match.signal_type.is_exact
        else match
        for match in matches
    )
