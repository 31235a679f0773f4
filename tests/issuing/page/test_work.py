"""One piece of work at a time."""

import asyncio
import threading

import pytest

from tests.waiting import until
from uploadfilter.errors import IssuerError
from uploadfilter.issuing.acts import Notice
from uploadfilter.issuing.page.work import Bench, Job


def job(*, can_be_stopped: bool = False) -> Job:
    """Return a job."""
    return Job("Working", can_be_stopped=can_be_stopped, back="/")


async def test_second_job_waits_for_nobody() -> None:
    """It is refused at once, and the first one goes on."""
    bench, notes, release = Bench(), list[Notice](), threading.Event()

    def run(_: Job) -> Notice:
        release.wait()
        return Notice(text="done")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(bench.begin(job(), run, tell=notes.append))
        await until(lambda: bench.job is not None)
        with pytest.raises(IssuerError, match="at work"):
            await bench.begin(job(), run, tell=notes.append)
        release.set()
        await first

    assert [note.text for note in notes] == ["done"]
    assert bench.job is None


@pytest.mark.parametrize("can_be_stopped", [True, False])
async def test_end_stops_what_can_be_stopped_and_waits_for_the_rest(
    can_be_stopped: bool,
) -> None:
    """A publication is never broken off."""
    bench, notes, release = Bench(), list[Notice](), threading.Event()

    def run(it: Job) -> Notice:
        it.on_stop(release.set)
        release.wait()
        return Notice(text=str(it.is_stopping))

    async with asyncio.TaskGroup() as group:
        it = job(can_be_stopped=can_be_stopped)
        group.create_task(bench.begin(it, run, tell=notes.append))
        await until(lambda: bench.job is not None)
        ending = group.create_task(bench.end())
        await asyncio.sleep(0)
        assert not ending.done()
        release.set()

    assert [note.text for note in notes] == [str(can_be_stopped)]


async def test_who_is_asked_to_stop_before_it_listens_stops_too() -> None:
    """People may press the button before the thread listens."""
    it, calls = job(can_be_stopped=True), list[int]()
    it.stop()
    it.on_stop(lambda: calls.append(1))

    assert calls == [1]


async def test_unforeseen_end_is_told_without_its_message() -> None:
    """A message may hold the name of a picture."""
    bench, notes = Bench(), list[Notice]()

    def run(_: Job) -> Notice:
        raise ZeroDivisionError("secret.jpg")

    await bench.begin(job(), run, tell=notes.append)

    assert not notes[0].is_good
    assert "ZeroDivisionError" in notes[0].text
    assert "secret" not in notes[0].text + notes[0].hint
