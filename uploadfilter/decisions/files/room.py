"""Measure the disk space for a log: its reserve, and how long the rest will last.

Below the reserve, no decision is written, and uploads are answered 503. The reserve is
for records that must always be written: outcomes of forwarded uploads, totals, changes,
checkpoints and counts; and for the next start after a crash. When there is space again,
decisions continue by themselves.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from uploadfilter.decisions.files.segments import (
    Segment,
    read_head,
    segments,
    size_of,
)
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.outlook import LogFile, days_left
from uploadfilter.decisions.records.records import moment

RESERVE_BYTES: Final = 16 * 1024 * 1024
"""Default reserve: space for a hundred thousand outcomes, and for a hundred days of
checkpoints and totals. The proxy reports that it is not ready well before that, at
64 MiB."""

RESERVE_SHARE: Final = 0.1
"""Largest share of the file system, so that a small one is not only reserve."""

PLENTY_BYTES: Final = 1024 * 1024 * 1024
LOOK_S: Final = 0.1
"""With this much space beyond the reserve, a look is good for this long: 10 GB/s would
be needed to fill it meanwhile. Each look gives the interpreter lock away, for which the
writer then waits."""

_DAY_S: Final = 86_400
_LEAST_OF_A_DAY_S: Final = 3_600
"""The daily rate is computed as if at least an hour of the day had passed. Otherwise
one upload just after midnight would look like a flood."""


class Disk(NamedTuple):
    """The file system of a log.

    Attributes:
        free_bytes: Bytes that this user may still write.
        reserve_bytes: Part of them that is kept as a reserve.
    """

    free_bytes: int
    reserve_bytes: int

    @property
    def is_short(self) -> bool:
        """Whether only the necessary records may be written."""
        return self.free_bytes < self.reserve_bytes

    @property
    def has_plenty(self) -> bool:
        """Whether nothing can fill it up to the reserve within ``LOOK_S``."""
        return self.free_bytes - self.reserve_bytes >= PLENTY_BYTES


def disk_of(directory: Path, *, reserve_bytes: int) -> Disk:
    """Return the free space for a log.

    Args:
        directory: The log's directory.
        reserve_bytes: The reserve; it is smaller on a small file system.

    Raises:
        OSError: The file system cannot be queried.
    """
    found = os.statvfs(directory)
    whole = found.f_blocks * found.f_frsize
    return Disk(
        free_bytes=found.f_bavail * found.f_frsize,
        reserve_bytes=min(reserve_bytes, int(whole * RESERVE_SHARE)),
    )


class DiskWatch:
    """The disk of a log before each write; with much space it is looked at seldom."""

    def __init__(
        self,
        directory: Path,
        *,
        reserve_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._reserve_bytes = reserve_bytes
        self._clock = clock
        self._seen: Disk | None = None
        self._seen_at_s = 0.0

    def look(self) -> Disk:
        """Return the free space, as it was at most ``LOOK_S`` ago if that was much.

        Raises:
            OSError: The file system cannot be queried.
        """
        now_s, seen = self._clock(), self._seen
        if seen is not None and seen.has_plenty and now_s - self._seen_at_s < LOOK_S:
            return seen
        self._seen_at_s = now_s
        self._seen = disk_of(self._directory, reserve_bytes=self._reserve_bytes)
        return self._seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The space of a log.

    Attributes:
        log_bytes: Size of its files, including torn ends and other files beside it.
        free_bytes: Free space on its disk.
        reserve_bytes: Part of the free space that is kept as a reserve.
        bytes_a_day: Growth at today's rate, or at yesterday's if that is higher. Of
            files that will be compressed, the compressed size counts, as far as other
            files show it.
        days_left: Days that the space lasts at that rate; ``MOST_DAYS`` stands for
            more.
    """

    log_bytes: int
    free_bytes: int
    reserve_bytes: int
    bytes_a_day: int
    days_left: float


class Surveyor:
    """Measures the space of a log repeatedly."""

    def __init__(
        self,
        directory: Path,
        *,
        retention: Retention,
        reserve_bytes: int,
    ) -> None:
        self._directory = directory
        self._retention = retention
        self._reserve_bytes = reserve_bytes
        self._plain: dict[Segment, int] = {}
        self._heads: dict[Segment, tuple[int, bool]] = {}

    def look(self, now: float) -> Room:
        """Measure once; for a known file, only its size is read.

        Raises:
            LogError: The log cannot be read.
            OSError: Its disk cannot be queried.
        """
        disk = disk_of(self._directory, reserve_bytes=self._reserve_bytes)
        sizes = _sizes(self._directory)
        found = [it for it in segments(self._directory) if _on_disk(it, sizes)]
        expected = self._expected(found, sizes)
        to_come = sum(_on_disk(it, sizes) - expected[it] for it in found)
        kept, share = self._kept(found, expected)
        rate = _bytes_a_day(expected, now=now)
        return Room(
            log_bytes=sum(sizes.values()),
            free_bytes=disk.free_bytes,
            reserve_bytes=disk.reserve_bytes,
            bytes_a_day=round(rate),
            days_left=days_left(
                kept,
                today=moment(now).date(),
                free_bytes=disk.free_bytes - disk.reserve_bytes + to_come,
                bytes_a_day=rate,
                share_with_match=share,
                retention=self._retention,
            ),
        )

    def _expected(
        self, found: list[Segment], sizes: dict[str, int]
    ) -> dict[Segment, int]:
        """Return the bytes of each segment when all are compressed that will be."""
        packed = {
            it: sizes[it.compressed_name] for it in found if it.compressed_name in sizes
        }
        self._plain = {
            it: self._plain.get(it) or size_of(self._directory, it).plain
            for it in packed
        }
        shrinks = packed
        share = sum(packed.values()) / max(sum(self._plain.values()), 1)
        share = min(share, 1.0) if shrinks else 1.0
        return {
            it: packed[it] if it in packed else round(share * sizes[it.name])
            for it in found
        }

    def _kept(
        self, found: list[Segment], expected: dict[Segment, int]
    ) -> tuple[list[LogFile], float]:
        """Return the last day of each file, and the share of files with a match."""
        self._heads = {it: self._heads.get(it) or self._head(it) for it in found}
        of_uploads = with_match = 0
        kept = []
        for segment, successor in pairwise((*found, None)):
            if segment is None or self._heads[segment][1]:
                continue
            # Unknown yet for the newest; the share of the others stands for it.
            matches = self._heads[segment][0]
            has_match = successor is not None and self._heads[successor][0] > matches
            days = (
                self._retention.days_with_match
                if has_match
                else self._retention.days_without_match
            )
            size = expected[segment]
            kept.append(LogFile(size, segment.day + timedelta(days=days)))
            of_uploads += size
            with_match += size * has_match
        return kept, with_match / of_uploads if of_uploads else 0.0

    def _head(self, segment: Segment) -> tuple[int, bool]:
        head = read_head(self._directory, segment)
        return head.matches, head.is_lasting


def _sizes(directory: Path) -> dict[str, int]:
    sizes = {}
    with os.scandir(directory) as entries:
        for it in entries:
            # Files that are compressed or deleted meanwhile have no size any more.
            with suppress(FileNotFoundError):
                if it.is_file():
                    sizes[it.name] = it.stat().st_size
    return sizes


def _on_disk(segment: Segment, sizes: dict[str, int]) -> int:
    """Return the bytes of a segment's files; 0 if it was just deleted."""
    return sum(sizes.get(name, 0) for name in segment.names)


def _bytes_a_day(sizes: dict[Segment, int], *, now: float) -> float:
    """Return the bytes written in a day, from today's and yesterday's files."""
    today = moment(now).date()
    before = today - timedelta(days=1)
    of_today = sum(size for it, size in sizes.items() if it.day == today)
    of_yesterday = sum(size for it, size in sizes.items() if it.day == before)
    elapsed_s = max(now % _DAY_S, _LEAST_OF_A_DAY_S)
    return max(of_yesterday, of_today / elapsed_s * _DAY_S)
