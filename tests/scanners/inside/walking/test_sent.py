"""Contents that a site may look at unchanged."""

import pytest

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.scanners.inside.walking.sent import is_decoded, is_read_as_text


@pytest.mark.parametrize(
    ("kind", "declared", "is_text"),
    [
        pytest.param(Kind.TEXT, "", True, id="text"),
        pytest.param(Kind.HTML, "image/png", True, id="page"),
        pytest.param(Kind.JPEG, "text/html; charset=utf-8", True, id="declared"),
        pytest.param(Kind.DATA, "application/json", True, id="json"),
        pytest.param(Kind.DATA, "application/vnd.api+json", True, id="of-json"),
        pytest.param(Kind.JPEG, "image/jpeg", False, id="picture"),
        pytest.param(
            Kind.ZIP,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            False,
            id="document",
        ),
    ],
)
def test_text_is_told_by_bytes_or_type(
    kind: Kind, declared: str, *, is_text: bool
) -> None:
    """A site may go by either."""
    assert is_read_as_text(kind, declared) is is_text


def test_archives_are_kept_and_streams_decoded() -> None:
    """A site works with the contents of a text or a packed body."""
    kinds = (Kind.TEXT, Kind.GZIP, Kind.ZIP, Kind.TAR, Kind.PDF)

    assert [kind for kind in kinds if is_decoded(kind)] == [Kind.TEXT, Kind.GZIP]
