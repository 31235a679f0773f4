"""No request without a body makes a file of several that came whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.head.joining import joins
from uploadfilter.uploads.head.request import RequestHead

Header = tuple[str, str]


def head(method: str, query: str, *headers: Header) -> RequestHead:
    """Return a head without a body."""
    return RequestHead(
        method=method,
        target=f"/files/a?{query}" if query else "/files/a",
        headers=(
            (b"Host", b"a.example"),
            *((name.encode(), value.encode()) for name, value in headers),
        ),
    )


JOINING: list[tuple[str, str, list[Header]]] = [
    ("POST", "", [("Upload-Concat", "final;/files/a /files/b")]),
    ("POST", "", [("Upload-Concat", "Final;/files/a")]),
    ("POST", "", [("Upload-Concat", "partial"), ("Upload-Concat", "final;/files/a")]),
    ("PUT", "", [("X-Object-Manifest", "photos/a_")]),
    ("POST", "", [("X-Object-Manifest", "photos/a_")]),
    ("PUT", "partNumber=1&uploadId=a", [("x-amz-copy-source", "/a/b")]),
    ("PUT", "partNumber=1&uploadId=a", [("x-amz-copy-source-range", "bytes=0-9")]),
    ("PUT", "uploadId=a&partNumber=1", [("x-oss-copy-source", "/a/b")]),
    ("PUT", "comp=block&blockid=a", [("x-ms-copy-source", "https://a.example/b")]),
    ("PUT", "comp=appendblock", [("x-ms-copy-source", "https://a.example/b")]),
    ("PUT", "comp=page", [("x-ms-source-range", "bytes=0-9")]),
    ("POST", "op=CONCAT&sources=/a,/b", []),
    ("POST", "op=GETFILESTATUS;op=CONCAT&sources=/a,/b", []),
    ("POST", "%6Fp=c%4Fncat&sources=/a,/b", []),
]


@given(
    found=st.sampled_from(JOINING),
    has_underscores=st.booleans(),
    is_upper=st.booleans(),
    is_overridden=st.booleans(),
    others=st.lists(st.sampled_from([("Accept", "*/*"), ("Tus-Resumable", "1.0.0")])),
)
def test_every_way_to_join_is_recognised(
    found: tuple[str, str, list[Header]],
    others: list[Header],
    *,
    has_underscores: bool,
    is_upper: bool,
    is_overridden: bool,
) -> None:
    """However its names are written, and whatever method an origin may take it for."""
    method, query, headers = found
    if has_underscores:
        headers = [(name.replace("-", "_"), value) for name, value in headers]
    if is_upper:
        headers = [(name.upper(), value) for name, value in headers]
    if is_overridden:
        others = [*others, ("X-HTTP-Method-Override", method)]
        method = "GET"
    assert joins(head(method, query, *others, *headers))


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("GET", "op=CONCAT", []),
        ("POST", "", []),
        ("POST", "op=MKDIRS&name=concat", []),
        ("POST", "", [("Upload-Length", "10"), ("Tus-Resumable", "1.0.0")]),
        ("POST", "", [("Upload-Length", "10"), ("Upload-Concat", "partial")]),
        ("POST", "uploads", [("x-amz-copy-source", "/a/b")]),
        ("PUT", "", [("x-amz-copy-source", "/a/b")]),
        ("PUT", "", [("x-ms-copy-source", "https://a.example/b")]),
        ("PUT", "partNumber=1&uploadId=a", []),
        ("DELETE", "uploadId=a", []),
        ("MOVE", "", [("Destination", "/files/b")]),
        ("PUT", "comp=metadata", [("x-ms-meta-a", "b")]),
    ],
)
def test_other_requests_without_a_body_join_nothing(
    method: str, query: str, headers: list[Header]
) -> None:
    """They make, copy, move or delete one file."""
    assert not joins(head(method, query, *headers))
