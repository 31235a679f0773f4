"""Serve requests in a scanner process, with one reply for each content.

``forkserver.py`` forks and confines the process. It holds one socket to the proxy, and
during a request one upload or its descriptor. It never sees the reference set, names of
files or of clients, or any path.

It ends when its socket ends, when it is killed, or when it cannot go on. The other end
notices this and makes a new process.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.scanners.inside.confinement import set_cpu_alarm
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    ContentReply,
    ContentSpan,
    Handed,
    Ready,
    ReplyPart,
    ScanRequest,
    decode_request,
    encode_frame,
    unscanned,
)

ScanFunction = Callable[[Handed, ContentSpan, ScanRequest, float], Iterable[ReplyPart]]
"""Scans one content of an upload by the request, within a number of CPU seconds; yields
its findings in parts, and marks the last part."""

_READ_BYTES: Final = 64 * 1024
_SMALLEST_ALARM_S: Final = 0.001
"""The shortest alarm: zero seconds would switch it off."""


def scan_upload(
    upload: Handed, request: ScanRequest, scan: ScanFunction
) -> Iterator[ContentReply]:
    """Scan the contents of one upload, each within its CPU seconds.

    Yields:
        The parts of each span's reply, in order. When the CPU seconds of the upload are
        used up, the other contents are ``out_of_time`` without being looked at.
    """
    budgets = request.budgets
    total = sum(span.length for span in request.spans)
    end_s = time.process_time() + request.cpu_left_s + budgets.allowance(total)
    for index, span in enumerate(request.spans):
        left_s = end_s - time.process_time()
        if left_s <= 0:
            yield ContentReply(index=index, scan=unscanned(span, Reason.OUT_OF_TIME))
            continue
        content_s = budgets.content_cpu_s + budgets.allowance(span.length)
        cpu_s = max(_SMALLEST_ALARM_S, min(left_s, content_s))
        set_cpu_alarm(cpu_s)
        for part, fault in _parts(scan(upload, span, request, cpu_s), span):
            if part.is_last:
                set_cpu_alarm(0)
            yield ContentReply(
                index=index,
                scan=part.scan,
                fault=fault or part.fault,
                is_last=part.is_last,
                needs=part.needs,
            )


def _parts(
    parts: Iterable[ReplyPart], span: ContentSpan
) -> Iterator[tuple[ReplyPart, str]]:
    """Yield the parts of a scan; an error becomes the reason of the last part."""
    try:
        for part in parts:
            yield part, ""
    except MemoryError:
        yield ReplyPart(scan=unscanned(span, Reason.OUT_OF_MEMORY)), ""
    except Exception as exc:  # noqa: BLE001 - the boundary of the worker's main
        # A decoder raised an exception that is not translated yet. Another scan would
        # raise it again, and a fresh process costs a hundred times as much as this
        # line.
        fault = type(exc).__name__
        yield ReplyPart(scan=unscanned(span, Reason.CRASHED)), fault


def serve(sock: socket.socket, scan: ScanFunction) -> None:
    """Report that this process is ready, then answer requests until the socket ends."""
    sock.sendall(encode_frame(Ready()))
    while (received := receive(sock)) is not None:
        request, upload = received
        try:
            for reply in scan_upload(upload, request, scan):
                sock.sendall(encode_frame(reply))
        finally:
            if isinstance(upload, int):
                os.close(upload)


def receive(sock: socket.socket) -> tuple[ScanRequest, Handed] | None:
    """Read one request and the upload, or the descriptor that came with it.

    The other end sends the next request only after the last reply to this one, so that
    reading never reaches into another frame.

    Returns:
        ``None`` at the end of the socket, even within a frame.
    """
    first, fds, _, _ = socket.recv_fds(sock, _READ_BYTES, 1)
    if not first:
        return None
    frame = _filled(sock, first, FRAME_HEADER.size)
    if frame is None:
        return None
    (length,) = FRAME_HEADER.unpack_from(frame)
    end = FRAME_HEADER.size + length
    frame = _filled(sock, frame, end)
    if frame is None:
        return None
    request = decode_request(memoryview(frame)[FRAME_HEADER.size : end])
    if request.attached is None:
        return request, fds[0]
    upload = _filled(sock, frame[end:], request.attached)
    return None if upload is None else (request, upload)


def _filled(sock: socket.socket, data: bytes, length: int) -> bytes | None:
    """Read from a socket until the data have at least a length.

    Returns:
        ``None`` if the socket ends earlier.
    """
    if len(data) >= length:
        return data
    whole = bytearray(length)
    whole[: len(data)] = data
    missing = memoryview(whole)[len(data) :]
    while missing:
        count = sock.recv_into(missing)
        if not count:
            return None
        missing = missing[count:]
    return bytes(whole)
