"""Show progress on a terminal, together with lines of output.

Rules this module keeps: a bar appears only on a terminal; data goes to stdout with or
without a bar. If stdout and stderr are the same terminal, one console prints the lines
above the bar, because two consoles would overwrite each other.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from uploadfilter.cli.output import (
    print_text,
    stderr_console,
    stdout_console,
    write_data,
)


class Board:
    """A progress bar with lines above it; without a terminal, only the lines."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None) if progress else TaskID(0)

    @property
    def is_shown(self) -> bool:
        """Whether there is a bar."""
        return self._progress is not None

    def advance(self) -> None:
        """Move the bar by one."""
        if self._progress is not None:
            self._progress.advance(self._task)

    def move(self, done: int, total: int) -> None:
        """Move the bar to ``done`` of ``total``."""
        if self._progress is not None:
            self._progress.update(self._task, completed=done, total=total)

    def expect(self, total: int) -> None:
        """Set the number at which everything is done."""
        if self._progress is not None:
            self._progress.update(self._task, total=total)

    def print(self, text: Text) -> None:
        """Print a line for people to stdout."""
        if self._shares_terminal():
            self._console().print(text, soft_wrap=True)
        else:
            print_text(text)

    def print_data(self, line: bytes) -> None:
        """Print a line for programs to stdout, unchanged; it ends in a newline."""
        if self._shares_terminal():
            text = Text(line.decode().rstrip("\n"))
            self._console().print(text, soft_wrap=True)
        else:
            write_data(line)

    def _shares_terminal(self) -> bool:
        return self._progress is not None and self._console().file is sys.stdout

    def _console(self) -> Console:
        if self._progress is None:
            raise AssertionError("no bar, no console")
        return self._progress.console


@contextmanager
def board(what: str, *, in_bytes: bool = False) -> Iterator[Board]:
    """Show a bar while the block runs, if there is a terminal."""
    console = stdout_console() if sys.stdout.isatty() else stderr_console()
    if not (sys.stderr.isatty() and console.is_terminal):
        yield Board()
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    # Redirection would treat stdout as a part of the terminal even if it is a pipe.
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield Board(progress)


@contextmanager
def counted_aside(
    board: Board, items: Callable[[], Iterator[object]]
) -> Iterator[None]:
    """Count the work in a thread, while the block runs."""
    stopped = threading.Event()

    def count() -> None:
        total = 0
        for _ in items():
            total += 1
            if stopped.is_set():
                return
        board.expect(total)

    if not board.is_shown:
        yield
        return
    thread = threading.Thread(target=count, name="count", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
