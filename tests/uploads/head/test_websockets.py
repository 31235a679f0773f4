"""Handshakes that every reader takes for one, and answers that open a WebSocket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.head.plan import BodyPlan, plan
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.head.websockets import (
    WebSockets,
    is_opened,
    without_handshake,
)
from uploadfilter.uploads.limits import UploadLimits

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
PROOF = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The key of RFC 6455, section 1.3, and the answer to it."""

UPGRADE = (b"Upgrade", b"WebSocket")
CONNECTION = (b"Connection", b"keep-alive, Upgrade")
ASKED = (
    (b"Host", b"site.example"),
    UPGRADE,
    CONNECTION,
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
)
ANSWERED = (UPGRADE, CONNECTION, (b"Sec-WebSocket-Accept", PROOF))


def head(
    *more: tuple[bytes, bytes],
    without: bytes = b"-",
    method: str = "GET",
    version: tuple[int, int] = (1, 1),
) -> RequestHead:
    """Return the head of a handshake with some headers more or less."""
    kept = [each for each in ASKED if each[0] != without]
    return RequestHead(
        method=method, target="/chat", headers=(*kept, *more), version=version
    )


def test_handshake_without_its_upgrade_is_a_plain_request() -> None:
    """The rules for every request decide about the rest of it."""
    rest = without_handshake(head())

    assert rest is not None
    assert rest.headers == tuple(each for each in ASKED if each is not UPGRADE)
    assert isinstance(plan(rest, UploadLimits()), BodyPlan)


@pytest.mark.parametrize(
    "changed",
    [
        head(version=(1, 0)),
        head(method="POST"),
        head(without=b"Connection"),
        head((b"Connection", b"close"), without=b"Connection"),
        head(without=b"Upgrade"),
        head((b"Upgrade", b"h2c")),
        head((b"Upgrade", b"websocket, h2c"), without=b"Upgrade"),
        head((b"Content-Length", b"5")),
        head((b"Transfer-Encoding", b"chunked")),
        head(without=b"Sec-WebSocket-Key"),
        head((b"Sec-WebSocket-Key", KEY)),
        head((b"Sec-WebSocket-Key", KEY[:-1]), without=b"Sec-WebSocket-Key"),
        head((b"Sec-WebSocket-Key", b"A" * 24), without=b"Sec-WebSocket-Key"),
    ],
)
def test_handshake_that_readers_take_differently_is_none(changed: RequestHead) -> None:
    """If only one side believes in it, messages are requests for the other."""
    assert without_handshake(changed) is None


@given(st.binary(max_size=30))
def test_any_key_is_no_key_or_16_bytes(key: bytes) -> None:
    """Bytes out of order open nothing, and end nothing."""
    asked = head((b"Sec-WebSocket-Key", key), without=b"Sec-WebSocket-Key")

    assert without_handshake(asked) is None or len(key.strip()) == 24


def test_answer_with_the_proof_of_the_key_opens_it() -> None:
    """The origin has read the same handshake."""
    assert is_opened(ASKED, ANSWERED)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param(ASKED[:1], ANSWERED, id="not-asked"),
        pytest.param((*ASKED[:1], *ASKED[2:]), ANSWERED, id="no-upgrade-asked"),
        pytest.param(ASKED, ANSWERED[1:], id="no-upgrade"),
        pytest.param(ASKED, ANSWERED[:2], id="no-proof"),
        pytest.param(ASKED, (UPGRADE, (b"Sec-WebSocket-Accept", KEY)), id="other"),
        pytest.param(ASKED, ((b"Upgrade", b"h2c"), *ANSWERED[1:]), id="protocol"),
    ],
)
def test_other_answer_opens_nothing(
    asked: tuple[tuple[bytes, bytes], ...], answered: tuple[tuple[bytes, bytes], ...]
) -> None:
    """Otherwise a client could speak HTTP to the origin behind such an answer."""
    assert not is_opened(asked, answered)


def test_refusing_is_stricter_than_passing() -> None:
    """A stricter one may stand for a milder one, and not the other way round."""
    assert WebSockets.REFUSE.is_as_strict_as(WebSockets.PASS)
    assert WebSockets.PASS.is_as_strict_as(WebSockets.PASS)
    assert not WebSockets.PASS.is_as_strict_as(WebSockets.REFUSE)
