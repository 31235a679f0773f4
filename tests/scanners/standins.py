"""A scanner process that obeys its contents: hang, die, lie, write garbage.

It is a real process with the real main function, socket, limits and alarms; only the
scan of a content is replaced. A content is a word, and for some words an argument after
a space. The tests run it through ``ScannerSettings(module=MODULE)``.
"""

import ctypes
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from uploadfilter.model import Scan
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.sandbox import SOCKET_FD
from uploadfilter.scanners.inside.walking.spans import open_span
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    MAX_REPLY_BYTES,
    UNKNOWN_KIND,
    ContentReply,
    ContentSpan,
    Handed,
    ReplyPart,
    ScanRequest,
    encode_frame,
)

MODULE: Final = "tests.scanners.standins"


def perform(
    upload: Handed, span: ContentSpan, request: ScanRequest, _cpu_s: float
) -> Iterator[ReplyPart]:
    """Obey the content, and report success if the action returns."""
    fd = upload if isinstance(upload, int) else -1
    content = open_span(upload, span).read(0, span.length)
    word, _, argument = content.decode().partition(" ")
    _ACTS[word](argument, fd, request)
    yield ReplyPart(scan=Scan(path="", kind=UNKNOWN_KIND, size=span.length))


def say(data: bytes) -> None:
    """Write to the socket of the pool, as a decoder that was taken over would."""
    kinds = (socket.AF_UNIX, socket.SOCK_STREAM, 0)
    sock = socket.socket(*kinds, fileno=SOCKET_FD)  # asks the kernel nothing
    try:
        sock.sendall(data)
    finally:
        sock.detach()


def _wait() -> None:
    """Do nothing, until somebody ends this process."""
    time.sleep(3600.0)


def _fine(_argument: str, _fd: int, _request: ScanRequest) -> None:
    """Do nothing, successfully."""


def _hang(_argument: str, _fd: int, _request: ScanRequest) -> None:
    _wait()


def _linger(argument: str, _fd: int, _request: ScanRequest) -> None:
    time.sleep(float(argument))


def _spin(_argument: str, _fd: int, _request: ScanRequest) -> None:
    while True:
        pass


def _burn(argument: str, _fd: int, _request: ScanRequest) -> None:
    end_s = time.process_time() + float(argument)
    while time.process_time() < end_s:
        pass


def _die(_argument: str, _fd: int, _request: ScanRequest) -> None:
    ctypes.string_at(0)


def _die_as(argument: str, _fd: int, _request: ScanRequest) -> None:
    """Die in the process of that number and in no other."""
    if os.getpid() == int(argument):
        ctypes.string_at(0)


def _abort(_argument: str, _fd: int, _request: ScanRequest) -> None:
    os.abort()


def _leave(_argument: str, _fd: int, _request: ScanRequest) -> None:
    sys.exit(0)


def _hang_up(_argument: str, _fd: int, _request: ScanRequest) -> None:
    """End the socket, but live on."""
    os.close(SOCKET_FD)
    _wait()


def _raise(_argument: str, _fd: int, _request: ScanRequest) -> None:
    raise KeyError("what no decoder should raise")


def _hoard(_argument: str, _fd: int, request: ScanRequest) -> None:
    bytearray(request.budgets.address_space)


def _babble(_argument: str, _fd: int, _request: ScanRequest) -> None:
    say(FRAME_HEADER.pack(4) + b"\xc1\xc1\xc1\xc1")
    _wait()


def _boast(_argument: str, _fd: int, _request: ScanRequest) -> None:
    """Announce a frame that is too long."""
    say(FRAME_HEADER.pack(MAX_REPLY_BYTES + 1))
    _wait()


def _flood(_argument: str, _fd: int, _request: ScanRequest) -> None:
    while True:
        say(FRAME_HEADER.pack(1024) + bytes(1024))


def _forestall(argument: str, _fd: int, _request: ScanRequest) -> None:
    """Answer one content more than was asked, before its time."""
    size = int(argument)
    for index in (0, 1):
        scan = Scan(path="", kind=UNKNOWN_KIND, size=size)
        say(encode_frame(ContentReply(index=index, scan=scan)))


def _smuggle(_argument: str, fd: int, _request: ScanRequest) -> None:
    """Send descriptors to the pool, before half a reply."""
    kinds = (socket.AF_UNIX, socket.SOCK_STREAM, 0)
    sock = socket.socket(*kinds, fileno=SOCKET_FD)
    try:
        socket.send_fds(sock, [b"\0"], (fd,) * 8)
    finally:
        sock.detach()


def _overwrite(_argument: str, fd: int, _request: ScanRequest) -> None:
    os.pwrite(fd, b"innocent", 0)


def _check_descriptors(_argument: str, fd: int, _request: ScanRequest) -> None:
    """Raise if there is more than standard streams, the socket and the content."""
    opened = {number for number in range(1024) if _is_open(number)}
    if opened != {0, 1, 2, SOCKET_FD, fd}:
        raise LookupError(f"open: {opened}")


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _check_environment(_argument: str, _fd: int, _request: ScanRequest) -> None:
    if os.environ:
        raise LookupError("something was left in the environment")


_ACTS: Final[dict[str, Callable[[str, int, ScanRequest], None]]] = {
    "fine": _fine,
    "hang": _hang,
    "linger": _linger,
    "spin": _spin,
    "burn": _burn,
    "die": _die,
    "die-as": _die_as,
    "abort": _abort,
    "leave": _leave,
    "hang-up": _hang_up,
    "raise": _raise,
    "hoard": _hoard,
    "babble": _babble,
    "boast": _boast,
    "flood": _flood,
    "forestall": _forestall,
    "smuggle": _smuggle,
    "overwrite": _overwrite,
    "check-descriptors": _check_descriptors,
    "check-limits": _check_environment,
}


if __name__ == "__main__":
    run(sys.argv[1:], perform)
