"""Frames: received messages equal the sent ones, and garbage gives nothing."""

from hypothesis import given
from hypothesis import strategies as st

from tests.scanners.replies import SCAN
from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.wire.budgets import (
    Budgets,
)
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    MAX_DECLARED_TYPE,
    ContentReply,
    ContentSpan,
    Ready,
    Reply,
    ScanRequest,
    decode_reply,
    decode_request,
    encode_frame,
    unscanned,
    wire_span,
)


def body_of(message: ScanRequest | Reply) -> bytes:
    """Return the body of the frame of a message, whose header must fit."""
    frame = encode_frame(message)
    (length,) = FRAME_HEADER.unpack_from(frame)

    assert len(frame) == FRAME_HEADER.size + length
    return frame[FRAME_HEADER.size :]


spans = st.builds(
    ContentSpan,
    path=st.just(""),
    offset=st.integers(0, 1 << 41),
    length=st.integers(0, 1 << 41),
    declared_type=st.none() | st.text(),
)


@given(
    spans=st.lists(spans.map(wire_span), max_size=3),
    types=st.frozensets(st.sampled_from(SignalType)),
    pixels=st.integers(1, 1 << 40),
    digests=st.booleans(),
)
def test_request_arrives_as_it_was_sent(
    spans: list[ContentSpan],
    types: frozenset[SignalType],
    pixels: int,
    digests: bool,
) -> None:
    """A request survives its frame, whatever is asked."""
    request = ScanRequest(
        spans=tuple(spans),
        types=types,
        budgets=Budgets(max_pixels=pixels),
        cpu_left_s=1.5,
        digests=digests,
    )

    assert decode_request(body_of(request)) == request


def test_replies_arrive_as_they_were_sent() -> None:
    """A reply survives its frame, with views, digests and nested contents."""
    reply = ContentReply(index=3, scan=SCAN, fault="KeyError")

    assert decode_reply(body_of(reply)) == reply
    assert decode_reply(body_of(Ready())) == Ready()


@given(body=st.binary(max_size=200))
def test_garbage_is_no_reply(body: bytes) -> None:
    """Bytes that are not a message give nothing, and raise nothing."""
    assert decode_reply(b"\xc1" + body) is None


@given(cut=st.integers(0, 100_000), flip=st.integers(0, 255))
def test_damaged_reply_raises_nothing(cut: int, flip: int) -> None:
    """Whatever happens to a byte of a reply, it is a reply or nothing."""
    body = bytearray(body_of(ContentReply(index=0, scan=SCAN)))
    body[cut % len(body)] ^= flip

    assert decode_reply(body) is None or isinstance(decode_reply(body), ContentReply)


def test_reply_nested_too_deeply_is_nothing() -> None:
    """Nesting that would exhaust the stack is refused by the decoder."""
    depth = 100_000
    body = b"\x81\xa8contents\x91" * depth + b"\xc0"

    assert decode_reply(b"\x93\xacContentReply\x00" + body) is None


@given(declared=st.text(max_size=300))
def test_declared_type_can_always_be_sent(declared: str) -> None:
    """A client may declare any bytes; a scanner gets a short ASCII text."""
    span = wire_span(ContentSpan(path="x", offset=0, length=0, declared_type=declared))

    assert span.declared_type is not None
    assert span.declared_type.isascii()
    assert len(span.declared_type) <= MAX_DECLARED_TYPE


def test_coding_is_sent() -> None:
    """A scanner undoes the coding that the head of the request states."""
    span = ContentSpan(path="x", offset=1, length=2, coding="br")

    assert wire_span(span).coding == "br"


def test_undecodable_bytes_of_a_declared_type_can_be_sent() -> None:
    """Bytes that are no UTF-8 are kept as surrogates by many servers."""
    declared = b"image/\xff".decode("utf-8", "surrogateescape")
    span = wire_span(ContentSpan(path="x", offset=0, length=0, declared_type=declared))

    assert span.declared_type == "image/?"


def test_unscanned_content_keeps_its_path_and_size() -> None:
    """A content that could not be looked at is still listed, with the reason."""
    span = ContentSpan(path="7", offset=3, length=5)

    assert unscanned(span, Reason.CRASHED) == Scan(
        path="7", kind="unknown", size=5, reason=Reason.CRASHED
    )
