"""Joining what the parts of a generation found."""

from uploadfilter.model import EntryState
from uploadfilter.reference.search.matching import Candidate
from uploadfilter.reference.search.near.asking import (
    MOST_CANDIDATES,
    NearCandidate,
    NearFound,
    joined,
    limited,
)


def _found(*scores: float, work: int = 1, is_complete: bool = True) -> NearFound:
    candidates = tuple(
        NearCandidate(
            candidate=Candidate(
                set="a",
                entry=str(at),
                category="A",
                state=EntryState.ACTIVE,
                distance=40,
            ),
            value=bytes(32),
            view=0,
            score=score,
        )
        for at, score in enumerate(scores)
    )
    return NearFound(candidates=candidates, work=work, is_complete=is_complete)


def test_parts_are_joined_the_best_first() -> None:
    """Work is added, and one part that was cut short makes the whole so."""
    whole = joined([_found(20, 18), _found(19, work=4, is_complete=False)])

    assert [item.score for item in whole.candidates] == [20, 19, 18]
    assert whole.work == 5
    assert not whole.is_complete
    assert joined([]) == NearFound()


def test_the_best_of_too_many_candidates_are_kept() -> None:
    """Weaker ones are never judged, so the search is as complete as before."""
    few, many = _found(*range(20)), _found(*range(1000, 0, -1))

    assert limited(few) == few
    assert [item.score for item in limited(many).candidates] == list(
        range(1000, 1000 - MOST_CANDIDATES, -1)
    )
    assert limited(many).is_complete
    assert not limited(_found(1, is_complete=False)).is_complete
