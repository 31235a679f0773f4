"""A reference set that is searched the slow way."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.evidence.seen import listed
from tests.reference.listed import ListedGeneration
from uploadfilter.model import FULL_WINDOW, EntryState, SignalType
from uploadfilter.reference.search.matching import Candidate, Query
from uploadfilter.reference.search.near.asking import NearCandidate, NearFound
from uploadfilter.reference.search.soft import SoftBatch, reference_near


@dataclass
class Searched:
    """A generation of PDQ values that is searched the slow way, from end to end."""

    values: Sequence[bytes]
    quality: int | None = None
    is_complete: bool = True
    types: frozenset[SignalType] = frozenset({SignalType.PDQ})
    windows: frozenset[str] = frozenset({FULL_WINDOW})
    batches: list[SoftBatch] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Its number."""
        return 1

    @property
    def signal_types(self) -> frozenset[SignalType]:
        """The types that it is said to have."""
        return self.types

    @property
    def entry_count(self) -> int:
        """How many entries it holds."""
        return len(self.values)

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find entries within the threshold."""
        entries = [listed(str(n), value) for n, value in enumerate(self.values)]
        return ListedGeneration({"s": entries}).search(queries)

    def search_near(
        self, batch: SoftBatch, *, budget: int = 0, least: float = 15.0
    ) -> NearFound:
        """Find entries by soft views, and note the views."""
        del budget
        self.batches.append(batch)
        rows = np.frombuffer(b"".join(self.values), np.uint8).reshape(-1, 32)
        found = reference_near(rows, batch, least)
        ordered = sorted(found.items(), key=lambda item: -item[1])
        return NearFound(
            candidates=tuple(
                NearCandidate(
                    candidate=Candidate(
                        set="s",
                        entry=str(row),
                        category="a",
                        state=EntryState.ACTIVE,
                        distance=0,
                        quality=self.quality,
                    ),
                    value=self.values[row],
                    view=0,
                    score=score,
                )
                for row, score in ordered
            ),
            is_complete=self.is_complete,
        )
