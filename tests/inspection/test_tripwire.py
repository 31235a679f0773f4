"""An entry that too many networks match is switched off, and people switch it on."""

import asyncio
import ipaddress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.decisions.near import NEAR
from tests.inspection.tripped import tripped
from tests.proxy.site import site
from tests.reference.stores import ENTRY, put_set
from tests.waiting import until
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.tripping import MOST_NETWORKS
from uploadfilter.inspection import tripwire
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.off import MOST_OFF_S, Off, Party
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signedsets import canaries
from uploadfilter.web.requests.limits import ProxyLimits

KEY = ("unit7", "p-1")
NOON_S = 1_795_608_000.0


class Proxy:
    """A tripwire of one of the proxies of a state directory."""

    def __init__(self, state: Path) -> None:
        self.now_s = NOON_S
        path = state / REFERENCE_DIRECTORY
        self.directory = ReferenceDirectory(path, clock=lambda: self.now_s)
        self.reader = self.directory.reader()
        self.wire = Tripwire(self.directory, self.reader, clock=lambda: self.now_s)

    def see(self, networks: range, *, threshold: int = 5) -> None:
        """See an upload from each of these networks."""
        self.reader.current()
        for number in networks:
            self.wire.saw((NEAR,), f"n{number}", threshold=threshold)

    def switch_on(self) -> None:
        """Let two people switch the entry on."""
        with self.directory.writer() as writer:
            writer.switch_on(KEY[0], [KEY[1]], by=["ab", "cd"], why="right")


@pytest.fixture
def proxy(tmp_path: Path) -> Proxy:
    """Return a proxy with a reference set."""
    put_set(tmp_path / REFERENCE_DIRECTORY, "unit7", [ENTRY])
    return Proxy(tmp_path)


async def test_entry_is_off_until_people_switch_it_on(
    proxy: Proxy, tmp_path: Path
) -> None:
    """It applies at once here, within a second everywhere, and not for a month then."""
    proxy.see(range(4))
    assert proxy.wire.soften((NEAR,)) == (NEAR,)
    with capture_logs() as events:
        proxy.see(range(4, 9))
        (softened,) = proxy.wire.soften((NEAR,))
        await proxy.wire.look()
        proxy.see(range(9))
        await proxy.wire.look()

    assert softened.state is EntryState.MONITORED
    assert [event["event"] for event in events] == ["entry_demoted"]
    assert tripped(tmp_path) == ["p-1"]
    proxy.switch_on()
    for later_s, expected in ((100, []), (MOST_OFF_S, ["p-1"])):
        proxy.now_s = NOON_S + later_s
        proxy.see(range(9))
        await proxy.wire.look()
        assert tripped(tmp_path) == expected


async def test_what_cannot_be_written_holds_here_and_is_tried_again(
    proxy: Proxy, tmp_path: Path
) -> None:
    """A command is writing, or the disk is full; this is reported once."""
    proxy.see(range(5))
    with proxy.directory.writer(), capture_logs() as events:
        await proxy.wire.look()
        await proxy.wire.look()

    assert [event["event"] for event in events] == ["tripwire_unwritable"]
    assert proxy.wire.soften((NEAR,)) != (NEAR,)
    assert tripped(tmp_path) == []
    await proxy.wire.look()
    assert tripped(tmp_path) == ["p-1"]


async def test_full_table_is_an_alarm_and_memory_stays_bounded(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With so many entries the hash set is wrong: no row is dropped for another."""
    monkeypatch.setattr(tripwire, "MOST", {Party.TRIPWIRE: 0})
    proxy.see(range(5))
    await proxy.wire.look()

    assert proxy.wire.soften((NEAR,)) == (NEAR,)


async def test_unknown_networks_never_trip(proxy: Proxy) -> None:
    """Behind a front end that is not trusted, clients cannot be distinguished."""
    for _ in range(100):
        proxy.wire.saw((NEAR,), None, threshold=1)
    proxy.see(range(100), threshold=MOST_NETWORKS + 1)

    assert proxy.wire.soften((NEAR,)) == (NEAR,)


async def test_without_a_reference_set_nothing_is_written(tmp_path: Path) -> None:
    """It was deleted while the proxy runs: then there is no entry either."""
    proxy = Proxy(tmp_path)
    proxy.wire.saw((NEAR,), "n", threshold=1)
    await proxy.wire.look()

    assert proxy.wire.soften((NEAR,)) == (NEAR,)
    assert not proxy.directory.path.exists()


async def test_running_proxy_switches_off_and_on(tmp_path: Path) -> None:
    """One network counts once for all of its uploads; an exact copy is rejected."""
    trusted = (ipaddress.ip_network("127.0.0.1"),)
    limits = ProxyLimits(tripwire_networks=3, drain_idle_s=0.05, match_budget=1000)
    async with site(
        tmp_path,
        listed=canaries.entries()[1:],
        trusted_proxies=trusted,
        proxy=limits,
    ) as it:

        async def status(address: bytes) -> bytes:
            answer = await it.put(canaries.picture(), b"X-Forwarded-For: %s" % address)
            return answer.split(b" ")[1]

        def rows() -> tuple[Off, ...]:
            assert it.service is not None
            generation = it.service.watched.generation
            return generation.off_by(Party.TRIPWIRE) if generation else ()

        of_one = {await status(b"198.51.100.%d" % at) for at in range(1, 6)}
        assert of_one == {b"403"}
        assert await status(b"2001:db8:7::1") == b"403"
        assert await status(b"2001:db8:7:ffff::1") == b"403"
        assert await status(b"203.0.113.1") == b"403"  # the third network
        assert await status(b"192.0.2.1") == b"200"
        await until(lambda: tripped(tmp_path) != [])
        assert await status(b"192.0.2.1") == b"200"
        assert [it.entry for it in rows()] == [canaries.NEAR]

        def switch_on() -> None:
            directory = ReferenceDirectory(tmp_path / REFERENCE_DIRECTORY)
            with directory.writer() as writer:
                writer.switch_on("demo", [canaries.NEAR], by=["a", "b"], why="right")

        await asyncio.to_thread(switch_on)
        assert await status(b"192.0.2.1") == b"403"
    changes = [x.change for x in it.records() if isinstance(x, ChangeRecord)]
    assert [x for x in changes if x in {Change.DEMOTE, Change.RESTORE}] == [
        Change.DEMOTE,
        Change.RESTORE,
    ]
