"""A crowd that connects and says little, as a process with descriptors of its own.

Usage: ``python crowd.py SOCKET COUNT BEGIN...``: each connection sends one of the
beginnings, in hexadecimal digits, in turn. It prints how many it has opened, and how
many of them were ended by the other side, once all are.
"""

import contextlib
import resource
import select
import socket
import sys

_OWN = 64
"""Descriptors of the process itself."""


def main() -> None:
    """Connect, and wait until every connection is ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    address, begins = sys.argv[1], [bytes.fromhex(it) for it in sys.argv[3:]]
    poll, crowd = select.epoll(), dict[int, socket.socket]()
    for number in range(min(int(sys.argv[2]), most - _OWN)):
        one = socket.socket(socket.AF_UNIX)
        one.connect(address)
        with contextlib.suppress(OSError):  # it was ended already
            one.sendall(begins[number % len(begins)])
        crowd[one.fileno()] = one
        poll.register(one, select.EPOLLIN)
    opened = len(crowd)
    print(opened, flush=True)  # noqa: T201
    while crowd:
        for file, _ in poll.poll():
            if not _read(crowd[file]):
                poll.unregister(file)
                crowd.pop(file).close()
    print(opened, flush=True)  # noqa: T201


def _read(one: socket.socket) -> bytes:
    try:
        return one.recv(65536)
    except ConnectionResetError:
        return b""


if __name__ == "__main__":
    main()
