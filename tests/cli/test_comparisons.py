"""The effect of each preset on past uploads, for people and for programs."""

import pytest

from tests.decisions.logs import ACCEPTED, REFUSED, REJECTED, decision
from uploadfilter.cli.comparisons import (
    ActionsJSON,
    PresetActionsJSON,
    comparison_document,
    print_comparison,
)
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
    document = comparison_document(compared)

    assert document.uploads == 3
    assert document.in_force == ActionsJSON(1, 2, 0)
    assert document.presets["strict"] == PresetActionsJSON(
        1, 2, 0, {"malformed_form": 1}
    )


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
