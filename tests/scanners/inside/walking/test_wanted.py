"""Budgets of a content are limits of a picture."""

from dataclasses import fields

import pytest

from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.scanners.inside.walking.wanted import carving_limits_of, limits_of
from uploadfilter.scanners.wire.budgets import Budgets

SHARED = [
    field.name for field in fields(DecodeLimits) if hasattr(Budgets(), field.name)
]


@pytest.mark.parametrize("name", SHARED)
def test_limit_is_the_budget_of_its_name(name: str) -> None:
    """A budget of the operator applies to every picture."""
    budgets = Budgets(**{name: getattr(Budgets(), name) + 1})

    assert getattr(limits_of(budgets), name) == getattr(budgets, name)


def test_carved_pictures_are_of_some_size() -> None:
    """Icons inside a program are too small to be recognised."""
    assert carving_limits_of(Budgets()).least_side > limits_of(Budgets()).least_side
