"""Limits of the upload store that make no sense are refused."""

import pytest

from uploadfilter.proxy.assembling.settings import StoreSettings


@pytest.mark.parametrize("name", ["expire_s", "uploads_total", "disk_total_bytes"])
def test_limits_are_positive(name: str) -> None:
    """A store without room could hold no upload."""
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        StoreSettings(**{name: 0})  # type: ignore[arg-type] # all are numbers
