"""Look signals up in the reference set, for a program that computed them itself.

Rules this module keeps: signals are compared as in ``uploadfilter lookup``; a question
is bounded; nothing is put on record, since there is no upload.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final, Protocol

import msgspec

from uploadfilter.evidence.background import Background
from uploadfilter.evidence.judging import judge_values
from uploadfilter.evidence.telling import MOST_TOLD
from uploadfilter.model import EntryState, Signal, SignalType
from uploadfilter.reference.search.matching import (
    Candidate,
    Generation,
    Query,
    Thresholds,
)

MOST_SIGNALS: Final = 64
"""Most signals of one question: those of one picture in all variants and geometries."""

MOST_BYTES: Final = 16 * 1024
"""Longest question, in bytes."""


class AskedSignal(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One signal to look up.

    Attributes:
        signal: Its type.
        value: Its value, in hexadecimal digits.
    """

    signal: SignalType
    value: Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{2}){8,32}$")]


class LookUpQuestion(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Signals to look up.

    Attributes:
        signals: The signals, at least one.
    """

    signals: Annotated[
        tuple[AskedSignal, ...], msgspec.Meta(min_length=1, max_length=MOST_SIGNALS)
    ]


class FoundEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry that a signal found; the fields are as in ``FoundMatch``."""

    set: str
    entry: str
    category: str
    state: EntryState
    distance: int
    chance: float | None


class LookUpOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the signals found.

    Attributes:
        generation: Number of the searched generation.
        results: For each signal, in the order asked, its entries, nearest first.
    """

    generation: int
    results: tuple[tuple[FoundEntry, ...], ...]


class Reference(Protocol):
    """An object that knows the newest generation of the reference set."""

    def current(self) -> Generation:
        """Return it.

        Raises:
            StoreError: There is no usable one.
        """


class LookUps:
    """Looks signals up.

    Args:
        reference: Knows the newest generation.
        background: Returns the prepared cohort, by which matches are judged.
    """

    def __init__(
        self, reference: Reference, background: Callable[[], Background | None]
    ) -> None:
        self._reference = reference
        self._background = background

    async def answer(self, data: bytes, thresholds: Thresholds) -> LookUpOutcome:
        """Answer one question, in a thread.

        Raises:
            ValueError: The bytes are no question.
            StoreError: There is no usable reference set.
        """
        question = msgspec.json.decode(data, type=LookUpQuestion)
        queries = [_query(it, thresholds) for it in question.signals]
        return await asyncio.to_thread(self._search, queries)

    def _search(self, queries: list[Query]) -> LookUpOutcome:
        generation = self._reference.current()
        results = look_up(generation, queries, self._background)
        return LookUpOutcome(generation=generation.number, results=results)


def look_up(
    generation: Generation,
    queries: Sequence[Query],
    background: Callable[[], Background | None],
) -> tuple[tuple[FoundEntry, ...], ...]:
    """Return for each query, in order, the entries that it finds, nearest first.

    Args:
        generation: The generation that is searched.
        queries: The queries.
        background: Returns the prepared cohort; called only for a match of PDQ.
    """
    return tuple(
        tuple(
            FoundEntry(
                set=it.set,
                entry=it.entry,
                category=it.category,
                state=it.state,
                distance=it.distance,
                chance=_chance(generation, query, it, background)
                if n < MOST_TOLD
                else None,
            )
            for n, it in enumerate(nearest(found))
        )
        for query, found in zip(queries, generation.search(queries), strict=True)
    )


def nearest(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the nearest candidate of each entry, nearest first."""
    kept: dict[tuple[str, str], Candidate] = {}
    for it in sorted(found, key=lambda it: (it.distance, it.set, it.entry)):
        kept.setdefault((it.set, it.entry), it)
    return tuple(kept.values())


def _chance(
    generation: Generation,
    query: Query,
    found: Candidate,
    background: Callable[[], Background | None],
) -> float | None:
    if query.signal.type is not SignalType.PDQ:
        return None
    return judge_values(
        background(),
        query.signal.value,
        found.value,
        entries=generation.entry_count,
        tries=1,
    ).expected


def _query(asked: AskedSignal, thresholds: Thresholds) -> Query:
    """Return a query.

    Raises:
        ValueError: The value has not the length of its type.
    """
    signal = Signal(type=asked.signal, value=bytes.fromhex(asked.value))
    return Query(signal=signal, threshold=thresholds.bits(asked.signal))
