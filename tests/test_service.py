"""The tasks beside requests; ``proxy/test_faults.py`` tests the whole service."""

import asyncio
import dataclasses
import resource
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from uploadfilter.config import load
from uploadfilter.errors import ServiceError
from uploadfilter.service import beside, raise_descriptor_limit, running


async def fail() -> None:
    """Be a chore with a fault."""
    raise RuntimeError("a fault")


async def test_chore_that_fails_is_said_and_ends_no_other() -> None:
    """The operator is told at once; the other tasks go on to the end."""
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with capture_logs() as events:
        async with beside(broken=fail(), sound=wait()):
            while not events:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0)
            assert not ended.is_set()

    assert [(e["event"], e["chore"]) for e in events] == [("chore_failed", "broken")]
    assert ended.is_set()


async def test_place_for_uploads_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A wrong spool directory is found at the start, not by the first large upload."""
    settings = load(
        None,
        overrides={"origin": "http://127.0.0.1:9", "listen": "127.0.0.1:0"},
        default_state=tmp_path / "state",
    )
    missing = dataclasses.replace(settings, spool_directory=str(tmp_path / "missing"))

    with pytest.raises(ServiceError, match="missing"):
        async with running(missing):
            pass


def test_descriptors_are_as_many_as_the_system_allows() -> None:
    """The service limits uploads by number, and not by descriptors."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
        raise_descriptor_limit()

        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
