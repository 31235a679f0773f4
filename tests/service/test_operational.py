"""The contents of the operational log, and what it never contains."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typing_extensions import override

from uploadfilter.service import operational

NAME = "holiday.jpg"


class Screen(io.StringIO):
    """A standard error that is a terminal."""

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
    operational.configure()
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
    """No variable and no message, but the place, the kind, and the system's words."""
    try:
        fail_over(NAME)
    except ValueError:
        structlog.get_logger().exception("inspection_failed")

    assert NAME not in said.getvalue()
    assert "fail_over" in said.getvalue()
    assert "FileNotFoundError: No such file or directory" in said.getvalue()
    assert "ValueError" in said.getvalue()


def test_libraries_say_nothing_of_a_client(said: io.StringIO) -> None:
    """Messages of a library are in the same log, without their arguments."""
    logging.getLogger("aiohttp.server").error("cannot read %s", NAME)
    logging.getLogger("asyncio").warning("never retrieved\nfuture: %s" % NAME)  # noqa: UP031, G002

    assert NAME not in said.getvalue()
    assert said.getvalue().count("library_message") == 2
    assert "cannot read %s" in said.getvalue()


def test_log_outlives_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service goes on if the reader of the operational log ends."""
    reader, writer = os.pipe()
    os.close(reader)
    handlers = list(logging.root.handlers)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        operational.configure()
        for _ in range(3):
            structlog.get_logger().info("checkpoint")
    logging.root.handlers[:] = handlers
    structlog.reset_defaults()
