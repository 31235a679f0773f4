"""Budgets of a content are limits of a picture."""

from dataclasses import fields

import pytest

from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.scanners.inside.walking.wanted import carving_limits_of, limits_of
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ProcessKind

SHARED = [
    name
    for name in (field.name for field in fields(DecodeLimits))
    if name in {field.name for field in fields(Budgets)}
]


@pytest.mark.parametrize("name", SHARED)
def test_limit_is_the_budget_of_its_name(name: str) -> None:
    """A budget of the operator applies to every picture."""
    budgets = Budgets(**{name: getattr(Budgets(), name) + 1})

    assert getattr(limits_of(budgets, ProcessKind.ALONE), name) == getattr(
        budgets, name
    )


def test_carved_pictures_are_of_some_size() -> None:
    """Icons inside a program are too small to be recognised."""
    carved = carving_limits_of(Budgets(), ProcessKind.ALONE)

    assert carved.least_side > limits_of(Budgets(), ProcessKind.ALONE).least_side


def test_large_pictures_have_most_of_the_space_of_their_process() -> None:
    """The rest is for the interpreter and what is shown; 0 switches it off."""
    space = Budgets().large_address_space
    limits = limits_of(Budgets(), ProcessKind.LARGE)

    assert space / 2 < limits.max_large_bytes < space - (500 << 20)
    assert limits.is_large
    none = limits_of(Budgets(large_address_space=0), ProcessKind.ALONE)
    assert (none.max_large_bytes, none.is_large) == (0, False)
