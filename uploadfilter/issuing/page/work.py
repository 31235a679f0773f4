"""One piece of long work at a time, in a thread, so that the page goes on answering.

Rules this module keeps: nothing else is begun while work is running; stopped work keeps
its results; work that cannot be stopped, because it writes published files, is waited
for, also at the end of the process.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from uploadfilter.errors import IssuerError, UploadFilterError
from uploadfilter.issuing.acts import Notice
from uploadfilter.issuing.page.hints import on_page, without_commands
from uploadfilter.scanners.files import find

PATIENCE_S: Final = 1.0
"""How long a browser waits for the end of work before it is shown the progress."""


class Job:
    """A piece of work that is running.

    Attributes:
        done: How much of ``total`` is done.
        total: The amount of work; ``None`` until it is known.
    """

    def __init__(self, title: str, *, can_be_stopped: bool, back: str) -> None:
        self.title = title
        self.can_be_stopped = can_be_stopped
        self.back = back
        self.done = 0
        self.total: int | None = None
        self._stopping = threading.Event()
        self._on_stop: Callable[[], object] | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask it to end; from any thread."""
        self._stopping.set()
        if self._on_stop is not None:
            self._on_stop()

    def on_stop(self, call: Callable[[], object]) -> None:
        """Register a function for when the job is asked to end, or already was."""
        self._on_stop = call
        if self.is_stopping:
            call()

    def advance(self) -> None:
        """Count one more item as done."""
        self.done += 1


class Bench:
    """Runs one job at a time."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def job(self) -> Job | None:
        """The job that is running, if any."""
        return self._job

    async def begin(
        self,
        job: Job,
        run: Callable[[Job], Notice | None],
        *,
        tell: Callable[[Notice], None],
    ) -> None:
        """Begin a job, and wait a moment for its end."""
        if self._job is not None:
            raise IssuerError(
                f"the page is at work: {self._job.title}",
                hint="Wait until that has ended, or stop it.",
            )
        self._job = job
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._worked(job, run, tell), name="job")
        await asyncio.wait([self._task], timeout=PATIENCE_S)

    async def _worked(
        self,
        job: Job,
        run: Callable[[Job], Notice | None],
        tell: Callable[[Notice], None],
    ) -> None:
        thread = asyncio.get_running_loop().run_in_executor(None, run, job)
        try:
            # Shielded: a publication that has begun is finished.
            await asyncio.wait([thread])
        finally:
            self._job = None
        note = _outcome(thread)
        if note is not None:
            tell(note)

    async def end(self) -> None:
        """Stop the job if that is possible, otherwise wait for its end."""
        if self._job is not None and self._job.can_be_stopped:
            self._job.stop()
        if self._task is not None:
            await asyncio.wait([self._task])


def note_of(error: UploadFilterError) -> Notice:
    """Return the message that people on the page see for an error."""
    return Notice(text=on_page(str(error)), hint=on_page(error.hint), is_good=False)


def _outcome(thread: "asyncio.Future[Notice | None]") -> Notice | None:
    """Return the result of a thread, whatever it was."""
    failed = thread.exception()
    if failed is None:
        done = thread.result()
        return done and replace(done, hint=without_commands(done.hint))
    if isinstance(failed, UploadFilterError):
        return note_of(failed)
    # Only its type: a message may hold the name of a picture.
    return Notice(
        text=f"This ended with an unexpected error: {type(failed).__name__}",
        hint="The published set is unchanged or complete. See the page "
        "'Status', and report the error to those who look after the program.",
        is_good=False,
    )


def count_files(job: Job, source: Path, over: threading.Event) -> None:
    """Count the files to read, which takes long if there are many."""
    total = 0
    for _ in find([str(source)]):
        total += 1
        if over.is_set():
            return
    job.total = total
