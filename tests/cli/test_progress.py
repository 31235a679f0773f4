"""Progress bars and the lines beside them, on a real pseudo-terminal and off it."""

import os
import pty
import subprocess
import sys

import pytest

from uploadfilter.cli.progress import Board, board, counted_aside

PROGRAM = """
from rich.text import Text
from uploadfilter.cli.progress import board, counted_aside

with board("counting") as shown, counted_aside(shown, lambda: iter(range(3))):
    for number in range(3):
        shown.print(Text(f"line {number}"))
        shown.print_data(b'{"number":%d}\\n' % number)
        shown.advance()
"""
LINES = [b"line 0", b'{"number":0}', b"line 1", b'{"number":1}']


def test_without_a_terminal_there_is_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    """A pipe gets only the lines, and nothing is counted ahead."""

    def never() -> None:
        raise AssertionError("counted")

    with board("counting") as shown, counted_aside(shown, never):  # type: ignore[arg-type]
        shown.print_data(b"data\n")
        shown.advance()
        shown.move(1, 2)
        shown.expect(3)
    said = capfd.readouterr()

    assert not shown.is_shown
    assert (said.out, said.err) == ("data\n", "")


def test_board_without_a_bar_needs_nothing() -> None:
    """The same board works without a terminal."""
    Board().advance()

    assert not Board().is_shown


def run_on_terminal(*, stdout_too: bool) -> tuple[bytes, bytes]:
    """Run the program with stderr on a terminal; return stdout's pipe and the rest."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-c", PROGRAM],
        stdin=follower,
        stdout=follower if stdout_too else subprocess.PIPE,
        stderr=follower,
        env=environment,
    ) as running:
        os.close(follower)
        terminal = b""
        try:
            while piece := os.read(leader, 65536):
                terminal += piece
        except OSError:
            # The last process on a terminal has gone.
            pass
        piped = running.stdout.read() if running.stdout else b""
    os.close(leader)
    return piped, terminal


def test_bar_on_stderr_leaves_a_piped_stdout_clean() -> None:
    """Data goes unchanged to the pipe, while people see the bar."""
    piped, terminal = run_on_terminal(stdout_too=False)

    assert piped.splitlines()[:4] == LINES
    assert b"\x1b" not in piped
    assert b"counting" in terminal
    assert b"3/3" in terminal


def test_lines_and_bar_share_a_terminal() -> None:
    """On one terminal every line comes out whole, above the bar."""
    _, terminal = run_on_terminal(stdout_too=True)

    assert all(line + b"\r\n" in terminal for line in LINES)
    assert b"counting" in terminal
