"""Heads of Google's resumable uploads are read in one way, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.assembly.google import (
    Dialect,
    GoogleStep,
    SessionBytes,
    SessionEnding,
    SessionStart,
    SessionStatus,
    claimed_in,
    is_session,
    read,
    type_of,
)
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

Header = tuple[str, str]

BEGIN = "/upload/b/photos/o?uploadType=resumable&name=a.br"
SESSION = "/upload/b/photos/o?uploadType=resumable&upload_id=7"
RANGES, COMMANDS = Dialect.RANGES, Dialect.COMMANDS
TEN = ("Content-Length", "10")
EMPTY = ("Content-Length", "0")
CHUNKED = ("Transfer-Encoding", "chunked")


def head(method: str, target: str, *headers: Header) -> RequestHead:
    """Return the head of a request."""
    lines = [("Host", "h"), *headers]
    encoded = tuple((name.encode(), value.encode()) for name, value in lines)
    return RequestHead(method=method, target=target, headers=encoded)


def ranged(value: str) -> Header:
    """Return a header with a range."""
    return ("Content-Range", value)


def command(words: str, *more: Header) -> tuple[Header, ...]:
    """Return the headers of a command."""
    return (("X-Goog-Upload-Command", words), *more)


def piece(
    at: int | None,
    length: int | None,
    total: int | None = None,
    *,
    dialect: Dialect = RANGES,
    is_last: bool = False,
    is_marked: bool = True,
) -> SessionBytes:
    """Return the step of a piece."""
    return SessionBytes(
        dialect=dialect,
        at=at,
        length=length,
        total=total,
        is_last=is_last,
        is_marked=is_marked,
    )


OFFSET = ("X-Goog-Upload-Offset", "5")


@pytest.mark.parametrize(
    ("request_head", "step"),
    [
        (
            head("POST", BEGIN, ("X-Upload-Content-Length", "9"), TEN),
            SessionStart(dialect=RANGES, total=9, declared_type="application/x-brotli"),
        ),
        (
            head("PATCH", BEGIN, ("X-Upload-Content-Type", "image/PNG")),
            SessionStart(dialect=RANGES, total=None, declared_type="image/png"),
        ),
        (
            head("POST", "/v0/b/x/o", *command("start"), TEN),
            SessionStart(dialect=COMMANDS, total=None, declared_type=None),
        ),
        (
            head(
                "POST",
                "/v1/uploads",
                *command("start", ("X-Goog-Upload-Raw-Size", "8")),
                ("X-Goog-Upload-Content-Type", "image/gif"),
            ),
            SessionStart(dialect=COMMANDS, total=8, declared_type="image/gif"),
        ),
        (head("PUT", SESSION, ranged("bytes 0-9/20"), TEN), piece(0, 10, 20)),
        (
            head("PUT", "/x", ranged("Bytes 10-19/20"), CHUNKED),
            piece(10, 10, 20, is_last=True),
        ),
        (head("PUT", SESSION, ranged("bytes 0-9/*"), TEN), piece(0, 10)),
        (
            head("PUT", SESSION, ranged("bytes 5-*/15"), CHUNKED),
            piece(5, 10, 15, is_last=True),
        ),
        (
            head("PUT", SESSION, ranged("bytes 5-*/*"), TEN),
            piece(5, 10, is_last=True),
        ),
        (
            head("PUT", SESSION, ranged("bytes 5-*/*"), CHUNKED),
            piece(5, None, is_last=True),
        ),
        (
            head("PUT", SESSION, ranged("bytes 0-*/0"), EMPTY),
            piece(0, 0, 0, is_last=True),
        ),
        (
            head("PUT", SESSION, ranged("bytes */*"), EMPTY),
            SessionStatus(dialect=RANGES),
        ),
        (
            head("PUT", SESSION, ranged("bytes */7")),
            SessionStatus(dialect=RANGES, total=7),
        ),
        (head("PUT", SESSION, TEN), piece(0, 10, 10, is_last=True)),
        (head("POST", SESSION, TEN), piece(0, 10, 10, is_last=True)),
        (
            head("PUT", "/x", TEN),
            piece(0, 10, 10, is_last=True, is_marked=False),
        ),
        (head("DELETE", SESSION), SessionEnding(dialect=RANGES)),
        (
            head("POST", "/x", *command("upload", OFFSET), TEN),
            piece(5, 10, dialect=COMMANDS),
        ),
        (
            head("PUT", "/x", *command("Upload,finalize", OFFSET), TEN),
            piece(5, 10, dialect=COMMANDS, is_last=True),
        ),
        (
            head("POST", "/x", *command("finalize")),
            piece(None, 0, dialect=COMMANDS, is_last=True),
        ),
        (head("POST", "/x", *command("query")), SessionStatus(dialect=COMMANDS)),
        (head("POST", "/x", *command("cancel")), SessionEnding(dialect=COMMANDS)),
        (head("GET", SESSION), None),
        (head("POST", "/upload/b/photos/o?uploadType=media", TEN), None),
        (head("POST", "/x", TEN), None),
    ],
)
def test_steps_are_told_apart(
    request_head: RequestHead, step: GoogleStep | None
) -> None:
    """Every other request is treated as on any route."""
    assert read(request_head) == step


@pytest.mark.parametrize(
    "request_head",
    [
        head("POST", SESSION, ranged("bytes 0-9/20"), TEN),
        head("PATCH", SESSION, ranged("bytes 0-9/20"), TEN),
        head("PUT", SESSION, ranged("bytes 0-9/20"), ranged("bytes 0-9/20"), TEN),
        head("PUT", SESSION, ranged("bytes 0-9/20"), *command("upload"), TEN),
        head("PUT", SESSION, *command("upload"), *command("upload"), TEN),
        head("PUT", SESSION, ranged("bytes 0-9/20")),
        head("PUT", SESSION, ranged("bytes */20"), TEN),
        head("PUT", SESSION, ranged("bytes */20"), CHUNKED),
        head("PUT", SESSION, ranged("bytes 11-*/10"), CHUNKED),
        head("PUT", SESSION, ranged("bytes 0-*/20"), EMPTY),
        head("PUT", SESSION, ranged("items 0-9/20"), TEN),
        head("PUT", SESSION, ranged("bytes=0-9/20"), TEN),
        head("PUT", SESSION, ranged("bytes 0-9"), TEN),
        head("PUT", SESSION, ranged("bytes 0-9/20, bytes 0-9/20"), TEN),
        head("PUT", SESSION, ranged("bytes 0-9/9999999999999999"), TEN),
        head("POST", SESSION, ("X-HTTP-Method-Override", "PUT"), TEN),
        head("POST", "/x", ("X-HTTP-Method", "PUT"), ranged("bytes 0-9/20"), TEN),
        head("GET", "/x", *command("query")),
        head("POST", "/x", *command("upload"), TEN),
        head("POST", "/x", *command("upload", ("X-Goog-Upload-Offset", "x")), TEN),
        head("POST", "/x", *command("append", OFFSET), TEN),
        head("POST", "/x", *command("start, upload", OFFSET), TEN),
        head("POST", "/x", *command("query"), TEN),
        head("POST", "/x", *command("finalize"), TEN),
        head("POST", "/x", *command("")),
        head("POST", "/x", *command("start", ("X-Goog-Upload-Raw-Size", "-1"))),
    ],
)
def test_odd_steps_are_refused(request_head: RequestHead) -> None:
    """Servers could read them in more than one way."""
    assert isinstance(read(request_head), Refusal)


NUMBERS = st.one_of(st.integers(0, 30), st.just(10**16)).map(str)
ENDS = st.one_of(NUMBERS, st.just("*"))
SPANS = st.one_of(st.just("*"), st.builds("{}-{}".format, NUMBERS, ENDS))
SIZES = st.one_of(st.none(), st.integers(0, 30))


@given(span=SPANS, total=ENDS, size=SIZES)
def test_range_is_read_as_it_says_or_not_at_all(
    span: str, total: str, size: int | None
) -> None:
    """Whatever it lies about: no step contradicts its own head.

    A slow reader of the text beside the fast one.
    """
    framing = CHUNKED if size is None else ("Content-Length", str(size))
    step = read(head("PUT", SESSION, ranged(f"bytes {span}/{total}"), framing))
    if isinstance(step, Refusal):
        return
    stated = None if total == "*" else int(total)
    if isinstance(step, SessionStatus):
        assert (span, size, step.total) == ("*", 0, stated)
        return
    assert isinstance(step, SessionBytes)
    begin, _, last = span.partition("-")
    assert (step.at, step.total) == (int(begin), stated)
    assert step.at is not None
    if last != "*":
        assert step.length == int(last) + 1 - int(begin)
        assert step.is_last is (stated is not None and int(last) + 1 == stated)
    else:
        assert step.is_last
    if size is not None:
        assert step.length == size
    if step.length is not None:
        assert step.length >= 0
        assert stated is None or step.at + step.length <= stated


@pytest.mark.parametrize(
    ("body", "claimed"),
    [
        (b'{"contentType": "image/PNG"}', "image/png"),
        (b'{"mimeType": "image/gif", "name": "a.br"}', "image/gif"),
        (b'{"title": "a.br"}', "application/x-brotli"),
        (b'{"name": 7, "contentType": null}', None),
        (b"[]", None),
        (b"{", None),
        (b"[" * 50_000, None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_type_of_a_file_is_in_its_metadata(body: bytes, claimed: str | None) -> None:
    """A claim is compared as such; nonsense claims nothing."""
    assert claimed_in(body, None) == claimed


def test_type_in_the_head_is_that_of_the_file() -> None:
    """Unless its name claims a format without magic bytes."""
    assert claimed_in(b"{", "text/plain") == "text/plain"
    assert claimed_in(b'{"contentType": "image/gif"}', "image/png") == "image/png"
    assert claimed_in(b'{"name": "a.br"}', "text/plain") == "application/x-brotli"


def test_type_of_a_piece_is_that_of_the_file() -> None:
    """Google's clients repeat it with every piece."""
    assert type_of(head("PUT", SESSION, ("Content-Type", "Image/PNG"))) == "image/png"
    assert type_of(head("PUT", SESSION)) is None


def test_address_of_a_session_is_known_by_its_query() -> None:
    """In any case of its letters, and encoded or not."""
    assert is_session("/a?b=c&Upload_ID=1")
    assert is_session("/a?upload%5Fid=1")
    assert not is_session("/upload_id")
    assert not is_session("/a?uploadType=resumable")
