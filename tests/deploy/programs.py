"""The parts of the machine and of ``make`` that the tests need."""

import contextlib
import os
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.repository import ROOT
from tests.sites.programs import missing

DEPLOY = ROOT / "deploy"
"""The package that an operator gets."""


_PORTS = range(20_000, 30_000)
"""Below those that Linux gives to connections, which come and go at any moment."""


def free_port() -> int:
    """Return a free port, for programs that cannot choose one themselves."""
    for port in random.sample(_PORTS, len(_PORTS)):
        # Not by connecting, which waits for a listener that accepts nobody.
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("each port of this machine is taken")


def made(variable: str) -> Path:
    """Return the path of a product of ``make deploy-test``, named in a variable."""
    text = os.environ.get(variable)
    return Path(text) if text else missing(f"{variable}", cure="make deploy-test")


def shown(command: Sequence[str], output: bytes) -> str:
    """Return a command's output, for the message of an assertion."""
    return f"{' '.join(command)}:\n{output.decode(errors='replace')}"
