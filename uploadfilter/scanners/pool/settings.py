"""What an operator may set about scanners, and what the pool tells of itself."""

import os
from dataclasses import dataclass, field
from typing import Protocol

from uploadfilter.pictures.formats import SWITCHED_ON
from uploadfilter.scanners.pool.process import WORKER_MODULE
from uploadfilter.scanners.wire.budgets import Budgets


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0))


def _usual_slow_lane() -> int:
    return 2 * _usable_cpus()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSettings:
    """How many scanner processes there are, how long they are used, and by whom.

    Scanners together use at most ``(workers + small_lane + slow_lane) * 300 MiB`` of
    memory, and ``spares`` processes of some MiB beside them: 2 GiB on 2 CPUs, 15 on 16.
    Nearly all of the time it is a tenth of that, since only a bomb takes its 300 MiB.
    Where that is more than there is, lower ``slow_lane``, or let the cgroup of the
    service end scanners first, which is what they ask for (``oom_score_adj``).

    Attributes:
        workers: Scans at a time that are not slow; one for each CPU, since scanning
            waits for nothing.
        slow_after_s: CPU seconds after which a scan is slow, or ten times as long by
            the clock: it goes on at low priority and makes room for another: in the
            slow lane or, if that is full, by being begun anew when it has room. Twenty
            times what a photo takes.
        small_lane: Small pictures that are scanned at a time beside ``workers``, when
            those are all taken: so they are not behind large ones. A photo of some
            hundred KB takes a hundredth of a second, so that one is enough for a
            hundred of them a second, and takes at most one CPU from the others.
        slow_lane: Slow scans at a time, beside ``workers``. Two for each CPU end a bomb
            of 2 CPU seconds within 5 s; more of them would only take more memory.
            A quarter of it, but at least one, is for any one client. A client that has
            used that up gets the last free worker only when its slow scans have ended,
            so that there is always one for the others.
        spares: Processes that are kept ready beside those in use, so that a content
            that must be scanned alone does not wait 5 ms for one.
        queue_limit: Uploads that may wait for a process. A photo takes 5 ms, so that
            the last of 256 on two processes waits for less than a second. One client
            may fill all of it as long as nobody else comes; for a client that does, the
            newest upload of the client with the most is turned away. So there is
            no limit for each client, which would have to be wrong for a front end
            with one address or for a queue with one client.
        queue_wait_s: Seconds that an upload waits for a process at most; a client has
            given up by then, or will soon.
        recycle_after: Contents after which a process is replaced, which bounds what
            decoders leak.
        losses_per_upload: Processes that one upload may cost, by crashes or budgets.
        start_timeout_s: Longest start of a scanner, in seconds.
        require_sandbox: Whether a kernel that cannot confine scanners in every way is
            an error at the start; otherwise it is said in the log.
        formats: Picture formats to decode beyond the usual ones, by their names:
            ``jp2``, ``psd``, ``tga``, ``qoi``. Rare decoders are more likely
            to have errors, and no browser shows most of these.
        budgets: What one content and one upload may cost.
        module: What a scanner process runs; tests run others.
    """

    workers: int = field(default_factory=_usable_cpus)
    slow_after_s: float = 0.1
    small_lane: int = 1
    slow_lane: int = field(default_factory=_usual_slow_lane)
    spares: int = 2
    queue_limit: int = 256
    queue_wait_s: float = 30.0
    recycle_after: int = 10_000
    losses_per_upload: int = 4
    start_timeout_s: float = 30.0
    require_sandbox: bool = False
    formats: tuple[str, ...] = ()
    budgets: Budgets = field(default_factory=Budgets)
    module: str = WORKER_MODULE

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would ever be scanned."""
        for name in ("workers", "recycle_after", "losses_per_upload"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in (
            "small_lane",
            "slow_lane",
            "spares",
            "queue_limit",
            "queue_wait_s",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        for name in ("slow_after_s", "start_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")
        for name in self.formats:
            if name not in SWITCHED_ON:
                known = ", ".join(sorted(SWITCHED_ON))
                raise ValueError(f"formats must be some of {known}; not {name!r}")

    @property
    def at_a_time(self) -> int:
        """Scans at a time that are not slow."""
        return self.workers + self.small_lane

    @property
    def slow_of_one_client(self) -> int:
        """Slow scans of one client that the slow lane takes."""
        return max(1, self.slow_lane // 4)


class EventLog(Protocol):
    """The operational log, as far as the pool needs it."""

    def warning(self, event: str, **fields: object) -> object:
        """Log one event; ``fields`` hold no content and no names."""


class SilentLog:
    """An operational log that keeps nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Drop the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLoad:
    """What a pool is doing at one moment.

    Attributes:
        waiting: Uploads that wait for a place.
        put_back: Uploads whose slow scan waits for room in the slow lane.
        scanning: Uploads that hold one of the places (``ScannerSettings.workers``), or
            are in the lane for small ones.
        slow: Uploads in the slow lane.
        processes: Scanner processes that are alive, spares included.
        is_ready: Whether processes can be made, as far as is known.
        template_cpu_s: CPU seconds that templates used, dead ones included.
    """

    waiting: int
    put_back: int
    scanning: int
    slow: int
    processes: int
    is_ready: bool
    template_cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """What a pool has done since it was opened.

    Attributes:
        uploads: Uploads that got a process.
        contents: Contents that got a reply.
        alone: Contents that were asked for alone.
        put_off: Contents that a common process wanted scanned alone.
        slowed: Uploads whose scan was slow.
        put_back: Uploads whose slow scan was broken off, to be begun anew in the slow
            lane, since others wanted its place.
        shed: Uploads that were turned away for a full queue.
        unserved: Uploads that got no process, or not another one after a loss; those
            shed included.
        started: Times that processes could be made, from the start or again.
        start_failures: Times that they could not.
        forked: Processes that were made.
        retired: Processes that were replaced after ``recycle_after`` contents, for want
            of memory or since they were slow.
        timed_out: Processes that were killed for the time they took.
        crashed: Processes that died in mid-scan.
        garbled: Processes that were killed for what they answered, or how much.
        abandoned: Processes that were killed since nobody waited for them any more.
        starved: Processes that were killed for want of CPU time, as of a machine that
            is too busy, or since somebody stopped them.
        faults: Contents in which a mistake of ours was met.
    """

    uploads: int = 0
    contents: int = 0
    alone: int = 0
    put_off: int = 0
    slowed: int = 0
    put_back: int = 0
    shed: int = 0
    unserved: int = 0
    started: int = 0
    start_failures: int = 0
    forked: int = 0
    retired: int = 0
    timed_out: int = 0
    crashed: int = 0
    garbled: int = 0
    abandoned: int = 0
    starved: int = 0
    faults: int = 0
