"""What runs beside the requests; the service as a whole: ``proxy/test_faults.py``."""

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs
from typing_extensions import override

from uploadfilter.service import beside, configure_logging

NAME = "holiday.jpg"


class Screen(io.StringIO):
    """Standard error as it is on a terminal."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[Screen, io.StringIO], ids=["terminal", "file"])
def said(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[io.StringIO]:
    """The operational log, on a terminal and in a file."""
    stream: io.StringIO = request.param()
    monkeypatch.setattr(sys, "stderr", stream)
    handlers = list(logging.root.handlers)
    configure_logging()
    yield stream
    logging.root.handlers[:] = handlers
    structlog.reset_defaults()


def fail_over(name: str) -> None:
    """Fail while something of a client is at hand, and say it in the error."""
    try:
        Path("/missing", name).open("rb").close()
    except OSError as exc:
        raise ValueError(f"cannot read {name!r}") from exc


def test_tracebacks_hold_nothing_of_a_client(said: io.StringIO) -> None:
    """No variable and no message, but where, of which kind, and the system's words."""
    try:
        fail_over(NAME)
    except ValueError:
        structlog.get_logger().exception("inspection_failed")

    assert NAME not in said.getvalue()
    assert "fail_over" in said.getvalue()
    assert "FileNotFoundError: No such file or directory" in said.getvalue()
    assert "ValueError" in said.getvalue()


def test_libraries_say_nothing_of_a_client(said: io.StringIO) -> None:
    """What a library says is in the same log, without what it was about."""
    logging.getLogger("aiohttp.server").error("cannot read %s", NAME)
    logging.getLogger("asyncio").warning("never retrieved\nfuture: %s" % NAME)  # noqa: UP031, G002

    assert NAME not in said.getvalue()
    assert said.getvalue().count("library_message") == 2
    assert "cannot read %s" in said.getvalue()


async def fail() -> None:
    """Be a chore with a fault."""
    raise RuntimeError("a fault")


async def test_chore_that_fails_is_said_and_ends_no_other() -> None:
    """The operator hears of it at once; what else runs goes on to the end."""
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
