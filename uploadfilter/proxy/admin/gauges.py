"""Report the present state to Prometheus, when it asks.

Nothing here costs an upload anything: the figures are read from objects that hold them
anyway. A figure that only rises is a counter, even if it is counted elsewhere. If such
a figure may fall for a moment (a scanner that has died and is not reaped yet), the
highest value so far is reported, because Prometheus would take a later rise for new
events.

To add a figure, add it to one of the methods, and its row to
``docs/operating/monitoring.md``.
"""

import dataclasses
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from typing_extensions import override

from uploadfilter.model import EntryState
from uploadfilter.proxy.admin.health import Health
from uploadfilter.proxy.admin.watched import Watched, own_cpu_s, version
from uploadfilter.proxy.assembling.usage import StoreEvent
from uploadfilter.reference.entries.off import Party
from uploadfilter.web.counting.metrics import PREFIX
from uploadfilter.web.routing.enforcing import Lack, enforcing

_DAY_S: Final = 86_400


class Gauges(Collector):
    """The state of a proxy, as metrics."""

    def __init__(self, watched: Watched, health: Health) -> None:
        self._watched = watched
        self._health = health
        self._highest: dict[str, float] = {}

    @override
    def collect(self) -> Iterable[Metric]:
        """Yield all figures."""
        yield from self._service()
        yield from self._spool()
        yield from self._store()
        yield from self._scanners()
        yield from self._reference()
        yield from self._signed()
        yield from self._log()

    def _service(self) -> Iterator[Metric]:
        watched, health = self._watched, self._health
        labels = {"version": version(), "python": platform.python_version()}
        build = _gauge(
            "build_info", "Versions of the program and of Python; always 1.", *labels
        )
        build.add_metric(list(labels.values()), 1)
        yield build
        yield _gauge("ready", "1 if uploads may be sent here.", value=health.is_ready)
        checks = _gauge("check_ready", "1 if this part of the proxy works.", "check")
        for finding in health.findings:
            checks.add_metric([finding.check], finding.is_good)
        yield checks
        origins = _gauge("origins", "Origins in force.", "state")
        reached = list(health.reachable.values())
        origins.add_metric(["reachable"], reached.count(True))
        origins.add_metric(["unreachable"], reached.count(False))
        yield origins
        yield _gauge(
            "open_connections",
            "Connections of clients.",
            value=watched.metrics.connections,
        )
        yield _gauge(
            "open_requests",
            "Requests in flight, uploads included.",
            value=watched.drain.in_flight,
        )
        yield _gauge(
            "open_uploads",
            "Uploads that are read or inspected.",
            value=watched.open_uploads(),
        )

    def _spool(self) -> Iterator[Metric]:
        room = self._watched.room
        held = _gauge("spool_bytes", "Bytes of uploads that are held now.", "where")
        held.add_metric(["memory"], room.memory_bytes)
        held.add_metric(["disk"], room.disk_bytes)
        yield held
        limit = _gauge("spool_limit_bytes", "Bytes that may be held.", "where")
        limit.add_metric(["memory"], room.limits.memory_total_bytes)
        limit.add_metric(["disk"], room.limits.disk_total_bytes)
        yield limit

    def _store(self) -> Iterator[Metric]:
        store = self._watched.store
        limits = store.limits
        yield _gauge(
            "held_uploads", "Uploads in pieces that are held now.", value=len(store)
        )
        yield _gauge(
            "held_uploads_limit",
            "Uploads in pieces that may be held.",
            value=limits.uploads_total,
        )
        yield _gauge(
            "held_upload_bytes", "Their bytes on disk.", value=store.total_bytes
        )
        yield _gauge(
            "held_upload_limit_bytes",
            "Bytes that they may have on disk.",
            value=limits.disk_total_bytes,
        )
        events = _counter(
            "held_upload_events",
            "Uploads in pieces that began and expired, and why others were refused.",
            "event",
        )
        for event in StoreEvent:
            events.add_metric([event], store.counts[event])
        yield events

    def _scanners(self) -> Iterator[Metric]:
        pool, settings = self._watched.scanners, self._watched.scanner_settings
        load = pool.load
        uploads = _gauge("scanner_uploads", "Uploads in the pool.", "standing")
        uploads.add_metric(["waiting"], load.waiting)
        uploads.add_metric(["scanning"], load.scanning)
        uploads.add_metric(["slow"], load.slow)
        uploads.add_metric(["put_back"], load.put_back)
        yield uploads
        places = _gauge(
            "scanner_places", "Most uploads with this standing.", "standing"
        )
        places.add_metric(["waiting"], settings.queue_limit)
        places.add_metric(["scanning"], settings.at_a_time)
        places.add_metric(["slow"], settings.slow_lane)
        places.add_metric(["put_back"], settings.queue_limit)
        yield places
        yield _gauge(
            "scanner_processes", "Scanners that are alive.", value=load.processes
        )
        events = _counter(
            "scanner_events", "What happened in the pool, see docs/operating.", "event"
        )
        for name, count in dataclasses.asdict(pool.figures).items():
            events.add_metric([name], count)
        yield events
        cpu = _counter(
            "cpu_seconds", "CPU seconds of all processes of the proxy.", "process"
        )
        cpu.add_metric(["proxy"], own_cpu_s())
        cpu.add_metric(["template"], self.risen("template", load.template_cpu_s))
        cpu.add_metric(["scanners"], self.risen("scanners", pool.cpu_s))
        yield cpu

    def _reference(self) -> Iterator[Metric]:
        generation = self._watched.generation
        at = generation.put_in_force_at if generation else None
        sets = generation.sets if generation else ()
        yield _gauge(
            "generation",
            "Number of the generation in use; 0 for none.",
            value=generation.number if generation else 0,
        )
        yield _gauge(
            "generation_timestamp_seconds",
            "When it was put in force, seconds since the epoch; 0 for unknown.",
            value=at.timestamp() if at else 0,
        )
        yield _gauge(
            "generation_pinned",
            "1 after a rollback that was not released.",
            value=generation is not None and generation.pinned,
        )
        yield _gauge(
            "entries",
            "Entries of the reference set.",
            value=generation.entry_count if generation else 0,
        )
        by_state = _gauge(
            "entries_by_state", "Of these, active and monitored.", "state"
        )
        for state in EntryState:
            is_active = state is EntryState.ACTIVE
            entries = (
                it.entries - it.revoked for it in sets if it.enforced is is_active
            )
            by_state.add_metric([state], sum(entries))
        yield by_state
        yield from self._enforcement()
        yield _gauge("hash_sets", "Hash sets in force.", value=len(sets))
        yield _gauge(
            "newest_import_timestamp_seconds",
            "When the newest hash set was imported, seconds since the epoch.",
            value=max((info.imported_at for info in sets), default=0),
        )

    def _enforcement(self) -> Iterator[Metric]:
        routes = enforcing(self._watched.in_force.settings.routes)
        yield _gauge(
            "enforcing_routes",
            "Routes in ENFORCE that a request can take.",
            value=len(routes),
        )
        lacks = _gauge(
            "unenforced_routes",
            "Routes in ENFORCE that cannot reject a match, see docs/operating.",
            "lack",
        )
        found = [item.lack for item in self._health.unenforced]
        for lack in Lack:
            lacks.add_metric([lack], found.count(lack))
        yield lacks

    def _signed(self) -> Iterator[Metric]:
        figures = (
            ("synced_timestamp_seconds", "When it was last verified to be the newest."),
            ("expires_timestamp_seconds", "When the first of its signatures ends."),
            ("sequence", "Number of the set that was taken."),
            ("held_back", "Withdrawals that are too many to be carried out."),
        )
        known = {
            it.set: (it.synced_at, it.expires_at, it.sequence, it.held_back)
            for it in self._health.signed
        }
        for at, (name, text) in enumerate(figures):
            family = _gauge(f"signed_set_{name}", text, "set")
            for set_name, values in known.items():
                family.add_metric([set_name], values[at])
            yield family
        generation = self._watched.generation
        in_force = {info.name for info in (generation.sets if generation else ())}
        seen = _gauge(
            "canary_found_timestamp_seconds",
            "When the canaries of a signed set were last found, see docs/operating.",
            "set",
        )
        for name, at_s in self._watched.canaries().found.items():
            if name in in_force:
                seen.add_metric([name], at_s)
        yield seen
        demoted = _gauge(
            "demoted_entries", "Entries that the tripwire has demoted.", "set"
        )
        rows = generation.off_by(Party.TRIPWIRE) if generation else ()
        counts = Counter(it.set for it in rows)
        for name in sorted(in_force):
            demoted.add_metric([name], counts[name])
        yield demoted

    def _log(self) -> Iterator[Metric]:
        room = self._health.room
        for name, text, value in (
            ("log_bytes", "Bytes of the decision log.", room.log_bytes),
            ("log_free_bytes", "Bytes that are free on its disk.", room.free_bytes),
            ("log_bytes_a_day", "Bytes that it grows by in a day.", room.bytes_a_day),
            (
                "log_left_seconds",
                "For how long its disk lasts.",
                room.days_left * _DAY_S,
            ),
        ):
            yield _gauge(name, text, value=value)

    def risen(self, name: str, seen: float) -> float:
        """Return the highest value so far under a name."""
        self._highest[name] = max(seen, self._highest.get(name, 0.0))
        return self._highest[name]


def register(registry: CollectorRegistry, gauges: Gauges) -> None:
    """Expose the figures, and those of this process (memory, descriptors, CPU)."""
    registry.register(gauges)
    ProcessCollector(registry=registry)


def _gauge(
    name: str, text: str, *labels: str, value: float | None = None
) -> GaugeMetricFamily:
    return GaugeMetricFamily(
        f"{PREFIX}_{name}",
        text,
        value=None if value is None else float(value),
        labels=list(labels) if labels else None,
    )


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"{PREFIX}_{name}", text, labels=list(labels))
