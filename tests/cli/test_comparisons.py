"""The effect of each preset on past uploads, for people and for programs."""

import pytest

from tests.decisions.logs import ACCEPTED, REFUSED, REJECTED, decision
from uploadfilter.cli.comparisons import document_of, print_comparison
from uploadfilter.decisions.presets import Comparison


@pytest.fixture
def compared() -> Comparison:
    """Return some uploads, counted."""
    found = Comparison()
    for judged in (ACCEPTED, REJECTED, REFUSED):
        found.add(decision("d", judged))
    return found


def test_programs_get_every_count(compared: Comparison) -> None:
    """By preset, action and reason."""
    document = document_of(compared)

    assert document["uploads"] == 3
    assert document["in_force"] == {"accept": 1, "reject": 2, "retry_later": 0}
    assert document["presets"]["strict"] == {  # type: ignore[index]  # a table of them
        "accept": 1,
        "reject": 2,
        "retry_later": 0,
        "rejected_without_a_match": {"malformed_form": 1},
    }


def test_people_get_a_table(
    compared: Comparison, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line for the policy in force, and one for each preset."""
    print_comparison(compared)
    lines = capfd.readouterr().out.splitlines()

    assert [line.split()[0] for line in lines[1:]] == [
        "in",
        "matches_only",
        "balanced",
        "strict",
    ]
    assert "malformed_form 1" in lines[-1]
