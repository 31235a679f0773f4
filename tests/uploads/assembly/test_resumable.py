"""Heads of resumable uploads are read in one way, or refused."""

from dataclasses import replace

import pytest

from uploadfilter.uploads.assembly import resumable
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.limits import UploadLimits

TOKEN = "0123456789abcdef" * 2
ADDRESS = resumable.address("/media", TOKEN)
LIMITS = UploadLimits()


def head(method: str, *headers: tuple[str, str], target: str = ADDRESS) -> RequestHead:
    """Return the head of a request."""
    lines = [("Host", "h"), *headers]
    encoded = tuple((name.encode(), value.encode()) for name, value in lines)
    return RequestHead(method=method, target=target, headers=encoded)


def read(
    method: str, *headers: tuple[str, str], target: str = ADDRESS
) -> resumable.ResumableRequest | Refusal | None:
    """Read a head on the route ``/media``."""
    return resumable.read(head(method, *headers, target=target), "/media", LIMITS)


def test_requests_are_told_apart() -> None:
    """Each step of the protocol, and other requests."""
    begun = ("Upload-Complete", "?0")
    last = ("Upload-Complete", "?1")
    typed = ("Content-Type", "image/PNG")
    assert read("POST", begun, typed, target="/media") == resumable.FirstPiece(
        length=None, declared_type="image/png", coding=None
    )
    coded = ("Content-Encoding", "gzip")
    sized = ("Upload-Length", "7")
    assert read("PUT", begun, sized, coded, target="/media/a") == (
        resumable.FirstPiece(length=7, declared_type=None, coding="gzip")
    )
    assert read("PATCH", last, sized, ("Upload-Offset", "5")) == resumable.NextPiece(
        token=TOKEN, at=5, length=7, is_last=True
    )
    assert read("HEAD") == resumable.OffsetRetrieval(TOKEN)
    assert read("DELETE") == resumable.Cancellation(TOKEN)
    for other in (last, sized):
        assert read("POST", other, target="/media") is None
    long = ("Content-Length", str(resumable.WORTH_BYTES))
    assert read("POST", last, long, typed, target="/media") == resumable.FirstPiece(
        length=resumable.WORTH_BYTES,
        declared_type="image/png",
        coding=None,
        is_last=True,
    )
    assert read("GET", target="/media") is None
    assert read("PATCH", begun, target="/media/a") is None
    assert read("HEAD", target=ADDRESS + "0") is None
    assert read("HEAD", target=ADDRESS + "?a") is None
    assert read("HEAD", target="/media" + ADDRESS) is None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PATCH", [("Upload-Offset", "0")]),
        ("PATCH", [("Upload-Complete", "?1")]),
        ("PATCH", [("Upload-Complete", "1"), ("Upload-Offset", "0")]),
        ("PATCH", [("Upload-Complete", "?1"), ("Upload-Offset", "-0")]),
        ("PATCH", [("Upload-Complete", "?0")] * 2 + [("Upload-Offset", "0")]),
        ("PATCH", [("Upload-Complete", "?0")] + [("Upload-Offset", "0")] * 2),
        ("POST", []),
        ("GET", []),
    ],
)
def test_odd_requests_of_an_upload_are_refused(
    method: str, headers: list[tuple[str, str]]
) -> None:
    """Servers could read them in more than one way."""
    assert isinstance(read(method, *headers), Refusal)


def test_origin_gets_the_first_request_with_the_credentials_of_the_last() -> None:
    """Nothing of the protocol goes on."""
    first = head(
        "PUT",
        ("Upload-Complete", "?0"),
        ("Content-Type", "image/png"),
        ("Cookie", "a=1"),
        ("Slug", "a"),
        target="/media/a?b",
    )
    last = head(
        "PATCH",
        ("Upload-Complete", "?1"),
        ("Upload-Offset", "5"),
        ("Content-Type", "application/partial-upload"),
        ("Cookie", "a=2"),
        ("Slug", "b"),
    )
    notes = resumable.notes_of(first)
    assert "a=1" not in str(notes)
    made = resumable.replayed(last, notes)
    assert (made.method, made.target) == ("PUT", "/media/a?b")
    assert sorted(made.headers) == [
        (b"Cookie", b"a=2"),
        (b"Host", b"h"),
        (b"content-type", b"image/png"),
        (b"slug", b"a"),
    ]


CHUNKED = ("Transfer-Encoding", "chunked")


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Length", str(resumable.WORTH_BYTES - 1))],
        [("Content-Length", str(LIMITS.max_body_bytes + 1))],
        [("Content-Length", str(resumable.WORTH_BYTES)), ("Upload-Length", "7")],
        [CHUNKED, ("Upload-Offset", "0")],
        [CHUNKED, ("Content-Type", "multipart/form-data; boundary=b")],
        [CHUNKED, ("Content-Encoding", "compress")],
        [CHUNKED, ("Content-Range", "bytes 0-9/20")],
        [CHUNKED, ("Upload-Complete", "?1")],
        [CHUNKED, ("X-HTTP-Method", "PUT")],
        [],
    ],
)
def test_complete_request_is_an_upload_as_ever(headers: list[tuple[str, str]]) -> None:
    """If it is short or odd: it is accepted or refused as on every other route."""
    last = ("Upload-Complete", "?1")
    assert read("POST", last, *headers, target="/media") is None


def test_interim_answer_repeats_the_version() -> None:
    """A client takes no answer of another version of the draft."""
    found = resumable.interim(head("POST", CHUNKED), ADDRESS)
    assert found == {"Location": ADDRESS}
    version = ("Upload-Draft-Interop-Version", "8")
    found = resumable.interim(head("POST", CHUNKED, version), ADDRESS)
    assert found == {"Location": ADDRESS, "Upload-Draft-Interop-Version": "8"}
    odd = ("Upload-Draft-Interop-Version", "8, 9")
    found = resumable.interim(head("POST", CHUNKED, odd), ADDRESS)
    assert found == {"Location": ADDRESS}


def test_interim_answer_is_for_long_requests() -> None:
    """A short one is over before it is of use; HTTP/1.0 has no such answers."""
    long = ("Content-Length", str(resumable.WORTH_BYTES))
    assert resumable.interim(head("POST", long), ADDRESS) is not None
    old = replace(head("POST", long), version=(1, 0))
    assert resumable.interim(old, ADDRESS) is None
    assert resumable.interim(head("POST", ("Content-Length", "9")), ADDRESS) is None
    assert resumable.interim(head("POST"), ADDRESS) is None
