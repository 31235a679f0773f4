"""Rows of the table have a party, a reason and, if a person made them, an end."""

import pytest

from tests.reference.entries.rows import GATED, NOW, TRIPPED, row
from uploadfilter.errors import UsageError
from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.off import (
    MOST_OFF_S,
    OFF_S,
    Party,
    check_people,
    new_off,
    new_release,
    withdrawals,
)


def test_each_party_has_a_row_of_its_own() -> None:
    """An entry that four parties switched off stands there four times."""
    changes = Changes().with_off(
        [
            row(until=NOW + 10),
            GATED,
            TRIPPED,
            *withdrawals("s", {"1": True}, 2),
            *withdrawals("s", {"2": False}, 3, until_listed=True),
        ]
    )
    later = {it.party for it in changes.off if it.holds(NOW + 10)}

    assert {it.slot[1:]: it.reason for it in changes.off} == {
        ("1", Party.ISSUER): "withdrawn for good, generation 2",
        ("2", Party.ISSUER): "withdrawn until it is listed again, generation 3",
        ("1", Party.OPERATOR): "ours",
        ("1", Party.GATE): "near match of 'own', 7 bits",
        ("1", Party.TRIPWIRE): "9 networks",
    }
    assert later == set(Party) - {Party.OPERATOR}


def test_row_of_an_operator_lasts_three_days() -> None:
    """That is the default, and none lasts longer than a month."""
    assert row().until == int(NOW + OFF_S)
    assert row(until=NOW + 10).until == int(NOW + 10)
    for end in (NOW, NOW - 1):
        with pytest.raises(UsageError, match="is not in the future"):
            row(until=end)
    for end in (NOW + MOST_OFF_S + 1, float("nan")):
        with pytest.raises(UsageError, match="longer than 30 days"):
            row(until=end)


@pytest.mark.parametrize(
    "why", ["", "  ", "x" * 201, "two\nlines", "mail a@b.example", "\x1b[0m"]
)
def test_reason_is_one_line_for_people(why: str) -> None:
    """A text that could mislead, or names a person, is refused, off and on."""
    with pytest.raises(UsageError, match="an entry off needs a reason"):
        new_off(("s", "1"), why=why, by="me", now=NOW)
    with pytest.raises(UsageError, match="an entry on needs a reason"):
        new_release(TRIPPED, by=["ab", "cd"], why=why, now=NOW)


@pytest.mark.parametrize("by", ["", "-x", "a b", "a@b", "x" * 65])
def test_who_asks_is_an_account(by: str) -> None:
    """An address is refused, and so is a text that is not one word."""
    with pytest.raises(UsageError, match="who asks"):
        new_off(("s", "1"), why="ours", by=by, now=NOW)
    with pytest.raises(UsageError, match="who asks"):
        new_release(GATED, by=["ab", by], why="", now=NOW)


@pytest.mark.parametrize(
    ("by", "named"),
    [
        ([], "nobody is named"),
        (["ab"], "only 'ab' is named"),
        (["ab", "AB"], "only 'ab' is named, 2 times"),
    ],
)
def test_one_person_is_not_enough(by: list[str], named: str) -> None:
    """What a machine switched off needs two people; the same one twice is one."""
    with pytest.raises(UsageError, match=f"by 2 different people, and {named}$"):
        check_people(by)


def test_release_says_what_was_released() -> None:
    """The gate's is of the signals of then; the tripwire's lasts for a month.

    This also holds if the clock jumps back.
    """
    gate = new_release(GATED, by=["x", "y"], why="", now=NOW)
    tripwire = new_release(TRIPPED, by=["x", "y"], why="right", now=NOW)

    assert (gate.digest, gate.by, gate.why) == ("77", ("x", "y"), "")
    assert not gate.spares(NOW)
    assert tripwire.spares(NOW - 1000)
    assert tripwire.spares(NOW + MOST_OFF_S - 1)
    assert not tripwire.spares(NOW + MOST_OFF_S)
