"""The scanner's end of the socket, without a process around it."""

import os
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from tests.scanners.memory import upload_of
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.inside.serving import receive, scan_upload, serve
from uploadfilter.scanners.inside.walking.spans import open_span
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    ContentReply,
    ContentSpan,
    Handed,
    Ready,
    ReplyPart,
    ScanRequest,
    decode_reply,
    encode_frame,
    unscanned,
    wire_span,
)


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give the proxy's and the scanner's end of a socket."""
    proxys, scanners = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with proxys, scanners:
        yield proxys, scanners


def request_for(*spans: ContentSpan, cpu_left_s: float = 10.0) -> ScanRequest:
    """Return a request for some contents."""
    return ScanRequest(
        spans=tuple(wire_span(span) for span in spans),
        types=frozenset(),
        budgets=Budgets(per_gib_s=0, first_mib_s=0),
        cpu_left_s=cpu_left_s,
    )


def text_of(
    upload: Handed, span: ContentSpan, request: ScanRequest, cpu_s: float
) -> Iterator[ReplyPart]:
    """Scan a content by quoting it, or fail as it says."""
    del request, cpu_s
    content = open_span(upload, span).read(0, span.length)
    if content == b"memory":
        raise MemoryError
    if content == b"error":
        raise LookupError(content)
    yield ReplyPart(scan=Scan(path="", kind=content.decode(), size=span.length))


def test_replies_come_in_order_and_failures_are_reasons() -> None:
    """A content that fails takes no other with it."""
    with upload_of(b"a", b"memory", b"b", b"error", b"c") as (fd, spans):
        replies = list(scan_upload(fd, request_for(*spans), text_of))

    assert [reply.index for reply in replies] == [0, 1, 2, 3, 4]
    assert [reply.scan.kind for reply in replies] == [
        "a",
        "unknown",
        "b",
        "unknown",
        "c",
    ]
    assert [reply.scan.reason for reply in replies] == [
        None,
        Reason.OUT_OF_MEMORY,
        None,
        Reason.CRASHED,
        None,
    ]


def test_fault_names_the_exception_and_nothing_of_the_content() -> None:
    """The report of a bug has its class only; messages may quote the content."""
    with upload_of(b"error") as (fd, spans):
        (reply,) = scan_upload(fd, request_for(*spans), text_of)

    assert reply.fault == "LookupError"


def test_mistake_that_passed_for_bad_bytes_is_told() -> None:
    """The content keeps its reason, and the place of the bug is reported."""
    place = "KeyError@uploadfilter.pictures.headers.timing:9"

    def mistaken(
        _upload: Handed, span: ContentSpan, _request: ScanRequest, _cpu_s: float
    ) -> Iterator[ReplyPart]:
        yield ReplyPart(scan=unscanned(span, Reason.UNDECODABLE), fault=place)

    with upload_of(b"error") as (fd, spans):
        (reply,) = scan_upload(fd, request_for(*spans), mistaken)

    assert (reply.scan.reason, reply.fault) == (Reason.UNDECODABLE, place)


def test_contents_beyond_the_time_of_the_upload_are_not_looked_at() -> None:
    """Contents left when the CPU seconds are used up are out of time, unread."""
    with upload_of(b"error", b"error") as (fd, spans):
        replies = list(scan_upload(fd, request_for(*spans, cpu_left_s=0.0), text_of))

    assert [reply.scan.reason for reply in replies] == [Reason.OUT_OF_TIME] * 2


def test_serving_answers_each_content_of_each_request(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """One frame says ready, then comes one for each content, until the socket ends."""
    proxys, scanners = sockets
    with upload_of(b"a", b"b") as (fd, spans):
        socket.send_fds(proxys, [encode_frame(request_for(*spans))], [fd])
    proxys.shutdown(socket.SHUT_WR)
    serve(scanners, text_of)
    scanners.close()
    ready, *replies = frames_of(proxys)

    assert ready == Ready()
    scans = [reply.scan for reply in replies if isinstance(reply, ContentReply)]
    assert [scan.kind for scan in scans] == ["a", "b"]


def test_serving_closes_the_descriptor_of_each_upload(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """A scanner keeps nothing of an upload that is over."""
    proxys, scanners = sockets
    before = open_descriptors()
    with upload_of(b"a") as (fd, spans):
        socket.send_fds(proxys, [encode_frame(request_for(*spans))], [fd])
    proxys.shutdown(socket.SHUT_WR)
    serve(scanners, text_of)

    assert open_descriptors() <= before


@pytest.mark.parametrize("count", [1, 1000])
def test_request_is_read_however_it_arrives(
    sockets: tuple[socket.socket, socket.socket], count: int
) -> None:
    """A request longer than one read is put together, its descriptor kept."""
    proxys, scanners = sockets
    span = ContentSpan(path="", offset=3, length=4, declared_type="image/" + "x" * 90)
    request = request_for(*[span] * count)
    frame = encode_frame(request)
    with upload_of(b"content") as (fd, _):
        socket.send_fds(proxys, [frame[:7]], [fd])
        proxys.sendall(frame[7:])
        received = receive(scanners)

    assert received is not None
    assert received[0] == request
    assert isinstance(received[1], int)
    assert os.pread(received[1], 4, 3) == b"tent"
    os.close(received[1])


@pytest.mark.parametrize("length", [0, 1, 20_000, 70_000, 1_000_000])
@pytest.mark.parametrize("pieces", [1, 3, 40])
def test_attached_upload_is_read_however_it_arrives(
    sockets: tuple[socket.socket, socket.socket], length: int, pieces: int
) -> None:
    """An upload after its request is the same, whole or in pieces, with no file."""
    proxys, scanners = sockets
    upload = random.Random(length).randbytes(length)  # noqa: S311 - no secret
    span = ContentSpan(path="", offset=0, length=length)
    request = replace(request_for(span), attached=length)
    sent = encode_frame(request) + upload
    size = len(sent) // pieces + 1
    before = open_descriptors()

    def send() -> None:
        for start in range(0, len(sent), size):
            proxys.sendall(sent[start : start + size])

    with ThreadPoolExecutor(1) as thread:
        thread.submit(send)
        received = receive(scanners)

    assert received == (request, upload)
    assert open_descriptors() == before


@pytest.mark.parametrize("missing", [1, 20_000])
def test_socket_that_ends_within_an_upload_ends_the_scanner(
    sockets: tuple[socket.socket, socket.socket], missing: int
) -> None:
    """A proxy that ends while it sends an upload causes no traceback."""
    proxys, scanners = sockets
    span = ContentSpan(path="", offset=0, length=20_000)
    request = replace(request_for(span), attached=20_000)
    proxys.sendall((encode_frame(request) + bytes(20_000))[:-missing])
    proxys.shutdown(socket.SHUT_WR)

    assert receive(scanners) is None


@pytest.mark.parametrize("length", [0, 3, 40])
def test_socket_that_ends_within_a_request_ends_the_scanner(
    sockets: tuple[socket.socket, socket.socket], length: int
) -> None:
    """A proxy that ends while it asks causes no traceback."""
    proxys, scanners = sockets
    span = ContentSpan(path="", offset=0, length=1)
    proxys.sendall(encode_frame(request_for(span))[:length])
    proxys.shutdown(socket.SHUT_WR)

    assert receive(scanners) is None


def frames_of(sock: socket.socket) -> list[object]:
    """Read all messages up to the end of a socket."""
    data = b"".join(iter(lambda: sock.recv(65536), b""))
    messages: list[object] = []
    while data:
        (length,) = FRAME_HEADER.unpack_from(data)
        end = FRAME_HEADER.size + length
        messages.append(decode_reply(data[FRAME_HEADER.size : end]))
        data = data[end:]
    return messages


def open_descriptors() -> set[str]:
    """Return the numbers of the open descriptors of this process."""
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
