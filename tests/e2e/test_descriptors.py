"""Descriptors run out, as far as clients can make them: the operator still gets in."""

import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e.raw import exchange

pytestmark = pytest.mark.e2e

DESCRIPTORS = 1024
"""The least that any system gives a process."""

CLIENTS = 800
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def admin_port(line: Mapping[str, object]) -> object:
    """Return the port if a line of the log says where the operator looks."""
    is_told = line.get("event") == "admin_listening"
    return str(line["address"]).rpartition(":")[2] if is_told else None


def test_origin_that_hangs_leaves_descriptors_for_the_operator(
    state: Path, tmp_path: Path
) -> None:
    """Each request to it holds one on either side, and more clients come than fit."""
    config = tmp_path / "uploadfilter.toml"
    config.write_text('[admin]\nlisten = "127.0.0.1:0"\n')
    with contextlib.ExitStack() as stack:
        # Connections wait in its queue, and are never accepted.
        hanging = stack.enter_context(
            socket.create_server(("127.0.0.1", 0), backlog=4096)
        )
        origin = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        limited = f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"
        command = ["prlimit", limited, running.program(), "serve", "--origin", origin]
        command += ["--config", str(config), "--listen", "127.0.0.1:0"]
        log = tmp_path / "proxy.log"
        process = stack.enter_context(
            running.process(command, log=log, env=running.environment(state))
        )
        port = int(str(running.said(process, log, running.listening_port)))
        admin = int(str(running.said(process, log, admin_port)))
        clients = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=60)
            )
            for _ in range(CLIENTS)
        ]
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.sendall(GET)
        # It is told, ended, or waits for the origin like those before it.
        clients[-1].settimeout(5)
        with contextlib.suppress(ConnectionError, TimeoutError):
            clients[-1].recv(1)

        assert b" 200 " in exchange(admin, METRICS)
