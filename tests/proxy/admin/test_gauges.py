"""The present state for Prometheus."""

from dataclasses import replace
from pathlib import Path

from tests.decisions.logs import DAY_S, decision, write_log
from tests.proxy.admin.desk import watched
from tests.proxy.site import exact_entry, list_entries
from tests.web.counting.samples import value
from uploadfilter.decisions.records.outlook import MOST_DAYS
from uploadfilter.proxy.admin.gauges import Gauges, register
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.usage import StoreEvent, StoreUsage
from uploadfilter.scanners.pool.settings import PoolFigures
from uploadfilter.signedsets.freshness import Status
from uploadfilter.syncing.trusting import Trusted
from uploadfilter.web.counting.metrics import Metrics


def registered(proxy: Watched) -> Gauges:
    """Expose the figures of a proxy."""
    gauges = Gauges(proxy, proxy.health())
    register(proxy.metrics.registry, gauges)
    return gauges


async def test_figures_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    """Two answers differ by the events between them."""
    async with watched(tmp_path) as proxy:
        registered(proxy)
        with proxy.room.spool() as spool, proxy.drain.request():
            await spool.write(b"x" * 100)
            held = value(proxy.metrics, "spool_bytes", where="memory")
            open_requests = value(proxy.metrics, "open_requests")
        released = value(proxy.metrics, "spool_bytes", where="memory")

    assert (held, open_requests, released) == (100, 1, 0)


async def test_proxy_without_a_reference_set_has_figures(tmp_path: Path) -> None:
    """A missing part is 0 and not absent, so that an alert can use it."""
    async with watched(tmp_path) as proxy:
        registered(proxy)

        assert value(proxy.metrics, "generation") == 0
        assert value(proxy.metrics, "entries") == 0
        assert value(proxy.metrics, "ready") == 0
        assert value(proxy.metrics, "check_ready", check="started") == 0


async def test_reference_set_is_told(tmp_path: Path) -> None:
    """The metrics state number, age and size of the generation in use."""
    list_entries(tmp_path, [exact_entry(1, b"a"), exact_entry(2, b"b")])
    async with watched(tmp_path) as proxy:
        registered(proxy)
        generation = proxy.reference.current()

        assert value(proxy.metrics, "generation") == generation.number
        assert value(proxy.metrics, "entries") == 2
        assert value(proxy.metrics, "hash_sets") == 1
        assert (value(proxy.metrics, "generation_timestamp_seconds") or 0) > 1.7e9


async def test_enforce_that_rejects_no_match_is_told(tmp_path: Path) -> None:
    """For a monitored hash set in ENFORCE, they state the route and the cause."""
    list_entries(tmp_path, [exact_entry(1, b"a")], enforced=False)
    async with watched(tmp_path) as proxy:
        health = proxy.health()
        register(proxy.metrics.registry, Gauges(proxy, health))
        await health.look()

        def told(name: str, **labels: str) -> float | None:
            return value(proxy.metrics, name, **labels)

        assert told("enforcing_routes") == 1
        assert told("unenforced_routes", lack="monitored") == 1
        assert told("unenforced_routes", lack="entries") == 0
        assert told("entries_by_state", state="monitored") == 1
        assert told("entries_by_state", state="active") == 0


async def test_every_event_of_the_pool_is_a_series(tmp_path: Path) -> None:
    """Prometheus sees every count of the pool."""
    async with watched(tmp_path) as proxy:
        registered(proxy)
        found = {
            name: value(proxy.metrics, "scanner_events_total", event=name)
            for name in PoolFigures.__dataclass_fields__
        }

    assert set(found.values()) == {0.0}


async def test_seconds_of_processes_never_fall(tmp_path: Path) -> None:
    """A counter that falls back for a moment would be counted twice."""
    async with watched(tmp_path) as proxy:
        gauges = registered(proxy)

        assert gauges.risen("scanners", 5.0) == 5.0
        assert gauges.risen("scanners", 3.0) == 5.0
        assert gauges.risen("scanners", 6.0) == 6.0
        assert gauges.risen("template", 1.0) == 1.0


async def test_figures_of_this_process_are_there(tmp_path: Path) -> None:
    """Memory and descriptors have their usual names."""
    async with watched(tmp_path) as proxy:
        registered(proxy)
        told = proxy.metrics.exposition().decode()

    for name in ("process_resident_memory_bytes", "process_open_fds"):
        assert f"\n{name} " in told


async def test_room_for_the_log_is_told(tmp_path: Path) -> None:
    """An alert can watch for how many days the disk lasts."""
    write_log(tmp_path, [[decision("a")]])
    async with watched(tmp_path) as proxy:
        health = proxy.health()
        await health.look()
        register(proxy.metrics.registry, Gauges(proxy, health))
        left_s = value(proxy.metrics, "log_left_seconds")
        size, rate = (
            value(proxy.metrics, name) for name in ("log_bytes", "log_bytes_a_day")
        )

    assert left_s == MOST_DAYS * DAY_S
    assert size
    assert rate == 0  # the log is of another day


async def test_signed_sets_are_told(tmp_path: Path) -> None:
    """When each was verified, the end of its validity, the withdrawals held back."""
    list_entries(tmp_path, [exact_entry(1, b"a")])
    Trusted.of(tmp_path, "unit7").put_status(
        Status(
            set="unit7",
            source="",
            root="",
            synced_at=5,
            expires_at=9,
            sequence=3,
            held_back=2,
        )
    )
    async with watched(tmp_path) as proxy:
        gauges = Gauges(proxy, health := proxy.health())
        register(proxy.metrics.registry, gauges)
        await health.look()
        told = [
            value(proxy.metrics, f"signed_set_{name}", set="unit7")
            for name in (
                "synced_timestamp_seconds",
                "expires_timestamp_seconds",
                "sequence",
                "held_back",
            )
        ]

    assert told == [5, 9, 3, 2]


async def test_upload_store_is_told(tmp_path: Path) -> None:
    """Uploads that are held, and why others were refused; each event is there at 0."""
    async with watched(tmp_path) as desk:
        store = StoreUsage(
            StoreSettings(
                uploads_per_client=1, disk_total_bytes=9, disk_per_client_bytes=9
            )
        )
        proxy = replace(desk, store=store)
        register((made := Metrics()).registry, Gauges(proxy, proxy.health()))
        assert store.begin("a", "x")
        assert store.take("a", "x", 5)
        assert not store.begin("b", "x")
        assert not store.take("a", "x", 5)

        assert value(made, "held_uploads") == 1
        assert value(made, "held_upload_bytes") == 5
        assert value(made, "held_upload_limit_bytes") == 9
        counts = {
            event: value(made, "held_upload_events_total", event=event)
            for event in StoreEvent
        }
    assert {event for event, count in counts.items() if count} == {
        StoreEvent.CLIENT_UPLOADS_FULL,
        StoreEvent.BYTES_FULL,
    }
    assert None not in counts.values()
