"""How much one name may ask, at once and in a minute."""

from contextlib import ExitStack

import pytest

from uploadfilter.doors.quotas import USUAL, Quota, Quotas, Scope

TWO = Quota(per_minute=2, at_once=2)


def asked(quotas: Quotas, now_s: float, name: str = "a", quota: Quota = TWO) -> float:
    """Ask once, and return the seconds to wait; 0 if the question was answered."""
    with quotas.question(Scope.SCAN, name, quota, now_s=now_s) as wait_s:
        return wait_s


def test_bucket_fills_up_within_a_minute() -> None:
    """What was refused does not count; the wait is until one more may be asked."""
    quotas = Quotas(lambda: 256)
    waits = [asked(quotas, now_s) for now_s in (0, 0, 0, 10, 29, 30, 30, 600, 600)]

    assert waits == pytest.approx([0, 0, 30, 20, 1, 0, 30, 0, 0])


def test_names_and_scopes_have_accounts_of_their_own() -> None:
    """One token cannot use up what another may ask."""
    quotas, one = Quotas(lambda: 256), Quota(per_minute=1, at_once=1)
    assert asked(quotas, 0, "a", one) == 0
    assert asked(quotas, 0, "a", one) > 0

    assert asked(quotas, 0, "b", one) == 0
    with quotas.question(Scope.LOOKUP, "a", one, now_s=0) as wait_s:
        assert wait_s == 0


def test_question_is_open_until_it_is_answered() -> None:
    """Also one whose answer failed ends; one that was refused was never open."""
    quotas, some = Quotas(lambda: 256), Quota(per_minute=100, at_once=2)
    with ExitStack() as open_ones:
        for _ in range(2):
            question = quotas.question(Scope.SCAN, "a", some, now_s=0)
            assert open_ones.enter_context(question) == 0
        assert asked(quotas, 0, "a", some) == 5
        assert asked(quotas, 0, "a", some) == 5

    with (
        pytest.raises(OSError, match="gone"),
        quotas.question(Scope.SCAN, "a", some, now_s=0),
    ):
        raise OSError("gone")
    with quotas.question(Scope.SCAN, "a", some, now_s=0) as wait_s:
        assert wait_s == 0
        assert asked(quotas, 0, "a", some) == 0


@pytest.mark.parametrize(
    ("places", "most"), [(1, 1), (2, 1), (53, 17), (150, 50), (256, 64)]
)
def test_name_leaves_places_to_others(places: int, most: int) -> None:
    """With few places, a name may have a third of them open, whatever its quota."""
    quotas, quota = Quotas(lambda: places), Quota(per_minute=1000, at_once=64)
    with ExitStack() as open_ones:
        waits = [
            open_ones.enter_context(quotas.question(Scope.SCAN, "a", quota, now_s=0))
            for _ in range(100)
        ]
    assert waits == [0] * most + [5] * (100 - most)


def test_each_scope_has_a_usual_quota() -> None:
    """A new scope cannot be without limits."""
    assert set(USUAL) == set(Scope)
