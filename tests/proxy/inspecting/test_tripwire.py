"""An entry that too many networks match is demoted, and a person restores it."""

import asyncio
import ipaddress
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.decisions.test_tripping import NEAR, restoration
from tests.proxy.site import site
from tests.waiting import until
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.tripping import MOST_NETWORKS
from uploadfilter.errors import StoreError
from uploadfilter.model import EntryState
from uploadfilter.proxy.inspecting import tripwire
from uploadfilter.proxy.inspecting.tripwire import (
    FILE,
    Tripwire,
    changing,
    read_demotions,
    restored,
)
from uploadfilter.proxy.requests.limits import ProxyLimits
from uploadfilter.signedsets import canaries
from uploadfilter.state import only_one

KEY = ("unit7", "p-1")
NOON_S = 1_795_608_000.0


class Proxy:
    """A tripwire of one of the proxies of a state directory, and its notes."""

    def __init__(self, state: Path, name: str = "main") -> None:
        self.now_s = NOON_S
        own = state / "instances" / name
        own.mkdir(parents=True, exist_ok=True)
        self.wire = Tripwire(state, own, clock=lambda: self.now_s)
        self.noted: list[tuple[Change, Mapping[str, object]]] = []

    async def look(self) -> None:
        """Look once."""
        await self.wire.look(lambda *it: self.noted.append(it))

    def see(self, networks: range, *, threshold: int = 5) -> None:
        """See an upload from each of these networks."""
        for number in networks:
            self.wire.saw((NEAR,), f"n{number}", threshold=threshold)

    def keep(self) -> None:
        """Write the counts, as at the end of the service."""
        self.wire._write_counts()  # noqa: SLF001 - as the chore does at its end


async def test_demotion_holds_for_every_proxy_until_a_person_undoes_it(
    tmp_path: Path,
) -> None:
    """It applies at once here, within a second elsewhere, and after a restart."""
    one, other = Proxy(tmp_path, "a"), Proxy(tmp_path, "b")
    one.see(range(4))
    assert one.wire.soften((NEAR,)) == (NEAR,)
    with capture_logs() as events:
        one.see(range(4, 9))
        (softened,) = one.wire.soften((NEAR,))
        await one.look()
    await other.look()

    assert softened.state is EntryState.MONITORED
    assert [event["event"] for event in events] == ["entry_demoted"]
    assert one.noted == [
        (Change.DEMOTE, {"set": "unit7", "entry": "p-1", "networks": 5})
    ]
    assert other.wire.soften((NEAR,)) == (softened,)
    assert Proxy(tmp_path, "c").wire.soften((NEAR,)) == (softened,)

    assert restored(tmp_path, restoration(int(NOON_S)))
    assert not restored(tmp_path, restoration(int(NOON_S)))
    for proxy in (one, other):
        await proxy.look()
        proxy.see(range(20))
        assert proxy.wire.soften((NEAR,)) == (NEAR,)
        assert proxy.noted[-1][0] is Change.RESTORE


async def test_counts_outlive_a_restart(tmp_path: Path) -> None:
    """They count on the same day; another day has hashes with another key."""
    before = Proxy(tmp_path)
    before.see(range(4))
    before.keep()
    after = Proxy(tmp_path)
    after.see(range(4, 5))
    late = Proxy(tmp_path)
    late.now_s += 86_400
    late.see(range(4, 5))

    assert after.wire.demotions.keys() == {KEY}
    assert late.wire.demotions.keys() == frozenset()


async def test_what_cannot_be_written_holds_here_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command is restoring, or the disk is full; this is reported once."""
    monkeypatch.setattr(tripwire, "_LOCK_S", 0.05)
    proxy = Proxy(tmp_path)
    proxy.see(range(5))
    with only_one(tmp_path / "tripwire.lock"), capture_logs() as events:
        await proxy.look()
        await proxy.look()
        with pytest.raises(StoreError), changing(tmp_path):
            raise AssertionError

    assert proxy.wire.demotions.keys() == {KEY}
    assert read_demotions(tmp_path).keys() == frozenset()
    assert [event["event"] for event in events] == [
        "entry_demoted",
        "tripwire_unwritable",
    ]
    await proxy.look()
    assert read_demotions(tmp_path).keys() == {KEY}
    assert len(proxy.noted) == 1


async def test_damaged_files_demote_nothing(tmp_path: Path) -> None:
    """Entries reject as they are listed, whatever the file holds."""
    own = tmp_path / "instances" / "main"
    own.mkdir(parents=True)
    for path in (tmp_path / FILE, own / FILE):
        path.write_text('{"demoted":[{"set":1}],"networks":7}')
    proxy = Proxy(tmp_path)
    await proxy.look()

    assert proxy.wire.soften((NEAR,)) == (NEAR,)


async def test_unknown_networks_never_trip(tmp_path: Path) -> None:
    """Behind a front end that is not trusted, clients cannot be distinguished."""
    proxy = Proxy(tmp_path)
    for _ in range(100):
        proxy.wire.saw((NEAR,), None, threshold=1)
    proxy.see(range(100), threshold=MOST_NETWORKS + 1)

    assert proxy.wire.demotions.keys() == frozenset()


async def test_running_proxy_demotes_and_restores(tmp_path: Path) -> None:
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

        of_one = {await status(b"198.51.100.%d" % at) for at in range(1, 6)}
        assert of_one == {b"403"}
        assert await status(b"2001:db8:7::1") == b"403"
        assert await status(b"2001:db8:7:ffff::1") == b"403"
        assert await status(b"203.0.113.1") == b"403"  # the third network
        assert await status(b"192.0.2.1") == b"200"
        assert it.service is not None
        assert len(it.service.watched.demotions().demoted) == 1
        await until(lambda: read_demotions(tmp_path).keys() != frozenset())
        item = restoration(int(NOON_S), canaries.NEAR)
        demo = type(item)(
            set="demo", entry=item.entry, at=item.at, by=item.by, reason=item.reason
        )
        await asyncio.to_thread(restored, tmp_path, demo)
        demotions = it.service.watched.demotions
        await until(lambda: not demotions().demoted)
        assert await status(b"192.0.2.1") == b"403"
    changes = [x.change for x in it.records() if isinstance(x, ChangeRecord)]
    assert [x for x in changes if x in {Change.DEMOTE, Change.RESTORE}] == [
        Change.DEMOTE,
        Change.RESTORE,
    ]
