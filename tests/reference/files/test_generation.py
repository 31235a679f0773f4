"""A stored generation answers like any other."""

import pytest

from tests.conformance.generations import CHECKS, Check
from tests.reference.stores import stored


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_stored_generation_conforms(check: Check) -> None:
    """The generation in LMDB passes the suite of every generation."""
    check(stored)
