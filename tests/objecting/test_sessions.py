"""Tests of uploadfilter.objecting.sessions."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.objecting.sessions import (
    IDLE_S,
    LONGEST_S,
    MOST_SESSIONS,
    ReviewSessions,
)


def begin(sessions: ReviewSessions, cookie: str, *, now_s: float = 0.0) -> None:
    """Begin a session."""
    sessions.begin("anna", mark="m", cookie=cookie, form=f"f-{cookie}", now_s=now_s)


@given(st.lists(st.floats(0, 2 * IDLE_S), max_size=40))
def test_session_ends_when_it_is_not_used(gaps_s: list[float]) -> None:
    """After the idle time, and at the end of a working day in any case."""
    sessions, now_s, is_alive = ReviewSessions(), 0.0, True
    begin(sessions, "c")
    for gap_s in gaps_s:
        now_s += gap_s
        is_alive = is_alive and gap_s < IDLE_S and now_s < LONGEST_S

        assert (sessions.use("c", now_s=now_s) is not None) == is_alive


def test_form_is_of_one_session() -> None:
    """The number of another one, or of none, does not fit."""
    sessions = ReviewSessions()
    begin(sessions, "a")
    begin(sessions, "b")
    found = sessions.use("a", now_s=1)

    assert found is not None
    assert found.knows_form("f-a")
    assert not found.knows_form("f-b")
    assert not found.knows_form("\ud800")
    sessions.end("a")
    assert sessions.use("a", now_s=1) is None
    assert sessions.use("", now_s=1) is None


def test_sessions_are_bounded() -> None:
    """The one that was used longest ago goes first."""
    sessions = ReviewSessions()
    for at in range(MOST_SESSIONS + 1):
        begin(sessions, str(at), now_s=at / 1000)

    assert sessions.use("0", now_s=1) is None
    assert sessions.use("1", now_s=1) is not None
