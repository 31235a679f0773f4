"""Handshakes that every reader takes for one, and all others refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.head.plan import BodyPlan, Refusal, plan
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.head.websockets import (
    MOST_PROTOCOLS,
    Handshake,
    WebSockets,
    asks_for_websocket,
    read_handshake,
)
from uploadfilter.uploads.limits import UploadLimits

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455, section 1.3."""

HEADERS = (
    (b"Host", b"site.example"),
    (b"Upgrade", b"WebSocket"),
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
    (b"Sec-WebSocket-Protocol", b"chat, superchat"),
    (b"Cookie", b"a=b"),
)


def head(
    *more: tuple[bytes, bytes],
    without: bytes = b"-",
    method: str = "GET",
    version: tuple[int, int] = (1, 1),
) -> RequestHead:
    """Return the head of a handshake with some headers more or less."""
    kept = [each for each in HEADERS if each[0] != without]
    return RequestHead(
        method=method, target="/chat", headers=(*kept, *more), version=version
    )


def test_handshake_leaves_the_headers_of_the_request() -> None:
    """Each side of the filter has a handshake of its own."""
    read = read_handshake(head())
    assert isinstance(read, Handshake)
    assert read.protocols == ("chat", "superchat")
    assert read.head.headers == ((b"Host", b"site.example"), (b"Cookie", b"a=b"))
    assert isinstance(plan(read.head, UploadLimits()), BodyPlan)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        (head(version=(1, 0)), 400),
        (head(without=b"Connection"), 400),
        (head((b"Connection", b"close"), without=b"Connection"), 400),
        (head(without=b"Sec-WebSocket-Version"), 426),
        (head((b"Sec-WebSocket-Version", b"13")), 426),
        (head((b"Sec-WebSocket-Version", b"8"), without=HEADERS[4][0]), 426),
        (head(without=b"Sec-WebSocket-Key"), 400),
        (head((b"Sec-WebSocket-Key", KEY)), 400),
        (head((b"Sec-WebSocket-Key", KEY[:-1]), without=HEADERS[3][0]), 400),
        (head((b"Sec-WebSocket-Key", b"A" * 24), without=HEADERS[3][0]), 400),
        (head((b"Sec_WebSocket_Key", KEY)), 400),
        (head((b"Sec-WebSocket-Protocol", b"chat")), 400),
        (head((b"Sec-WebSocket-Protocol", b"")), 400),
        (head((b"X-Name", b"\xff")), 400),
    ],
)
def test_handshake_that_readers_take_differently_is_refused(
    changed: RequestHead, status: int
) -> None:
    """If only one side believes in it, messages are requests for the other."""
    assert asks_for_websocket(changed)
    refused = read_handshake(changed)
    assert isinstance(refused, Refusal)
    assert refused.status == status


def test_offered_protocols_are_bounded() -> None:
    """Each is compared with each."""
    names = b",".join(b"p%d" % number for number in range(MOST_PROTOCOLS + 1))
    offered = (b"Sec-WebSocket-Protocol", names)
    assert isinstance(read_handshake(head(offered, without=HEADERS[6][0])), Refusal)


@pytest.mark.parametrize(
    "other",
    [
        head(without=b"Upgrade"),
        head((b"Upgrade", b"h2c")),
        head((b"Upgrade", b"websocket, h2c"), without=b"Upgrade"),
        head((b"Content-Length", b"5")),
        head((b"Transfer-Encoding", b"chunked")),
        head(method="POST"),
    ],
)
def test_other_upgrade_is_none_of_these(other: RequestHead) -> None:
    """The rules for every request refuse it, or take it for no upgrade."""
    assert not asks_for_websocket(other)


@given(st.binary(max_size=30))
def test_any_key_is_refused_or_16_bytes(key: bytes) -> None:
    """Bytes out of order are refused, and end nothing."""
    asked = head((b"Sec-WebSocket-Key", key), without=HEADERS[3][0])
    assert isinstance(read_handshake(asked), Refusal) or len(key.strip()) == 24


def test_treatments_are_ordered_from_the_strictest_on() -> None:
    """A stricter one may stand for a milder one, and not the other way round."""
    for strict, mild in pairwise(WebSockets):
        assert strict.is_as_strict_as(mild)
        assert strict.is_as_strict_as(strict)
        assert not mild.is_as_strict_as(strict)
