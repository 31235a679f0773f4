"""Results of checks."""

import pytest

from uploadfilter.doctor.results import Area, Grade, failed, ok, warning


def test_result_that_is_not_good_needs_a_remedy() -> None:
    """An operator at night must not be left with a fault only."""
    assert ok(Area.LOG, "fine").grade is Grade.OK
    for make in (warning, failed):
        with pytest.raises(ValueError, match="needs a hint"):
            make(Area.LOG, "lost", "")
