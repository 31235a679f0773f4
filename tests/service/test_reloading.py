"""Reading the configuration again: applied, refused and postponed settings."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.waiting import until
from uploadfilter import config
from uploadfilter.service.chores import beside
from uploadfilter.service.notify import Manager
from uploadfilter.service.reloading import Reloader
from uploadfilter.web.counting.labels import Reload
from uploadfilter.web.requests.live import InForce

FIRST = 'origin = "http://127.0.0.1:81"\n'


@dataclass
class Scene:
    """A configuration file and its reader.

    Attributes:
        file: The file.
        in_force: The live settings.
        asked: Asks for a reload.
        results: The result of each.
        readings: How often the file was read.
        notes: The changes for the record.
    """

    file: Path
    in_force: InForce
    asked: asyncio.Event
    reloader: Reloader
    results: list[Reload]
    readings: list[int]
    notes: list[Mapping[str, object]]

    def write(self, text: str) -> None:
        """Replace the file as editors do."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)


@dataclass
class Gate:
    """Holds readers up, so that a test can act in the middle of a reading."""

    open: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)


@asynccontextmanager
async def scene(
    folder: Path, *, gate: Gate | None = None, manager: Manager | None = None
) -> AsyncIterator[Scene]:
    """Keep a configuration in force for the length of the block."""
    file = folder / "uploadfilter.toml"
    file.write_text(FIRST)
    readings: list[int] = []

    def read() -> config.Loaded:
        if readings and gate is not None:
            gate.reached.set()
            gate.open.wait()
        readings.append(1)
        return config.read(file, overrides={}, default_state=folder)

    results: list[Reload] = []
    notes: list[Mapping[str, object]] = []
    asked = asyncio.Event()
    started = read()
    async with InForce.opened(started.settings.live) as in_force:
        reloader = Reloader(
            started,
            read=read,
            in_force=in_force,
            manager=manager or Manager(None),
            tell=results.append,
            note=notes.append,
            asked=asked,
        )
        async with beside(reload=reloader.keep(), origins=in_force.keep_closing()):
            yield Scene(file, in_force, asked, reloader, results, readings, notes)


def of(events: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - of structlog
    """Return the one event of a name."""
    (event,) = [event for event in events if event["event"] == name]
    return dict(event)


async def test_live_keys_are_applied(tmp_path: Path) -> None:
    """Settings that may change are in force for the next request, and named."""
    with capture_logs() as events:
        async with scene(tmp_path) as it:
            it.write(FIRST + 'mode = "enforce"\n[limits]\nmax_parts = 7')
            it.asked.set()
            await until(lambda: it.results == [Reload.APPLIED])
            (route,) = it.in_force.settings.routes

    assert (route.mode, route.limits.max_parts) == ("ENFORCE", 7)
    assert of(events, "reload_applied")["keys"] == ["mode", "limits.max_parts"]


async def test_broken_file_changes_nothing_and_all_is_told(tmp_path: Path) -> None:
    """The settings that were in force stay, and every mistake is in the log."""
    with capture_logs() as events:
        async with scene(tmp_path) as it:
            before = it.in_force.settings
            it.write(FIRST + 'mode = "off"\nlissen = "x"')
            it.asked.set()
            await until(lambda: it.results == [Reload.REFUSED])

            assert it.in_force.settings is before

    problems = of(events, "reload_refused")["problems"]
    assert [item["problem"].partition("toml")[2] for item in problems] == [
        ":2: mode = 'off' is not a mode",
        ":3: unknown key 'lissen'",
    ]
    assert all(item["hint"] for item in problems)


async def test_missing_file_changes_nothing(tmp_path: Path) -> None:
    """A file that is gone is a mistake like any other."""
    async with scene(tmp_path) as it:
        it.file.unlink()
        it.asked.set()
        await until(lambda: it.results == [Reload.REFUSED])
        it.write(FIRST + 'objection = "x"')
        it.asked.set()
        await until(lambda: it.results == [Reload.REFUSED, Reload.APPLIED])


async def test_pipe_in_place_of_the_file_holds_nobody_up(tmp_path: Path) -> None:
    """It is refused, and not waited for."""
    async with scene(tmp_path) as it:
        it.file.unlink()
        os.mkfifo(it.file)
        it.asked.set()
        await until(lambda: it.results == [Reload.REFUSED])


async def test_origin_that_cannot_be_opened_changes_nothing(tmp_path: Path) -> None:
    """A certificate is part of the configuration."""
    async with scene(tmp_path) as it:
        it.write('[origin]\nurl = "https://x"\nca_file = "/nowhere"')
        it.asked.set()
        await until(lambda: it.results == [Reload.REFUSED])

        assert it.in_force.settings.origins["default"].url == "http://127.0.0.1:81"


async def test_keys_that_need_a_restart_are_named_until_they_are_back(
    tmp_path: Path,
) -> None:
    """They are compared with the settings at the start of the service."""
    changed = FIRST + 'listen = "127.0.0.1:9"\n[log]\ncompress_after_s = 7'
    with capture_logs() as events:
        async with scene(tmp_path) as it:
            for text in (changed, changed, FIRST):
                it.write(text)
                await it.reloader.reload()

    waiting = [e["keys"] for e in events if e["event"] == "reload_needs_restart"]
    assert waiting == [["listen", "log.compress_after_s"]] * 2


async def test_storm_is_one_reading_after_the_other(tmp_path: Path) -> None:
    """Requests during a reading lead to one more reading, of the latest file."""
    gate = Gate()
    async with scene(tmp_path, gate=gate) as it:
        it.asked.set()
        await asyncio.to_thread(gate.reached.wait)
        for number in range(100):
            it.write(FIRST + f'objection = "{number}"')
            it.asked.set()
            await asyncio.sleep(0)
        gate.open.set()
        await until(lambda: len(it.results) == 2)
        wording = it.in_force.settings.wording

        assert len(it.readings) == 3
        assert wording.catalogue("").objection == "99"


async def test_same_file_opens_nothing_anew(tmp_path: Path) -> None:
    """Many requests over an unchanged file cost one reading each."""
    async with scene(tmp_path) as it:
        before = it.in_force.settings
        await it.reloader.reload()

        assert it.in_force.settings is before


@pytest.mark.parametrize("text", [FIRST, "broken"])
async def test_manager_is_told_when_it_begins_and_when_it_is_over(
    tmp_path: Path, text: str
) -> None:
    """``Type=notify-reload`` waits for READY, whatever came of it."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(name)
        async with scene(tmp_path, manager=Manager(name)) as it:
            it.write(text)
            await it.reloader.reload()
        first, second = heard.recv(1000), heard.recv(1000)

    assert first.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert second.startswith(b"READY=1\n")
