"""A scanner process that was taken over: it calls the kernel as its contents say.

A content is the number of a system call and its arguments, each a number or one of the
words below; ``;`` parts calls. The kind of the scan is the name of the last call's
error, or ``done``; a call that kills shows in the exit code.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from typing import Final

from uploadfilter.model import Scan
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.walking.spans import open_span
from uploadfilter.scanners.wire.messages import (
    ContentSpan,
    Handed,
    ReplyPart,
    ScanRequest,
)

MODULE: Final = "tests.scanners.standins_hostile"

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_PAGE: Final = 4096
_texts: Final = {
    "passwd": ctypes.create_string_buffer(b"/etc/passwd"),
    "memory": ctypes.create_string_buffer(b"/proc/self/mem"),
    "root": ctypes.create_string_buffer(b"/"),
    # A socket's address: IPv4, port 9, 127.0.0.1.
    "tcp": ctypes.create_string_buffer(b"\2\0\0\x09\x7f\0\0\1" + bytes(8)),
    "zeros": ctypes.create_string_buffer(2 * _PAGE),
}


def perform(
    upload: Handed, span: ContentSpan, _request: ScanRequest, _cpu_s: float
) -> Iterator[ReplyPart]:
    """Make the calls that the content says, and report how the last one ended."""
    fd = upload if isinstance(upload, int) else -1
    text = open_span(upload, span).read(0, span.length).decode()
    outcome = ""
    for call in text.split(";"):
        ctypes.set_errno(0)
        arguments = [ctypes.c_long(_value(word, fd)) for word in call.split()]
        failed = _libc.syscall(*arguments) == -1
        outcome = errno.errorcode[ctypes.get_errno()] if failed else "done"
    yield ReplyPart(scan=Scan(path="", kind=outcome, size=span.length))


def _value(word: str, fd: int) -> int:
    """Return the argument that a word stands for."""
    if word in _texts:
        return ctypes.addressof(_texts[word])
    if word == "again":
        # The path under which a process finds its own descriptor.
        _texts[word] = ctypes.create_string_buffer(f"/proc/self/fd/{fd}".encode())
        return ctypes.addressof(_texts[word])
    if word == "page":
        return -(-ctypes.addressof(_texts["zeros"]) // _PAGE) * _PAGE
    known = {"content": fd, "self": os.getpid()}
    return known[word] if word in known else int(word, 0)


if __name__ == "__main__":
    run(sys.argv[1:], perform)
