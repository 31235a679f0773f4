"""Limits of framing are values that can be kept."""

import pytest

from uploadfilter.uploads.limits import UploadLimits


@pytest.mark.parametrize("name", UploadLimits.__slots__)
def test_limit_below_one_is_refused(name: str) -> None:
    """A limit that no request could keep is a mistake, not a setting."""
    with pytest.raises(ValueError, match=name):
        UploadLimits(**{name: 0})
