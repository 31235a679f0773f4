"""Heads of other requests, made out of a client's own."""

import pytest

from uploadfilter.uploads.assembly.heads import edit, target_of
from uploadfilter.uploads.head.request import RequestHead

OWN = RequestHead(
    method="POST",
    target="/files/7",
    headers=(
        (b"Host", b"site.example"),
        (b"Cookie", b"a=b"),
        (b"X-HTTP-Method-Override", b"PATCH"),
        (b"Content-Length", b"5"),
        (b"Content_Type", b"image/png"),
        (b"Upload-Checksum", b"sha1 x"),
        (b"Upload_Offset", b"3"),
        (b"cookie", b"c=d"),
    ),
)


def test_other_request_is_of_the_same_client() -> None:
    """Its cookies stay, in order; headers about the body and the method do not."""
    made = edit(
        OWN,
        method="PUT",
        target="/other",
        dropped=(b"upload-offset",),
        added={b"Content-Type": b"text/plain"},
    )
    assert (made.method, made.target) == ("PUT", "/other")
    assert made.headers == (
        (b"Host", b"site.example"),
        (b"Cookie", b"a=b"),
        (b"cookie", b"c=d"),
        (b"Content-Type", b"text/plain"),
    )
    assert not made.stands_for


def test_added_header_takes_the_place_of_the_own() -> None:
    """A request has one of each."""
    made = edit(OWN, method="HEAD", target="/", dropped=(), added={b"COOKIE": b"e=f"})
    assert made.values(b"cookie") == [b"e=f"]
    assert made.values(b"upload_offset") == [b"3"]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/files/a", "/files/a"),
        ("https://other.example:8443/x/a?b=c", "/x/a?b=c"),
        ("a", "/a"),
        ("./a", "/a"),
        ("//host/a", "/a"),
    ],
)
def test_address_is_the_target_that_clients_use(location: str, expected: str) -> None:
    """Location may be absolute or relative (RFC 9110, section 10.2.2)."""
    assert target_of(location.encode(), "/files") == expected
