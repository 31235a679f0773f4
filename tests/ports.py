"""Ports for programs that cannot choose one themselves."""

import contextlib
import secrets
import socket

_FIRST, _COUNT = 20_000, 10_000
"""Below those that Linux gives to connections, which come and go at any moment."""


def free_port() -> int:
    """Return a port of the loopback address that nobody else gets while we run.

    Between this call and the moment at which a program listens there are seconds, and
    tests run beside each other.

    Raises:
        AssertionError: There is none.
    """
    start = secrets.randbelow(_COUNT)
    for number in range(_COUNT):
        port = _FIRST + (start + number) % _COUNT
        if _is_free(port) and _reserve(port):
            return port
    raise AssertionError("each port of this machine is taken")


def _is_free(port: int) -> bool:
    """Tell whether nobody listens there, without a connection that has to wait."""
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.bind(("127.0.0.1", port))
        return True
    return False


def _reserve(port: int) -> bool:
    """Keep a port from other processes of the tests until this one ends.

    The sign is a socket with a name that only one process can have; the system removes
    it with the process. It is never closed.

    Returns:
        Whether it was not reserved before.
    """
    sign = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        sign.bind(f"\0uploadfilter-test-port-{port}")
    except OSError:
        sign.close()
        return False
    sign.detach()
    return True
