"""Start the proxy on an existing socket, like a service manager with a socket unit."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.demo import running
from deploy.demo.running import Proxy

_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""The steps between fork and exec: the socket becomes descriptor 3
(``sd_listen_fds(3)``), and the variables name the process that is to take it."""


@contextlib.contextmanager
def listening_socket() -> Iterator[socket.socket]:
    """Listen on a free port, and keep connections until a program accepts them."""
    with socket.socket() as shared:
        shared.bind(("127.0.0.1", 0))
        shared.listen(1024)
        shared.set_inheritable(True)
        yield shared


@contextlib.contextmanager
def inheriting_proxy(
    shared: socket.socket, origin: str, *, state: Path, instance: str
) -> Iterator[Proxy]:
    """Run an instance of the proxy on a socket for the length of the block."""
    log = state / f"{instance}.log"
    log.write_bytes(b"")
    command = [
        *(sys.executable, "-c", _HAND_OVER, str(shared.fileno()), running.program()),
        *("serve", "--origin", origin, "--listen", "inherited"),
        *("--instance", instance),
    ]
    environment = running.environment(state)
    with running.process(
        command, log=log, env=environment, pass_fds=(shared.fileno(),)
    ) as process:
        port = running.said(process, log, _port)
        yield Proxy(url=f"http://127.0.0.1:{port}", process=process, log=log)


def _port(line: object) -> object:
    is_it = isinstance(line, dict) and line.get("event") == "listening"
    return line["port"] if is_it and isinstance(line, dict) else None
