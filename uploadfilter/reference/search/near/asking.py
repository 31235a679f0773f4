"""The contract of a generation that is searched beyond the threshold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from uploadfilter.reference.search.matching import Candidate, Generation
from uploadfilter.reference.search.soft import LEAST_SCORE, SoftBatch

BUDGET = 2_500_000
"""Units of work for one upload, about 20 ns each: four times what an unrelated upload
takes at ten million entries."""

MOST_CANDIDATES = 256
"""Most candidates of one upload. Only the best are judged, so no evidence is lost with
the others: an upload with few strong edges has hundreds at a million entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearCandidate:
    """An entry that the soft views of an upload point at.

    Attributes:
        candidate: The entry; its distance is that of the best view.
        value: The entry's PDQ value, 32 bytes.
        view: Position in the batch of the view with the highest score.
        score: That score, in nats (``search/soft.py``).
    """

    candidate: Candidate
    value: bytes
    view: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NearFound:
    """The result of a search beyond the threshold.

    Attributes:
        candidates: The best first, at most ``MOST_CANDIDATES``.
        work: Units of work that the search took.
        is_complete: False if the budget cut the search short.
    """

    candidates: tuple[NearCandidate, ...] = ()
    work: int = 0
    is_complete: bool = True


class NearGeneration(Generation, Protocol):
    """A generation that also finds entries beyond the threshold."""

    @property
    def windows(self) -> frozenset[str]:
        """The windows of its signals: ``FULL_WINDOW``, and others if entries have them.

        A window that no entry has any more may be among them.
        """

    def search_near(
        self,
        batch: SoftBatch,
        *,
        budget: int = BUDGET,
        least: float = LEAST_SCORE,
    ) -> NearFound:
        """Find entries with a sufficient score under the best of some soft views.

        PDQ signals of every geometry and window take part, unless ``search`` would
        leave them out as well: exact-only entries, a quality below ``QUALITY_FLOOR``,
        entries that are withdrawn. Every score is exact. A table of a thousand values
        is searched completely; in a larger one the search may miss an entry, see
        ``near_index.py``.
        """


def joined(found: Iterable[NearFound]) -> NearFound:
    """Join the results of the parts of a generation, the best candidates first."""
    parts = tuple(found)
    candidates = (item for part in parts for item in part.candidates)
    return NearFound(
        candidates=tuple(sorted(candidates, key=_by_score)),
        work=sum(part.work for part in parts),
        is_complete=all(part.is_complete for part in parts),
    )


def limited(found: NearFound) -> NearFound:
    """Keep the best ``MOST_CANDIDATES``."""
    return replace(found, candidates=found.candidates[:MOST_CANDIDATES])


def _by_score(item: NearCandidate) -> tuple[float, str, str]:
    return -item.score, item.candidate.set, item.candidate.entry
