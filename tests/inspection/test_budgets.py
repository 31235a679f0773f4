"""Match budgets: probing the list is bounded, for each client and in memory."""

from uploadfilter.inspection.budgets import MatchBudgets

BUDGET = 3
WINDOW_S = 100.0


def spend(budgets: MatchBudgets, client: str, times: int, *, now_s: float = 0) -> None:
    """Have a client rejected some times."""
    for _ in range(times):
        budgets.rejected(client, now_s=now_s, window_s=WINDOW_S)


def left_s(budgets: MatchBudgets, client: str, *, now_s: float) -> float:
    """Return for how long a client has nothing left."""
    return budgets.spent_for_s(client, now_s=now_s, budget=BUDGET)


def test_budget_is_spent_until_the_window_ends() -> None:
    """The window begins with the first rejection, not with the last."""
    budgets = MatchBudgets()
    spend(budgets, "a", BUDGET - 1, now_s=0)
    assert left_s(budgets, "a", now_s=1) == 0

    spend(budgets, "a", 1, now_s=60)

    assert left_s(budgets, "a", now_s=60) == 40
    assert left_s(budgets, "a", now_s=99) == 1
    assert left_s(budgets, "a", now_s=100) == 0
    assert left_s(budgets, "b", now_s=60) == 0


def test_next_window_begins_anew() -> None:
    """Rejections of a finished window do not count."""
    budgets = MatchBudgets()
    spend(budgets, "a", BUDGET)
    spend(budgets, "a", 1, now_s=WINDOW_S)

    assert left_s(budgets, "a", now_s=WINDOW_S) == 0
    spend(budgets, "a", BUDGET - 1, now_s=WINDOW_S + 1)
    assert left_s(budgets, "a", now_s=WINDOW_S + 1) == WINDOW_S - 1


def test_nobody_has_no_budget() -> None:
    """A client that cannot be distinguished is not responsible for others."""
    budgets = MatchBudgets()
    spend(budgets, "", 10 * BUDGET)

    assert left_s(budgets, "", now_s=0) == 0
    assert len(budgets) == 0


def test_memory_is_bounded_and_the_oldest_is_forgotten() -> None:
    """The number of known clients is bounded."""
    budgets = MatchBudgets(clients_kept=10)
    for number in range(100):
        spend(budgets, str(number), BUDGET, now_s=number / 100)

    assert len(budgets) <= 10
    assert left_s(budgets, "0", now_s=1) == 0
    assert left_s(budgets, "99", now_s=1) > 0


def test_windows_that_are_over_are_forgotten() -> None:
    """The clients of yesterday take no memory."""
    budgets = MatchBudgets()
    for number in range(50):
        spend(budgets, str(number), 1)
    spend(budgets, "new", 1, now_s=WINDOW_S)

    assert len(budgets) == 1
