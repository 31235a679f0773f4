"""Define the operator's settings for scanners, and the figures of the pool."""

import os
from dataclasses import dataclass, field
from typing import Final

from uploadfilter.pictures.formats import SWITCHED_ON
from uploadfilter.scanners.pool.launching import WORKER_MODULE
from uploadfilter.scanners.wire.budgets import Budgets


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0))


_DERIVED: Final = -1
_SLOW_PER_WORKER: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSettings:
    """The number and the use of scanner processes.

    Scanners together use at most ``(workers + small_lane + slow_lane) * 300 MiB`` of
    memory, 1.5 GiB for a large picture, and ``spares`` processes of some MiB besides
    them: 4 GiB on 2 CPUs, 17 on 16. Nearly always they use a tenth of that, since only
    a bomb takes its 300 MiB. If
    the machine has less, lower ``workers``, or let the cgroup of the service end
    scanners first, as they ask the kernel to do (``oom_score_adj``).

    Attributes:
        workers: Most scans at a time that are not slow; one for each CPU, since a scan
            only computes.
        slow_after_s: CPU seconds after which a scan is slow; also after ten times as
            many seconds by the clock. A slow scan makes room for another one: it goes
            on at low priority in the slow lane or, if that is full, begins again when
            the lane has room. Twenty times the time of a photo.
        small_lane: Most small pictures that are scanned at a time besides ``workers``,
            when all of those are taken, so that they do not wait for large ones. A
            photo of some hundred KB takes a hundredth of a second, so that one such
            scan at a time is enough for a hundred photos a second, and takes at most
            one CPU from the others.
        slow_lane: Most slow scans at a time, besides ``workers``; by default
            two for each of these. A bomb of 2 CPU seconds then ends within 5 s; more
            takes more memory. One client may use a quarter, but at least one.
        spares: Processes that are kept ready besides those in use, so that a content
            that must be scanned alone does not wait 5 ms for one.
        queue_limit: Most uploads that wait for a process. A photo takes 5 ms, so that
            the last of 256 on two processes waits for less than a second. One client
            may fill the whole queue as long as no other client comes; when another one
            comes, the newest upload of the client with the most uploads is turned away.
            So there is no limit for one client, which would be wrong either for a front
            end with one address or for a queue with one client.
        queue_wait_s: Most seconds that an upload waits for a process; by then a client
            has given up, or will soon.
        recycle_after: Contents after which a process is replaced, which limits the
            memory that decoders leak.
        losses_per_upload: Most processes that one upload may cost, by crashes or
            budgets.
        start_timeout_s: Longest start of a scanner, in seconds.
        require_sandbox: Whether it is an error at the start if the kernel cannot
            confine scanners in every way; otherwise it is only logged.
        formats: Picture formats to decode beyond the usual ones: ``jp2``, ``psd``,
            ``tga``, ``qoi``. Rare decoders are more likely to have bugs, and browsers
            do not show most of these formats.
        budgets: The limits of one content and of one upload.
        module: The module that a scanner process runs; tests use others.
    """

    workers: int = field(default_factory=_usable_cpus)
    slow_after_s: float = 0.1
    small_lane: int = 1
    slow_lane: int = _DERIVED
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
        """Derive one number, and refuse those with which no scan would be possible."""
        if self.slow_lane == _DERIVED:
            object.__setattr__(self, "slow_lane", _SLOW_PER_WORKER * self.workers)
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
        """Return the most scans at a time that are not slow."""
        return self.workers + self.small_lane

    @property
    def slow_of_one_client(self) -> int:
        """Return the most slow scans of one client in the slow lane."""
        return max(1, self.slow_lane // 4)


class SilentLog:
    """An operational log that keeps nothing."""

    def info(self, event: str, **fields: object) -> None:
        """Drop the event."""

    def warning(self, event: str, **fields: object) -> None:
        """Drop the event."""

    def error(self, event: str, **fields: object) -> None:
        """Drop the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLoad:
    """The load of a pool at one moment.

    Attributes:
        waiting: Uploads that wait for a place.
        put_back: Uploads whose slow scan waits for room in the slow lane.
        scanning: Uploads that hold one of the places (``ScannerSettings.workers``), or
            are in the small lane.
        slow: Uploads in the slow lane.
        processes: Living scanner processes, including spares.
        is_ready: Whether processes can be made, as far as known.
        template_cpu_s: CPU seconds of all templates, living and ended.
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
    """The counts of a pool since it was opened.

    Attributes:
        uploads: Uploads that got a process.
        contents: Contents that got a reply.
        alone: Contents that were requested alone.
        large: Contents that were requested of a large process.
        put_off: Contents for which a process asked to have them scanned by one of
            another kind.
        slowed: Uploads whose scan was slow.
        put_back: Uploads whose slow scan was broken off because others wanted its
            place; it begins again in the slow lane.
        shed: Uploads that were turned away because the queue was full.
        withdrawn: Uploads whose clients had gone before their turn came.
        unserved: Uploads that got no process, or no other one after a loss; includes
            ``shed`` and ``withdrawn``.
        started: How often processes could be made, at the start or again.
        start_failures: How often processes could not be made.
        forked: Processes that were made.
        retired: Processes that were replaced after ``recycle_after`` contents, for lack
            of memory, or because they were slow.
        timed_out: Processes that were killed because they took too long.
        crashed: Processes that ended during a scan.
        garbled: Processes that were killed because their reply was invalid or too long.
        abandoned: Processes that were killed because nobody waited for them any more.
        starved: Processes that were killed because they got no CPU time: the machine
            was too busy, or somebody stopped them.
        faults: Contents that met a bug in this project.
    """

    uploads: int = 0
    contents: int = 0
    alone: int = 0
    large: int = 0
    put_off: int = 0
    slowed: int = 0
    put_back: int = 0
    shed: int = 0
    withdrawn: int = 0
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
