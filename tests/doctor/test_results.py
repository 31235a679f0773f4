"""Results of checks."""

import pytest

from uploadfilter.doctor.results import Area, Grade, failure, success, warning


def test_result_that_is_not_good_needs_a_remedy() -> None:
    """An operator at night must not be left with a fault only."""
    assert success(Area.LOG, "fine").grade is Grade.OK
    for make in (warning, failure):
        with pytest.raises(ValueError, match="needs a hint"):
            make(Area.LOG, "lost", "")
