"""The type of parts keeps what says which of them is the root."""

import pytest

from uploadfilter.uploads.head.fields import parse_media_type
from uploadfilter.uploads.head.multiparts import fault_in, without_boundary


@pytest.mark.parametrize(
    ("value", "kept", "is_faulty"),
    [
        ("multipart/form-data; boundary=a", None, False),
        ("Multipart/Mixed;boundary=a;x=y", "multipart/mixed", False),
        (
            'multipart/related; TYPE="a/b"; boundary=a; start=b',
            'multipart/related; type="a/b"; start=b',
            False,
        ),
        ("multipart/mixed; boundary*0=a", "multipart/mixed", True),
        (
            'multipart/mixed; boundary=a; start="; boundary=b"',
            'multipart/mixed; start="; boundary=b"',
            True,
        ),
    ],
)
def test_parameters_are_kept_or_refused(
    value: str, kept: str | None, *, is_faulty: bool
) -> None:
    """A parameter that lenient readers take for a boundary is refused."""
    media_type = parse_media_type(value)

    assert media_type is not None
    assert without_boundary(media_type, value.encode()) == kept
    assert bool(fault_in(media_type, kept)) is is_faulty
