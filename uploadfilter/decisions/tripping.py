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

from uploadfilter.model import EntryState, Match, MatchKind

Key = tuple[str, str]
"""The name of a hash set, and the id of one of its entries."""

MOST_ENTRIES: Final = 1000
"""Most entries that are counted at a time; uploads of more listed pictures are not an
accident. With 100 networks each, they take 10 MB."""

MOST_NETWORKS: Final = 10_000
"""Most networks that are counted for one entry; a higher threshold never trips."""


class Counting:
    """Counts for one day the networks from which each entry was matched."""

    def __init__(self, *, most_entries: int = MOST_ENTRIES) -> None:
        self._most = most_entries
        self._day = -1
        self._networks: dict[Key, set[str]] = {}

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
