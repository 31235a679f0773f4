"""One piece of long work at a time, in a thread, so that the page goes on answering.

Rules this module keeps: nothing else is begun while work is going on; work that can be
stopped keeps what it has done; what cannot be stopped, since it writes what is
published, is waited for, also at the end of the process.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from uploadfilter.errors import IssuerError, UploadFilterError
from uploadfilter.issuing.page.hints import on_page

PATIENCE_S: Final = 1.0
"""A browser waits so long for work to end, before it is shown that it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What people are told once.

    Attributes:
        text: What happened.
        hint: What to do next; empty if nothing is to be done.
        is_good: Whether it is what they wanted.
    """

    text: str
    hint: str = ""
    is_good: bool = True


class Job:
    """A piece of work that is going on.

    Args:
        title: What it is, for people.
        can_be_stopped: Whether it looks at ``is_stopping``.
        back: The page to go to when it has ended.

    Attributes:
        done: How much is done, of ``total``.
        total: How much there is to do; ``None`` until it is known.
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
        """Have something called when it is asked to end, at once if it was already."""
        self._on_stop = call
        if self.is_stopping:
            call()

    def advance(self) -> None:
        """Count one more."""
        self.done += 1


class Bench:
    """Where one job at a time is worked on."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def job(self) -> Job | None:
        """What is going on."""
        return self._job

    async def begin(
        self,
        job: Job,
        run: Callable[[Job], Note | None],
        *,
        tell: Callable[[Note], None],
    ) -> None:
        """Begin a job, and wait a moment for its end.

        Args:
            job: Which one.
            run: Does it, in a thread.
            tell: Gets what came out of it.

        Raises:
            IssuerError: Another one is going on.
        """
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
        self, job: Job, run: Callable[[Job], Note | None], tell: Callable[[Note], None]
    ) -> None:
        thread = asyncio.get_running_loop().run_in_executor(None, run, job)
        try:
            # Shielded: what is published is published to its end.
            await asyncio.wait([thread])
        finally:
            self._job = None
        note = _outcome(thread)
        if note is not None:
            tell(note)

    async def end(self) -> None:
        """Stop what can be stopped, and wait for what cannot."""
        if self._job is not None and self._job.can_be_stopped:
            self._job.stop()
        if self._task is not None:
            await asyncio.wait([self._task])


def note_of(error: UploadFilterError) -> Note:
    """Return what people on the page are told of an error."""
    return Note(text=on_page(str(error)), hint=on_page(error.hint), is_good=False)


def _outcome(thread: "asyncio.Future[Note | None]") -> Note | None:
    """Return what came out of a thread, whatever it was."""
    failed = thread.exception()
    if failed is None:
        return thread.result()
    if isinstance(failed, UploadFilterError):
        return note_of(failed)
    # Only its type: a message may hold the name of a picture.
    return Note(
        text=f"This ended in a way that nobody foresaw: {type(failed).__name__}",
        hint="What is published has not changed, or is whole. Look at the page "
        "'Status', and report it to those who look after the program.",
        is_good=False,
    )
