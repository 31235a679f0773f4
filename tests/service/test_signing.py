"""The task that signs the tree of the log."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.decisions.files.trees import end_of
from tests.decisions.logs import decision, write_log
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.service.signing import (
    FIRST_RECORD_S,
    SIGNING_INTERVAL_S,
    Signing,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a log of two full tiles."""
    made = tmp_path / "main/log"
    write_log(made, [[decision(f"d{at}") for at in range(600)]])
    return made


async def begun(directory: Path, end: Callable[[], Checkpoint | None]) -> Signing:
    """Return a task that was cancelled when it waited for the next minute."""

    async def cancelled(_seconds: float) -> None:
        raise asyncio.CancelledError

    signing = Signing(directory, instance="main", end=end, sleep=cancelled)
    with pytest.raises(asyncio.CancelledError):
        await signing.keep()
    return signing


async def test_tree_is_signed_and_logged(directory: Path) -> None:
    """At the start, and the last records at the end."""
    ends = [end_of(directory)]
    with capture_logs() as logged:
        signing = await begun(directory, lambda: ends[-1])
        write_log(directory, [[decision("last")]])
        ends.append(end_of(directory))
        await signing.finish()

    sizes = [it["size"] for it in logged if it["event"] == "signed_checkpoint"]
    assert sizes == [it.records for it in ends]
    tree = TreeFiles(directory).signed()
    assert tree is not None
    assert tree.head.size == ends[-1].records


async def test_log_that_goes_on_is_signed_at_the_start_too(directory: Path) -> None:
    """Before its first record a process has no end; it does not wait for a minute."""
    ends: list[Checkpoint | None] = [None]
    waits = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise asyncio.CancelledError
        ends.append(end_of(directory))

    signing = Signing(directory, instance="main", end=lambda: ends[-1], sleep=wait)
    with pytest.raises(asyncio.CancelledError):
        await signing.keep()

    assert waits == [FIRST_RECORD_S, SIGNING_INTERVAL_S]
    assert TreeFiles(directory).signed() is not None


async def test_failure_is_logged(directory: Path) -> None:
    """With the hint; nothing is signed."""
    wrong = Checkpoint(end_of(directory).records, "0" * 64)
    with capture_logs() as logged:
        signing = await begun(directory, lambda: wrong)
        await signing.finish()

    (event,) = logged
    assert event["event"] == "tree_unsigned"
    assert event["hint"]
    assert TreeFiles(directory).signed() is None


async def test_nothing_is_signed_before_the_first_write(directory: Path) -> None:
    """What a killed process left may not be durable yet."""
    await begun(directory, lambda: None)
    assert TreeFiles(directory).signed() is None
