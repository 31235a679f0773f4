"""What an operator may set about scanners, and what the pool tells of itself."""

import os
from dataclasses import dataclass, field
from typing import Protocol

from uploadfilter.scanners.messages import Budgets
from uploadfilter.scanners.process import WORKER_MODULE


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSettings:
    """How many scanner processes there are, and how long they are used.

    Attributes:
        workers: Processes; one for each CPU, since scanning waits for nothing.
        queue_limit: Uploads that may wait for a process. A photo takes 5 ms, so that
            the last of 256 on two processes waits for less than a second.
        queue_wait_s: Seconds that an upload waits for a process at most; a client has
            given up by then, or will soon.
        drain_s: Seconds that a process gets to finish an upload whose client is gone,
            before it is killed; nearly every scan takes less, and a new process costs
            0.2 CPU seconds.
        recycle_after: Contents after which a process is replaced, which bounds what
            decoders leak; at 5 ms a content, new processes cost 0.4 % then.
        losses_per_upload: Processes that one upload may cost.
        start_timeout_s: Seconds until a new process must be ready.
        budgets: What one content and one upload may cost.
        module: What a scanner process runs; tests run others.
    """

    workers: int = field(default_factory=_usable_cpus)
    queue_limit: int = 256
    queue_wait_s: float = 30.0
    drain_s: float = 1.0
    recycle_after: int = 10_000
    losses_per_upload: int = 4
    start_timeout_s: float = 30.0
    budgets: Budgets = field(default_factory=Budgets)
    module: str = WORKER_MODULE

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would ever be scanned."""
        for name in ("workers", "recycle_after", "losses_per_upload"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("queue_limit", "queue_wait_s", "drain_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.start_timeout_s <= 0:
            raise ValueError("start_timeout_s must be positive")


class EventLog(Protocol):
    """The operational log, as far as the pool needs it."""

    def warning(self, event: str, **fields: object) -> object:
        """Log one event; ``fields`` hold no content and no names."""


class SilentLog:
    """An operational log that keeps nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Drop the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """What a pool has done since it was opened.

    Attributes:
        uploads: Uploads that got a process.
        contents: Contents that got a reply.
        started: Processes that became ready.
        start_failures: Processes that did not.
        retired: Processes that were replaced after ``recycle_after`` contents or for
            want of memory.
        timed_out: Processes that were killed for the time they took.
        crashed: Processes that died in mid-scan.
        garbled: Processes that were killed for what they answered.
        abandoned: Processes that were killed since nobody waited for them any more.
        unserved: Uploads that got no process, or not another one after a loss.
    """

    uploads: int = 0
    contents: int = 0
    started: int = 0
    start_failures: int = 0
    retired: int = 0
    timed_out: int = 0
    crashed: int = 0
    garbled: int = 0
    abandoned: int = 0
    unserved: int = 0
