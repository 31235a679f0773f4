"""Whether the proxy can do its work, and its statement if it cannot."""

import asyncio
import dataclasses
import socket
import threading
from pathlib import Path

import pytest

from tests.proxy import certificates
from tests.proxy.admin.desk import NOWHERE, surveyor, watched
from tests.proxy.certificates import ORIGIN_NAME
from tests.proxy.site import list_entries
from tests.proxy.wire import wire_origin
from tests.waiting import until
from tests.web.origins.origins import tls_origin
from uploadfilter.proxy.admin import health as module
from uploadfilter.proxy.admin.health import (
    NO_ROOM_YET,
    WHAT_TO_DO,
    Check,
    Health,
    days_words,
    reach,
)
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.draining import Drain

ROOMY = dataclasses.replace(NO_ROOM_YET, free_bytes=1 << 40)
"""A disk of a terabyte."""


def not_well(health: Health) -> dict[Check, str]:
    """Return the checks that have failed."""
    return {
        finding.check: finding.detail
        for finding in health.findings
        if not finding.is_good
    }


async def test_nothing_is_ready_before_the_first_look(tmp_path: Path) -> None:
    """No upload is sent to a proxy before its first check."""
    async with watched(tmp_path) as proxy:
        health = proxy.health()

        assert not_well(health) == {Check.STARTED: "nothing has been checked yet"}
        assert not health.is_ready


async def test_what_was_seen_is_not_believed_for_ever() -> None:
    """Without further checks, the last result counts only for some time."""
    now_s = [0.0]
    health = Health(
        reference=_Usable(),
        origins=dict,
        unenforced=tuple,
        is_writable=lambda: True,
        has_scanners=lambda: True,
        room=lambda: ROOMY,
        drain=Drain(),
        clock=lambda: now_s[0],
    )
    await health.look()
    now_s[0] = module.BELIEVED_S + 1

    assert not_well(health) == {Check.STARTED: "nothing has been checked for 31 s"}
    assert not health.is_ready


class _Hanging:
    """A reference set on a disk that hangs."""

    def __init__(self) -> None:
        self.asked = 0
        self.goes_on = threading.Event()

    def current(self) -> object:
        """Hang until the disk is back."""
        self.asked += 1
        self.goes_on.wait()
        return object()


async def test_disk_that_hangs_takes_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More checks take no more threads: uploads need the others for their spools."""
    monkeypatch.setattr(module, "WITHIN_S", 0.05)
    hanging = _Hanging()
    health = Health(
        reference=hanging,
        origins=dict,
        unenforced=tuple,
        is_writable=lambda: True,
        has_scanners=lambda: True,
        room=lambda: ROOMY,
        drain=Drain(),
    )
    for _ in range(3):
        await health.look()
    found = not_well(health)
    hanging.goes_on.set()

    assert hanging.asked == 1
    assert found[Check.REFERENCE].startswith("no answer within")


async def test_each_thing_that_lacks_is_named(tmp_path: Path) -> None:
    """Reference set, origin and scanners are missing, and all three are named."""
    async with watched(tmp_path) as proxy:
        health = proxy.health()
        await health.look()

        found = not_well(health)
        assert set(found) == {Check.REFERENCE, Check.ORIGIN, Check.SCANNERS}
        assert found[Check.REFERENCE].startswith("store_missing: ")
        assert found[Check.ORIGIN].startswith("default: ")


async def test_what_is_there_is_well(tmp_path: Path) -> None:
    """With a reference set and an origin, only the scanners are missing."""
    list_entries(tmp_path, ())
    async with wire_origin() as origin, watched(tmp_path, origin=origin.url) as proxy:
        health = proxy.health()
        await health.look()

        assert set(not_well(health)) == {Check.SCANNERS}
        assert health.reachable == {"default": True}
        assert origin.got == []


async def test_service_that_ends_is_not_ready(tmp_path: Path) -> None:
    """No upload is sent to a draining proxy, from that moment on."""
    async with watched(tmp_path) as proxy:
        health = proxy.health()
        await health.look()
        await proxy.drain.finish(within_s=1)

        assert not_well(health)[Check.STAYING] == "stopping"


async def test_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The last result of the writer counts, and so does the room on the disk."""
    async with watched(tmp_path) as proxy:
        failing = dataclasses.replace(proxy, is_writable=lambda: False).health()
        await failing.look()

        assert not_well(failing)[Check.LOG] == "the last record could not be written"


async def test_disk_that_fills_up_is_said_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another proxy can take the uploads while there is still room for decisions."""
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 1 << 62)
    async with watched(tmp_path) as proxy:
        health = proxy.health()
        await health.look()

        assert not_well(health)[Check.LOG].endswith(" MB are left on its disk")


async def test_log_directory_that_is_gone_is_said(tmp_path: Path) -> None:
    """The checks go on even if the directory cannot be examined."""
    async with watched(tmp_path) as proxy:
        gone = dataclasses.replace(proxy, surveyor=surveyor(tmp_path / "gone")).health()
        await gone.look()

        assert not_well(gone)[Check.LOG] == "No such file or directory"


async def test_one_origin_of_several_may_be_down() -> None:
    """Its sites are down anyway; the others are not taken out of service for it."""
    async with wire_origin() as origin:
        health = Health(
            reference=_Usable(),
            unenforced=tuple,
            origins=lambda: {
                "up": OriginSettings(url=origin.url),
                "down": OriginSettings(url=NOWHERE),
            },
            is_writable=lambda: True,
            has_scanners=lambda: True,
            room=lambda: ROOMY,
            drain=Drain(),
        )
        await health.look()

    assert health.is_ready
    assert health.reachable == {"up": True, "down": False}
    assert "down: " in next(
        finding.detail for finding in health.findings if finding.check is Check.ORIGIN
    )


class _Usable:
    """A reference set of which nothing is asked."""

    def current(self) -> object:
        """Return something."""
        return self


async def test_origin_that_takes_no_connection_is_waited_for_shortly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A probe does not wait for an origin whose queue is full."""
    monkeypatch.setattr(module, "WITHIN_S", 0.05)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with socket.create_connection(full.getsockname()):
            assert await reach(OriginSettings(url=url)) == "does not answer"


def of_origins(*origins: OriginSettings) -> Health:
    """Return checks of only these origins."""
    return Health(
        reference=_Usable(),
        unenforced=tuple,
        origins=lambda: {f"{n}": origin for n, origin in enumerate(origins)},
        is_writable=lambda: True,
        has_scanners=lambda: True,
        room=lambda: ROOMY,
        drain=Drain(),
    )


async def test_origin_without_tls_is_not_reached_under_https() -> None:
    """A server with another protocol is not the origin."""
    async with wire_origin() as origin:
        health = of_origins(OriginSettings(url=origin.url.replace("http", "https")))
        await health.look()

    assert health.reachable == {"0": False}


async def test_certificate_of_the_origin_is_checked(tmp_path: Path) -> None:
    """An origin that requests would not be sent to is not reachable."""
    files = certificates.written(tmp_path)
    async with tls_origin(files) as wire:
        known = OriginSettings(
            url=wire.url, ca_file=files.authority, server_name=ORIGIN_NAME
        )
        health = of_origins(
            known,
            OriginSettings(url=wire.url, server_name=ORIGIN_NAME),
            OriginSettings(url=wire.url, ca_file=str(tmp_path / "missing.pem")),
        )
        await health.look()
        await health.look()

    assert health.reachable == {"0": True, "1": False, "2": False}


async def test_renewed_authority_of_the_origin_is_believed(tmp_path: Path) -> None:
    """As for requests after a reload, it is another file under the same name."""
    files = certificates.written(tmp_path)
    authority = tmp_path / "renewed.pem"
    authority.write_text(certificates.CLIENT)  # it has signed nothing
    async with tls_origin(files) as wire:
        health = of_origins(
            OriginSettings(
                url=wire.url, ca_file=str(authority), server_name=ORIGIN_NAME
            )
        )
        await health.look()
        before = health.reachable
        fresh = tmp_path / "fresh.pem"
        fresh.write_text(certificates.AUTHORITY)
        fresh.rename(authority)
        await health.look()

    assert (before, health.reachable) == ({"0": False}, {"0": True})


async def test_origin_on_a_unix_socket_is_reached(tmp_path: Path) -> None:
    """The check connects to it as requests do."""
    path = tmp_path / "origin.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        before = await reach(OriginSettings(url=f"unix:{path}"))
        listener.bind(str(path))
        listener.listen()
        after = await reach(OriginSettings(url=f"unix:{path}"))

    assert (before, after) == ("No such file or directory", None)


async def test_looks_go_on_until_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repair is noticed without a request."""
    monkeypatch.setattr(module, "INTERVAL_S", 0.001)
    async with watched(tmp_path) as proxy:
        health = proxy.health()
        keeping = asyncio.get_running_loop().create_task(health.keep())
        await until(lambda: Check.REFERENCE in not_well(health))
        list_entries(tmp_path, ())
        await until(lambda: Check.REFERENCE not in not_well(health))
        keeping.cancel()
        await asyncio.wait([keeping])

        assert keeping.cancelled()


def test_each_check_says_what_to_do() -> None:
    """Each failed check comes with a remedy."""
    assert set(WHAT_TO_DO) == set(Check)


@pytest.mark.parametrize(
    ("days_left", "words"),
    [(400.0, "more than a year"), (12.4, "12 days"), (0.25, "6 hours")],
)
def test_room_in_words(days_left: float, words: str) -> None:
    """A room is stated in days, or in hours if it is short."""
    assert days_words(dataclasses.replace(ROOMY, days_left=days_left)) == words
