"""The start of a program, and its arguments and environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scanners import standins
from uploadfilter.scanners.pool.launching import Child, ProcessSettings, spawn, tail
from uploadfilter.scanners.wire.control import MAX_REPORT_BYTES, Started, decode_report


@contextmanager
def child_of(module: str) -> Iterator[Child]:
    """Start a program for the length of the block."""
    child = spawn(
        ProcessSettings(
            module=module, address_space=512 << 20, large_address_space=768 << 20
        )
    )
    child.sock.setblocking(True)
    with child.errors:
        with child.sock:
            yield child
        child.popen.wait(timeout=30)
        os.close(child.pidfd)


def test_program_is_told_nothing_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Secrets of the service are in the environment of no process that it starts."""
    monkeypatch.setenv("UPLOADFILTER_SECRET", "s3cret")
    with child_of(standins.MODULE) as child:
        child.sock.recv(MAX_REPORT_BYTES)
        environment = _environment_of(child.popen.pid)

    assert b"s3cret" not in environment


def _environment_of(pid: int) -> bytes:
    """Read the environment a process was started with; root may, others may not."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:
        return b""


def test_program_has_a_socket_of_packets() -> None:
    """The first report comes whole and alone; the program ends with the socket."""
    with child_of(standins.MODULE) as child:
        report = decode_report(child.sock.recv(MAX_REPORT_BYTES))

    assert isinstance(report, Started)
    assert child.popen.returncode == 0


def test_tail_is_the_end_of_what_was_written() -> None:
    """An operator sees the end of the output, not all of it."""
    with child_of("tests.scanners.missing") as child:
        child.popen.wait(timeout=30)
        errors_fd = child.errors.fileno()
        os.pwrite(errors_fd, b"x" * 5000, os.fstat(errors_fd).st_size)
        last_words = tail(errors_fd)

    assert last_words == "x" * len(last_words)
    assert 0 < len(last_words) < 5000


def test_program_that_is_missing_says_so() -> None:
    """The output of the interpreter is kept for the operator."""
    with child_of("tests.scanners.missing") as child:
        child.popen.wait(timeout=30)

        assert "No module named" in tail(child.errors.fileno())
