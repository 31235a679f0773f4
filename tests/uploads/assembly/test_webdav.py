"""Heads of requests that write a range are read in one way, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.assembly.webdav import (
    Anchor,
    RangeWay,
    RangeWrite,
    read,
    way_of,
)
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

Header = tuple[str, str]

PATCH_TYPE = ("Content-Type", "application/x-sabredav-partialupdate")
TEN = ("Content-Length", "10")
CHUNKED = ("Transfer-Encoding", "chunked")
BEGIN, END = Anchor.BEGIN, Anchor.END


def head(method: str, *headers: Header) -> RequestHead:
    """Return the head of a request."""
    lines = [("Host", "h"), *headers]
    encoded = tuple((name.encode(), value.encode()) for name, value in lines)
    return RequestHead(method=method, target="/a", headers=encoded)


def put(value: str, *more: Header) -> RequestHead:
    """Return the head of a PUT with a range."""
    return head("PUT", ("Content-Range", value), *(more or (TEN,)))


def patch(value: str, *more: Header) -> RequestHead:
    """Return the head of a PATCH with a range."""
    return head("PATCH", ("X-Update-Range", value), PATCH_TYPE, *(more or (TEN,)))


def write(
    at: int, length: int | None = 10, total: int | None = None, anchor: Anchor = BEGIN
) -> RangeWrite:
    """Return a range."""
    return RangeWrite(anchor=anchor, at=at, length=length, total=total)


@pytest.mark.parametrize(
    ("request_head", "found"),
    [
        (put("bytes 0-9/20"), write(0, total=20)),
        (put("Bytes 10-19/20", CHUNKED), write(10, total=20)),
        (put("bytes 5-14/*"), write(5)),
        (put("bytes 0-9/10"), None),
        (put("bytes 0-9/20", ("Content-Length", "0")), None),
        (put("bytes 0-9/20", ("X-HTTP-Method", "PATCH"), TEN), None),
        (put("bytes 0-9/20", ("X-Update-Range", "append"), TEN), None),
        (patch("append"), write(0, anchor=END)),
        (patch("APPEND", CHUNKED), write(0, None, anchor=END)),
        (patch("bytes=3-12"), write(3)),
        (patch("bytes=3-"), write(3)),
        (patch("bytes=3-12", CHUNKED), write(3)),
        (patch("bytes=3-", CHUNKED), write(3, None)),
        (patch("bytes=-4"), write(4, anchor=END)),
        (patch("append", ("Content-Length", "0")), None),
        (head("POST", ("Content-Range", "bytes 0-9/20"), TEN), None),
        (head("PATCH", ("Content-Range", "bytes 0-9/20"), TEN), None),
        (head("PUT", ("X-Update-Range", "append"), PATCH_TYPE, TEN), None),
        (head("PUT", TEN), None),
    ],
)
def test_ranges_are_told_apart(
    request_head: RequestHead, found: RangeWrite | None
) -> None:
    """Every other request is treated as on any route, where ranges are refused."""
    assert read(request_head) == found


@pytest.mark.parametrize(
    "request_head",
    [
        put("bytes 0-8/20"),
        put("bytes 0-9/9"),
        put("bytes 9-0/20"),
        put("bytes */20"),
        put("bytes 0-*/20"),
        put("bytes=0-9/20"),
        put("bytes 0-9"),
        put("bytes 0-9/20, bytes 0-9/20"),
        put("bytes 0-9/20", ("Content-Range", "bytes 0-9/20"), TEN),
        put("bytes 0-9/99999999999999999"),
        patch("bytes=0-8"),
        patch("bytes=9-0"),
        patch("bytes=-"),
        patch("bytes=--4"),
        patch("bytes=0-4,5-9"),
        patch("bytes 0-9"),
        patch("prepend"),
        patch("append", ("X-Update-Range", "append"), TEN),
        head("PATCH", ("X-Update-Range", "append"), TEN),
        head("PATCH", ("X-Update-Range", "append"), ("Content-Type", "image/png"), TEN),
    ],
)
def test_odd_ranges_are_refused(request_head: RequestHead) -> None:
    """Servers could read them in more than one way."""
    assert isinstance(read(request_head), Refusal)


SMALL = st.integers(0, 30)


@given(
    first=st.one_of(st.just(""), SMALL.map(str)),
    last=st.one_of(st.just(""), SMALL.map(str)),
    stated=st.one_of(st.none(), st.integers(1, 30)),
    size=SMALL,
)
def test_range_changes_what_it_says(
    first: str, last: str, stated: int | None, size: int
) -> None:
    """A slow twin, with the words of sabre/dav, finds the same place or refuses."""
    framing = CHUNKED if stated is None else ("Content-Length", str(stated))
    found = read(patch(f"bytes={first}-{last}", framing))
    is_backwards = first != "" and last != "" and int(last) < int(first)
    is_other = first != "" and last != "" and stated != int(last) + 1 - int(first)
    if (first, last) == ("", "") or is_backwards or (is_other and stated is not None):
        assert isinstance(found, Refusal)
        return
    assert isinstance(found, RangeWrite)
    at = int(first) if first else size - int(last)
    assert found.offset(size) == (at if 0 <= at <= size else None)
    assert found.length in {stated, int(last or 0) + 1 - int(first or 0)}


@pytest.mark.parametrize(
    ("found", "size", "is_begun", "way"),
    [
        # Without a stated length, only in place.
        (write(0), 20, False, RangeWay.APPLY),
        (write(20), 20, False, RangeWay.APPLY),
        (write(21), 20, False, RangeWay.REFUSE),
        (write(0), None, False, RangeWay.APPLY),
        (write(1), None, False, RangeWay.REFUSE),
        (write(5, anchor=END), 4, False, RangeWay.REFUSE),
        (write(0, None, anchor=END), 4, False, RangeWay.APPLY),
        # In a file of the stated length, whatever is held.
        (write(0, total=20), 20, False, RangeWay.APPLY),
        (write(10, total=20), 20, True, RangeWay.APPLY),
        # The end of a file.
        (write(10, total=20), 10, False, RangeWay.APPLY),
        (write(10, total=20), 15, False, RangeWay.APPLY),
        (write(10, total=20), 10, True, RangeWay.HOLD),
        (write(10, total=20), 9, False, RangeWay.REFUSE),
        (write(10, total=20), 30, False, RangeWay.REFUSE),
        # A file that ranges make anew.
        (write(0, total=20), 10, False, RangeWay.HOLD),
        (write(0, total=20), 99, False, RangeWay.HOLD),
        (write(5, total=20), None, False, RangeWay.HOLD),
        (write(5, total=20), 7, False, RangeWay.REFUSE),
        (write(5, total=20), 7, True, RangeWay.HOLD),
    ],
)
def test_way_of_a_range(
    found: RangeWrite, size: int | None, is_begun: bool, way: RangeWay
) -> None:
    """It is held, or applied to bytes that are known; otherwise it is refused."""
    assert way_of(found, size=size, is_begun=is_begun) is way


@given(
    at=SMALL,
    length=st.integers(1, 30),
    more=SMALL,
    size=st.one_of(st.none(), SMALL),
    is_begun=st.booleans(),
)
def test_range_is_only_applied_to_a_file_that_is_then_complete(
    at: int, length: int, more: int, size: int | None, *, is_begun: bool
) -> None:
    """By the client's own words: half of its file never takes the place of a file."""
    found = write(at, length, at + length + more)
    if way_of(found, size=size, is_begun=is_begun) is RangeWay.APPLY:
        assert size is not None
        assert at <= size
        assert max(size, at + length) == found.total
