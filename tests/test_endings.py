"""The kind that a name claims before a scan equals the kind that the scan proposes."""

import pytest

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.proposals import claimed
from uploadfilter.endings import PICTURES_BY_NAME
from uploadfilter.uploads.head.codings import claimed_type


@pytest.mark.parametrize("ending", sorted(PICTURES_BY_NAME))
def test_name_of_a_picture_is_proposed(ending: str) -> None:
    """By the name itself, and by the type that a form claims for it."""
    media_type = claimed_type("application/octet-stream", f"Photo.{ending.upper()}")

    assert media_type is not None
    for claim in (media_type, f"a/photo.{ending}"):
        assert claimed(Kind.DATA, (claim,), b"\x02\x80\x01\xe0") is Kind.OTHER
        assert claimed(Kind.JPEG, (claim,), b"\xff\xd8\xff") is None
