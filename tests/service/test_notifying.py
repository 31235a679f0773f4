"""Notifications of a real log, to a receiver that checks signatures and may be down."""

import asyncio
import base64
import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from tests.decisions.logs import ACCEPTED, DAY_S, NOON, REJECTED, decision, write_log
from tests.ports import free_port
from tests.repository import ROOT
from tests.waiting import until
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.notifysettings import NotifySettings
from uploadfilter.service.notifying import FILE, Notifier
from uploadfilter.signedsets.freshness import Status

SECRET = base64.b64encode(b"s" * 32).decode()
NOW_S = 1_800_000_000.0


class Receiver:
    """An operator's own system."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.heads: list[dict[str, str]] = []
        self.bodies: list[str] = []

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Take a notification, unless the system is down."""
        if self.status == 204:
            self.bodies.append(await request.text())
            self.got.append(json.loads(self.bodies[-1]))
            self.heads.append(dict(request.headers))
            self.ids.append(request.headers["webhook-id"])
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    """Serve a receiver; yield it and its URL."""
    it = Receiver()
    runner = web.ServerRunner(web.Server(it.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield it, f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


def notifier(
    tmp_path: Path,
    url: str,
    *,
    status: Status | None = None,
    **changes: Any,  # noqa: ANN401 - any setting
) -> Notifier:
    """Return what notifies a receiver of one proxy's log."""
    return Notifier(
        tmp_path / "main/log",
        tmp_path / "main",
        NotifySettings(url=url, secret=SECRET, **changes),
        signed=lambda: () if status is None else (status,),
        clock=lambda: NOW_S,
    )


@contextmanager
def begun(tmp_path: Path) -> Iterator[Path]:
    """Yield the directory of a log with an old match, which nobody wants told."""
    directory = tmp_path / "main/log"
    write_log(directory, [[decision("old", REJECTED)]])
    yield directory


def more(directory: Path, *judgements: Judgement, day: int = 0) -> None:
    """Append decisions to a log."""
    write_log(
        directory,
        [[decision(f"d{n}", it) for n, it in enumerate(judgements)]],
        start=NOON + day * DAY_S,
    )


async def test_each_new_match_is_told_once_and_signed(tmp_path: Path) -> None:
    """Not those from before it was switched on; a new process goes on where one was."""
    async with receiver() as (it, url):
        with begun(tmp_path) as directory:
            first = notifier(tmp_path, url)
            assert await first.look()
            assert it.got == []
            more(directory, REJECTED, ACCEPTED, REJECTED)
            assert await first.look()
            assert await first.look()
            more(directory, REJECTED)
            assert await notifier(tmp_path, url).look()

    assert [told["type"] for told in it.got] == ["match"] * 3
    assert len(set(it.ids)) == 3
    assert (tmp_path / "main" / FILE).stat().st_mode & 0o777 == 0o600
    for body, head in zip(it.bodies, it.heads, strict=True):
        at = datetime.fromtimestamp(int(head["webhook-timestamp"]), UTC)
        signed = Webhook(SECRET).sign(head["webhook-id"], at, body)
        assert head["webhook-signature"] == signed


async def test_receiver_that_is_down_gets_everything_later(tmp_path: Path) -> None:
    """In order, nothing twice; the fault is logged once; a redirect is no delivery."""
    async with receiver() as (it, url):
        with begun(tmp_path) as directory:
            one = notifier(tmp_path, url)
            await one.look()
            more(directory, REJECTED, REJECTED)
            with capture_logs() as logs:
                for status in (500, 302, 404):
                    it.status = status
                    assert not await one.look()
            it.status = 204
            again = notifier(tmp_path, url)
            assert await again.look()

    assert [told["event"] for told in logs][:1] == ["notification_undelivered"]
    assert len(it.got) == 2


async def test_crash_between_delivery_and_cursor_sends_the_same_id(
    tmp_path: Path,
) -> None:
    """A receiver drops what it has by ``webhook-id``."""
    async with receiver() as (it, url):
        with begun(tmp_path) as directory:
            await notifier(tmp_path, url).look()
            before = (tmp_path / "main" / FILE).read_bytes()
            more(directory, REJECTED)
            await notifier(tmp_path, url).look()
            (tmp_path / "main" / FILE).write_bytes(before)
            await notifier(tmp_path, url).look()

    assert len(it.ids) == 2
    assert len(set(it.ids)) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b'{"segment": 3}', b"\xff"])
async def test_damaged_cursor_begins_anew_at_the_end(
    tmp_path: Path, damage: bytes
) -> None:
    """It never makes the proxy fail, and floods nobody."""
    async with receiver() as (it, url):
        with begun(tmp_path):
            (tmp_path / "main" / FILE).write_bytes(damage)
            assert await notifier(tmp_path, url).look()

    assert it.got == []


async def test_deleted_records_are_counted(tmp_path: Path) -> None:
    """Retention deletes what nobody fetched for months: the operator reads of it."""
    async with receiver() as (it, url):
        with begun(tmp_path) as directory:
            await notifier(tmp_path, url).look()
            more(directory, ACCEPTED)
            await notifier(tmp_path, url).look()
            more(directory, REJECTED, day=1)
            gone = sorted(directory.glob("*.jsonl"))
            more(directory, REJECTED, day=2)
            for path in gone:
                path.unlink()
            with capture_logs() as logs:
                await notifier(tmp_path, url).look()

    assert "notifications_lost" in [told["event"] for told in logs]
    assert len(it.got) == 1


async def test_signed_set_is_told_when_it_ages_and_when_it_is_fresh(
    tmp_path: Path,
) -> None:
    """Once for each state, by however many processes; not while it is fresh."""
    fresh = Status(
        set="unit7", source="/s", root="0", synced_at=int(NOW_S), expires_at=2**31
    )
    old = Status(set="unit7", source="/s", root="0", synced_at=1, expires_at=2)
    async with receiver() as (it, url):
        with begun(tmp_path):
            for status in (fresh, old, old, fresh):
                assert await notifier(tmp_path, url, status=status).look()

    assert [told["data"]["freshness"] for told in it.got] == ["expired", "fresh"]
    assert {told["type"] for told in it.got} == {"stale_set"}


async def test_nothing_runs_without_a_receiver(tmp_path: Path) -> None:
    """The default does not read the log at all."""
    await Notifier(
        tmp_path / "none",
        tmp_path,
        NotifySettings(),
        signed=tuple,
        clock=lambda: NOW_S,
    ).keep()

    assert not (tmp_path / FILE).exists()


def is_open(port: int) -> bool:
    """Return whether something listens on a port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@contextmanager
def documented(port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run the receiver that the documents show."""
    page = (ROOT / "docs/operating/webhooks.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with subprocess.Popen(  # noqa: S603 - our own page
        [sys.executable, "-c", code],
        env={"NOTIFY_SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_receiver_in_the_documents_takes_notifications(tmp_path: Path) -> None:
    """It checks the signature, and prints what happened once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with begun(tmp_path) as directory, documented(port) as process:
        await until(lambda: is_open(port))
        one = Notifier(
            directory,
            tmp_path / "main",
            NotifySettings(url=url, secret=SECRET),
            signed=tuple,
            clock=time.time,  # noqa: TID251 - the receiver has its own clock
        )
        await one.look()
        more(directory, REJECTED)
        assert await one.look()
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)

    assert line.startswith("match 20")
    assert "'entry': 'entry-1'" in line
