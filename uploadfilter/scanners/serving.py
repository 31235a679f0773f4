"""The life of a scanner process: requests in, one reply for each content out.

Forked and confined by ``template.py``. It holds one socket, whose other end is the
proxy, and during a request the descriptor of one upload. It never sees the reference
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
from uploadfilter.scanners.confinement import set_cpu_alarm
from uploadfilter.scanners.messages import (
    FRAME_HEADER,
    ContentReply,
    ContentSpan,
    Part,
    Ready,
    ScanRequest,
    decode_request,
    encode_frame,
    unscanned,
)

ScanFunction = Callable[[int, ContentSpan, ScanRequest, float], Iterable[Part]]
"""Scans one content of an open descriptor, as the request says, within so many CPU
seconds; yields what it finds, the last part marked as such."""

_READ_BYTES: Final = 64 * 1024
_SMALLEST_ALARM_S: Final = 0.001
"""An alarm of zero seconds would be none at all."""


def scan_upload(
    fd: int, request: ScanRequest, scan: ScanFunction
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
        for part, fault in _parts(scan(fd, span, request, cpu_s), span):
            if part.is_last:
                set_cpu_alarm(0)
            yield ContentReply(
                index=index,
                scan=part.scan,
                fault=fault or part.fault,
                is_last=part.is_last,
                needs_alone=part.needs_alone,
            )


def _parts(parts: Iterable[Part], span: ContentSpan) -> Iterator[tuple[Part, str]]:
    """Yield the parts of a scan; what goes wrong becomes the reason of the last."""
    try:
        for part in parts:
            yield part, ""
    except MemoryError:
        yield Part(scan=unscanned(span, Reason.OUT_OF_MEMORY)), ""
    except Exception as exc:  # noqa: BLE001 - the boundary of the worker's main
        # A decoder raised what nobody translates yet. Scanning it again would raise it
        # again, and a fresh process costs a hundred times as much as this line.
        fault = type(exc).__name__
        yield Part(scan=unscanned(span, Reason.CRASHED)), fault


def serve(sock: socket.socket, scan: ScanFunction) -> None:
    """Say that this process is ready, then answer requests until the socket ends."""
    sock.sendall(encode_frame(Ready()))
    while (received := receive(sock)) is not None:
        request, fd = received
        try:
            for reply in scan_upload(fd, request, scan):
                sock.sendall(encode_frame(reply))
        finally:
            os.close(fd)


def receive(sock: socket.socket) -> tuple[ScanRequest, int] | None:
    """Read one request and the descriptor that came with it.

    The other end sends the next request after the last reply to this one, so that
    what is read never reaches into another frame.

    Returns:
        ``None`` at the end of the socket, also in mid-frame.
    """
    data, fds, _, _ = socket.recv_fds(sock, _READ_BYTES, 1)
    body = bytearray(data)
    while (missing := _missing_bytes(body)) > 0:
        data = sock.recv(missing) if body else b""
        if not data:
            return None
        body += data
    return decode_request(body[FRAME_HEADER.size :]), fds[0]


def _missing_bytes(body: bytearray) -> int:
    """Return how many bytes are still to come before the frame is whole."""
    if len(body) < FRAME_HEADER.size:
        return FRAME_HEADER.size - len(body)
    (length,) = FRAME_HEADER.unpack_from(body)
    return int(FRAME_HEADER.size + length - len(body))
