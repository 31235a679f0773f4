"""The drawing of where an original lies in an upload."""

import pytest

from uploadfilter.proxy.admin.outlines import drawing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, "", id="no-outline"),
        pytest.param("whole", "M0 0L100 0L100 100L0 100Z", id="whole"),
        pytest.param(
            "box 0 0.1 1 0.9", "M0 10L100 10L100 90L0 90Z", id="in-a-letterbox"
        ),
        pytest.param(
            "crop 0.2 0 0 0", "M-25 0L100 0L100 100L-25 100Z", id="cut-at-the-left"
        ),
        pytest.param(
            "box 0 0 1 0.5, hidden 0 0.8 1 1",
            "M0 0L100 0L100 50L0 50ZM0 40L100 40L100 50L0 50Z",
            id="with-a-hidden-strip",
        ),
        pytest.param(
            "crop 0.45 0 0.45 0", "M-50 0L150 0L150 100L-50 100Z", id="far-outside"
        ),
        pytest.param("spiral 3", "", id="of-a-newer-version"),
        pytest.param("crop 1 2", "", id="damaged"),
    ],
)
def test_outline_becomes_a_path(text: str | None, expected: str) -> None:
    """A path of numbers alone; a form that is not known is not drawn."""
    assert drawing(text) == expected
