"""The framing of S3 is proven, however it arrives."""

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.extractors import CHECKS, Check, Subject
from uploadfilter.contents.framed import without_framing
from uploadfilter.contents.members import Member
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason
from uploadfilter.uploads.body.awschunked import (
    LEAST_CHUNK_BYTES,
    MOST_SMALL_CHUNKS,
    AwsChunkedExtractor,
)
from uploadfilter.uploads.body.checksums import checksum
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Refused,
)
from uploadfilter.uploads.head.awschunked import Framing

SIGNATURE = b";chunk-signature=" + b"0f" * 32


def framed(
    *chunks: bytes, signed: bool = False, algorithm: str | None = "crc32"
) -> bytes:
    """Write a body as an SDK does."""
    mark = SIGNATURE if signed else b""
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(each), mark, each) for each in chunks)
    body += b"0" + mark + b"\r\n"
    if algorithm is not None:
        found = checksum(algorithm)
        found.update(b"".join(chunks))
        value = base64.b64encode(found.digest())
        body += b"x-amz-checksum-%s:%s\r\n" % (algorithm.encode(), value)
        if signed:
            body += b"x-amz-trailer-signature:" + b"a0" * 32 + b"\r\n"
    return body + b"\r\n"


def framing(
    *chunks: bytes, signed: bool = False, algorithm: str | None = "crc32"
) -> Framing:
    """Return what a head says of it."""
    length = sum(map(len, chunks))
    return Framing(decoded_length=length, is_signed=signed, checksum=algorithm)


def is_proper(sent: bytes, said: Framing, *, cut: int = 1 << 30) -> bool:
    """Return whether a body is taken, in pieces of ``cut`` bytes."""
    extractor = AwsChunkedExtractor(said, "text/plain")
    events = []
    for at in range(0, len(sent), cut):
        events += extractor.receive(sent[at : at + cut])
    events += extractor.end()
    refused = [each for each in events if isinstance(each, Refused)]
    if refused:
        assert events[-1] is refused[0]
        assert refused[0].refusal.reason is Reason.UNSUPPORTED_CODING
        assert refused[0].refusal.status == 400
        return False
    assert events[0] == ContentStarted(declared_type="text/plain", coding="aws-chunked")
    assert events[-1] == ContentEnded()
    held = b"".join(each.data for each in events if isinstance(each, ContentData))
    assert held == sent
    return True


def decoded(sent: bytes) -> bytes:
    """Return what a scanner takes for the object."""
    (member,) = without_framing(MemorySource(sent))
    assert isinstance(member, Member)
    assert not isinstance(member.content, Iterator)
    return member.content.read(0, member.content.size)


PARTS = (b"one " * 9, b"two " * 5)
SENT = framed(*PARTS)

SUBJECT = Subject(
    make=lambda: AwsChunkedExtractor(framing(*PARTS), None),
    contents={SENT: (SENT,)},
    refused=(SENT[:-1], SENT + b"0", b"24\r\n", b"x" * 300),
    pieces=(b"24\r\n", PARTS[0], b"\r\n", b"14\r\n", PARTS[1], b"0\r\n", SENT[-42:]),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_framing_conforms(check: Check) -> None:
    """It passes the suite of extractors."""
    check(SUBJECT)


ALGORITHMS = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256", None]


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=90), max_size=5),
    signed=st.booleans(),
    algorithm=st.sampled_from(ALGORITHMS),
    cut=st.integers(1, 40),
)
def test_every_chunking_and_cut_is_proven_and_cut_out(
    chunks: list[bytes], *, signed: bool, algorithm: str | None, cut: int
) -> None:
    """The proxy's reader and the scanner's find the same object."""
    signed = signed or algorithm is None
    sent = framed(*chunks, signed=signed, algorithm=algorithm)
    said = framing(*chunks, signed=signed, algorithm=algorithm)

    assert is_proper(sent, said, cut=cut)
    assert decoded(sent) == b"".join(chunks)


@given(
    at=st.integers(0, 200),
    gone=st.integers(0, 3),
    new=st.binary(max_size=3),
    cut=st.integers(1, 60),
)
def test_changed_body_is_refused_or_still_the_same_object(
    at: int, gone: int, new: bytes, cut: int
) -> None:
    """Whatever changes, nothing else than the announced object is taken."""
    parts = (b"a listed picture ", b"in two pieces")
    sent = framed(*parts)
    sent = sent[:at] + new + sent[at + gone :]
    said = framing(*parts)

    assert is_proper(sent, said, cut=cut) == is_proper(sent, said)
    if is_proper(sent, said):
        assert decoded(sent) == b"".join(parts)


ONE = framed(b"data")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(ONE.replace(b"\r\n", b"\n"), id="LF"),
        pytest.param(b"0" + ONE, id="leading-zero"),
        pytest.param(b"0x" + ONE, id="0x"),
        pytest.param(b" " + ONE, id="space"),
        pytest.param(b"+" + ONE, id="plus"),
        pytest.param(ONE.replace(b"4\r\n", b"4 \r\n", 1), id="space-behind"),
        pytest.param(ONE.replace(b"4\r\n", b"4;a=b\r\n", 1), id="extension"),
        pytest.param(ONE.replace(b"4\r\n", b"4" + SIGNATURE + b"\r\n"), id="signed"),
        pytest.param(ONE.replace(b"4\r\n", b"3\r\n", 1), id="short-size"),
        pytest.param(ONE.replace(b"4\r\n", b"5\r\n", 1), id="long-size"),
        pytest.param(ONE.replace(b"data", b"date"), id="checksum"),
        pytest.param(ONE.replace(b"crc32", b"crc33"), id="other-trailer"),
        pytest.param(ONE[:-2], id="no-end"),
        pytest.param(ONE[:7], id="no-last-chunk"),
        pytest.param(ONE + b"more", id="epilogue"),
        pytest.param(ONE + ONE, id="twice"),
        pytest.param(ONE[:-2] + b"x-amz-meta-a:b\r\n\r\n", id="more-trailers"),
        pytest.param(b"data", id="not-framed"),
        pytest.param(b"", id="empty"),
        pytest.param(b"1" * 300, id="long-line"),
    ],
)
@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_c1_framing_that_readers_may_take_otherwise_is_refused(
    sent: bytes, cut: int
) -> None:
    """C1: sizes that lie, line ends, extensions, checksums, bytes behind the end."""
    assert not is_proper(sent, framing(b"data"), cut=cut)


def test_length_in_the_head_must_be_that_of_the_chunks() -> None:
    """An origin may take the length of the head for the object."""
    for length in (0, 3, 5):
        said = Framing(decoded_length=length, is_signed=False, checksum="crc32")
        assert not is_proper(ONE, said)


def test_signed_chunks_need_their_signature() -> None:
    """The origin verifies it; without one it would be another framing."""
    assert not is_proper(ONE, framing(b"data", signed=True))
    assert is_proper(
        framed(b"data", signed=True, algorithm=None),
        framing(b"data", signed=True, algorithm=None),
    )


def test_uppercase_sizes_are_read() -> None:
    """The SDK for .NET writes them so."""
    sent = framed(bytes(0xABC)).replace(b"abc\r\n", b"ABC\r\n", 1)

    assert is_proper(sent, framing(bytes(0xABC)))


def test_c1_flood_of_small_chunks_is_refused() -> None:
    """A chunk of a byte costs as much as one of 64 KiB."""
    few = [b"x"] * MOST_SMALL_CHUNKS
    large = [bytes(LEAST_CHUNK_BYTES)] * 3

    assert is_proper(framed(*few), framing(*few))
    assert not is_proper(framed(*few, b"x"), framing(*few, b"x"))
    assert is_proper(framed(*large), framing(*large))


@pytest.mark.parametrize(
    ("parts", "otherwise"),
    [
        ((b"\xff\xd8\xffa",), False),
        ((b"\x89PNG",), False),
        ((b"\xff\xd8\xffa", b"b"), True),
        ((b"ffe0",), True),
        ((b"PK\3\4",), True),
        ((), True),
    ],
)
def test_bytes_as_sent_may_show_more(
    parts: tuple[bytes, ...], *, otherwise: bool
) -> None:
    """Only a picture in one chunk is certainly all that the framed bytes show."""
    for cut in (1000, 9):
        extractor = AwsChunkedExtractor(framing(*parts), None)
        sent = framed(*parts)
        for at in range(0, len(sent), cut):
            extractor.receive(sent[at : at + cut])
        assert extractor.is_told_otherwise is otherwise
