"""The life of a scanner process: requests in, one reply for each content out.

Forked and confined by ``template.py``. It holds one socket, whose other end is the
proxy, and during a request one upload, or its descriptor. It never sees the reference
set, names of files or of clients, or any path.

It ends when its socket does, when it is killed, or when it cannot go on: that is for
the other end to notice and to repair.
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
"""Scans one content of an upload, as the request says, within so many CPU seconds;
yields what it finds, the last part marked as such."""

_READ_BYTES: Final = 64 * 1024
_SMALLEST_ALARM_S: Final = 0.001
"""An alarm of zero seconds would be none at all."""


def scan_upload(
    upload: Handed, request: ScanRequest, scan: ScanFunction
) -> Iterator[ContentReply]:
    """Scan the contents of one upload, each within its CPU seconds.

    Yields:
        The parts of each span's reply, in order. Once the CPU seconds of the upload
        are used up, the rest is ``out_of_time`` without being looked at.
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
                needs_alone=part.needs_alone,
            )


def _parts(
    parts: Iterable[ReplyPart], span: ContentSpan
) -> Iterator[tuple[ReplyPart, str]]:
    """Yield the parts of a scan; what goes wrong becomes the reason of the last."""
    try:
        for part in parts:
            yield part, ""
    except MemoryError:
        yield ReplyPart(scan=unscanned(span, Reason.OUT_OF_MEMORY)), ""
    except Exception as exc:  # noqa: BLE001 - the boundary of the worker's main
        # A decoder raised what nobody translates yet. Scanning it again would raise it
        # again, and a fresh process costs a hundred times as much as this line.
        fault = type(exc).__name__
        yield ReplyPart(scan=unscanned(span, Reason.CRASHED)), fault


def serve(sock: socket.socket, scan: ScanFunction) -> None:
    """Say that this process is ready, then answer requests until the socket ends."""
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

    The other end sends the next request after the last reply to this one, so that
    what is read never reaches into another frame.

    Returns:
        ``None`` at the end of the socket, also in mid-frame.
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
    """Return data with so much more from a socket that it has at least a length.

    Returns:
        ``None`` if the socket ends before.
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
