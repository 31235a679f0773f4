"""Thresholds of the judgement: a mistake is refused, with the reason."""

import re
from typing import Any

import pytest

from uploadfilter.evidence.settings import EvidenceSettings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"altered": 0.0}, "altered must be above 0 and below 1, not 0.0"),
        ({"near": 1.0}, "near must be above 0 and below 1, not 1.0"),
        ({"altered": float("nan")}, "altered must be above 0"),
        ({"altered": 1e-3}, "altered must be at most near (0.0001), not 0.001"),
        ({"most_views": 0}, "most_views must be from 1 to 1024, not 0"),
        ({"most_views": 2000}, "most_views must be from 1 to 1024, not 2000"),
    ],
)
def test_impossible_setting_is_refused(values: dict[str, Any], message: str) -> None:
    """The message names the key, the bounds and the value."""
    with pytest.raises(ValueError, match=re.escape(message)):
        EvidenceSettings(**values)


def test_bounds_are_allowed() -> None:
    """Each bound itself is a setting, and equal thresholds leave no near match."""
    EvidenceSettings(altered=0.5, near=0.5, most_views=1)
    EvidenceSettings(altered=1e-30, near=1e-30, most_views=1024)
