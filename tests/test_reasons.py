"""A reason stands in every place that it belongs to; missing places are named.

This is the list for "Add a reason" in ``CONTRIBUTING.md``. Each place that a new reason
has to be added to gets a line here, so that no developer has to know them all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.repository import ROOT
from uploadfilter.decisions.policy import BY_WEIGHT, CHOICE_OF, FIGHTING, Policy
from uploadfilter.model import (
    EXEMPTIONS,
    INCAPACITY,
    REFUSALS,
    Reason,
)

GROUPS = {
    "FIGHTING": FIGHTING,
    "REFUSALS": REFUSALS,
    "INCAPACITY": INCAPACITY,
    "EXEMPTIONS": EXEMPTIONS,
}


def page(name: str) -> str:
    """Return a page of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places to look into; replaced by a test of this test."""

    reasons: str = field(default_factory=lambda: page("docs/operating/reasons.md"))
    keys: str = field(default_factory=lambda: page("docs/operating/keys.md"))
    table: str = field(default_factory=lambda: page("docs/decision-table.md"))
    contributing: str = field(default_factory=lambda: page("CONTRIBUTING.md"))


def _row(reason: str) -> str:
    """Return the pattern of a row about a reason, which it may share with others."""
    return rf"(?m)^\|[^|]*`{reason}`[^|]*\|.*\n"


def missing(reason: str, places: Places) -> Iterator[str]:
    """Yield the remaining steps for a reason, one place after the other."""
    named = f"`{reason}`"
    groups = [name for name, group in GROUPS.items() if reason in group]
    if reason != Reason.UNREADABLE and not groups and reason not in CHOICE_OF:
        yield (
            f"say who decides: a field {reason!r} in Policy (uploadfilter/decisions/"
            "policy.py) if the operator may choose its action, with a line of its "
            "docstring, or OVER_BUDGET there, whose members share one; "
            f"else one of {', '.join(GROUPS)} (uploadfilter/model.py)"
        )
    if reason not in {str(it) for it in BY_WEIGHT}:
        yield (
            "put it into BY_WEIGHT (uploadfilter/decisions/policy.py), before what "
            "explains an answer less well"
        )
    _, _, reasons = places.reasons.partition("\n## Reasons\n")
    if not re.search(_row(reason), reasons.partition("\n## ")[0]):
        yield (
            f"write a row {named} into 'Reasons' of docs/operating/reasons.md: "
            "what it means, what is done, what to do"
        )
    if reason in CHOICE_OF:
        yield from _missing_of_a_choice(Reason(reason), places)
    is_given = reason != Reason.UNREADABLE
    if is_given and not re.search(rf"\b{reason}\b", places.table):
        yield (
            "write a row into docs/decision-table.md, in ENFORCE, with the scan or the "
            "failure that gives it, and with what is decided"
        )


def _missing_of_a_choice(reason: Reason, places: Places) -> Iterator[str]:
    """Yield what a reason needs whose action the operator may choose."""
    choice = CHOICE_OF[reason]
    default = Policy().chosen(choice).value.lower()
    _, _, policy = places.keys.partition("\n## `[policy]`\n")
    rows = policy.partition("\n## ")[0]
    found = re.search(rf"^\| `{choice}` \| `{default}` \|.*", rows, re.MULTILINE)
    if found is None or f"`{reason}`" not in found[0]:
        yield (
            f"name {reason} at the field {choice!r} in the docstring of Policy, and "
            f"run 'make settings', which writes a row | `{choice}` | `{default}` | "
            "into [policy] of docs/operating/keys.md"
        )


@pytest.mark.parametrize("reason", Reason)
def test_reason_stands_in_every_place(reason: Reason) -> None:
    """A developer who adds a reason reads here all remaining steps."""
    to_do = list(missing(reason.value, Places()))

    assert not to_do, "\n- ".join(
        [
            f"the reason {reason.value!r} is new; CONTRIBUTING.md, 'Add a reason':",
            *to_do,
            "say it to operators in CHANGELOG.md, under Unreleased",
        ]
    )


def test_reason_that_nobody_has_written_down_is_told_in_every_place() -> None:
    """The check above finds each place, also for a reason that is nowhere yet."""
    to_do = list(missing("made_up", Places()))

    assert len(to_do) == 4
    for place in (
        "uploadfilter/decisions/policy.py",
        "uploadfilter/model.py",
        "BY_WEIGHT",
        "docs/operating/reasons.md",
        "docs/decision-table.md",
    ):
        assert any(place in line for line in to_do), place


@pytest.mark.parametrize("reason", CHOICE_OF)
def test_row_of_a_choice_that_is_missing_is_told(reason: Reason) -> None:
    """A page without the rows of a reason is found, for each reason."""
    full = Places()
    less = Places(
        reasons=re.sub(_row(reason), "", full.reasons),
        keys=re.sub(rf"(?m)^\| `{CHOICE_OF[reason]}` \|.*\n", "", full.keys),
    )

    to_do = list(missing(reason, less))

    assert len(to_do) == 2
    assert "docs/operating/reasons.md" in to_do[0]
    assert "docs/operating/keys.md" in to_do[1]
