"""The process that scanners are forked from, spoken to as the proxy does."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.scanners import standins
from uploadfilter.scanners.wire.control import (
    FORK,
    MAX_REPORT_BYTES,
    Died,
    Forked,
    Report,
    Started,
    decode_report,
)
from uploadfilter.scanners.wire.messages import Ready, decode_reply, encode_frame

ROOT = Path(__file__).parents[3]
PROGRAM = ("-m", standins.MODULE)


class Proxy:
    """The proxy's end of a template."""

    def __init__(
        self, control: socket.socket, process: "subprocess.Popen[bytes]"
    ) -> None:
        self.control = control
        self.process = process

    def read(self) -> tuple[Report, list[int]]:
        """Return the next report, and the descriptors that came with it."""
        packet, fds, _, _ = socket.recv_fds(self.control, MAX_REPORT_BYTES, 1)
        return decode_report(packet), list(fds)

    def fork(self, undo: ExitStack) -> tuple[socket.socket, int, int]:
        """Order a scanner; return its socket, its process id and its pidfd."""
        ours, theirs = socket.socketpair()
        undo.enter_context(ours)
        with theirs:
            socket.send_fds(self.control, [FORK], [theirs.fileno()])
        report, fds = self.read()
        assert isinstance(report, Forked)
        undo.callback(os.close, fds[0])
        return ours, report.pid, fds[0]


@contextmanager
def template_of(*program: str) -> Iterator[Proxy]:
    """Start a template for the length of the block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [
                *(sys.executable, *program),
                *("--fd", str(theirs.fileno()), "--address-space", str(512 << 20)),
                *("--large-address-space", "0"),
            ],
            cwd=ROOT,
            pass_fds=(theirs.fileno(),),
            stderr=subprocess.PIPE,
        )
        theirs.close()
        with process:
            yield Proxy(ours, process)
            ours.close()
            process.wait(timeout=30)


def test_template_reports_birth_and_death_of_a_scanner() -> None:
    """A scanner says that it is ready; its exit code comes from the template."""
    with template_of(*PROGRAM) as proxy, ExitStack() as undo:
        started, _ = proxy.read()
        sock, pid, pidfd = proxy.fork(undo)
        ready = encode_frame(Ready())
        said = sock.recv(len(ready), socket.MSG_WAITALL)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        died, _ = proxy.read()

    assert isinstance(started, Started)
    assert decode_reply(said[4:]) == Ready()
    assert isinstance(died, Died)
    assert (died.pid, died.code) == (pid, -signal.SIGKILL)
    assert died.cpu_s >= 0


def test_template_keeps_no_end_of_a_scanners_socket() -> None:
    """When a scanner ends, so does its socket, although others were forked since."""
    with template_of(*PROGRAM) as proxy, ExitStack() as undo:
        proxy.read()
        sock, _, pidfd = proxy.fork(undo)
        proxy.fork(undo)
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        everything = b"".join(iter(lambda: sock.recv(4096), b""))

    assert everything in {b"", encode_frame(Ready())}


def test_template_ends_its_scanners_before_itself() -> None:
    """The end of its orders is the end of all, and nothing is left as a zombie."""
    with template_of(*PROGRAM) as proxy, ExitStack() as undo:
        proxy.read()
        children = {proxy.fork(undo)[1] for _ in range(3)}
        proxy.control.shutdown(socket.SHUT_WR)
        reports = [proxy.read()[0] for _ in children]
        code = proxy.process.wait(timeout=30)

    assert {report.pid for report in reports if isinstance(report, Died)} == children
    assert code == 0


def test_template_takes_no_order_but_one() -> None:
    """An invalid order ends it: then the two ends do not belong together."""
    with template_of(*PROGRAM) as proxy:
        proxy.read()
        proxy.control.send(b"spin")

        assert proxy.process.wait(timeout=30) == 0


def test_template_refuses_to_fork_beside_a_thread() -> None:
    """A library that starts a thread when it is imported is found out at the start."""
    program = """
import sys, threading
from tests.scanners.standins import perform
from uploadfilter.scanners.inside.forkserver import run
threading.Thread(target=threading.Event().wait, daemon=True).start()
run(sys.argv[1:], perform)
"""
    with template_of("-c", program) as proxy:
        assert proxy.process.stderr is not None
        message = proxy.process.stderr.read()
        code = proxy.process.wait(timeout=30)

    assert b"a template must have one thread" in message
    assert code == 1


def test_template_dies_with_the_proxy() -> None:
    """Scanners and template are gone when the process that started them is killed."""
    program = """
import subprocess, sys, os, socket
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
fd = str(theirs.fileno())
child = subprocess.Popen(
    [sys.executable, "-m", "tests.scanners.standins", "--fd", fd,
     "--address-space", str(512 << 20), "--large-address-space", "0"],
    pass_fds=(theirs.fileno(),))
ours.recv(4096)
print(child.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(  # noqa: S603 - lines of this file
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pidfd = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended = select.poll()
    ended.register(pidfd, select.POLLIN)
    is_over = bool(ended.poll(30_000))
    os.close(pidfd)

    assert is_over


@pytest.mark.parametrize(
    "missing", ["--fd", "--address-space", "--large-address-space"]
)
def test_template_needs_its_arguments(missing: str) -> None:
    """The pool starts it; a start by hand gets an error message."""
    arguments = {"--fd": "0", "--address-space": "1", "--large-address-space": "0"}
    del arguments[missing]
    words = [word for pair in arguments.items() for word in pair]
    result = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *PROGRAM, *words], cwd=ROOT, capture_output=True, check=False
    )

    assert result.returncode == 2
    assert missing.encode() in result.stderr
