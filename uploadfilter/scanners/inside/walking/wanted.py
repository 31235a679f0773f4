"""Define the goals of a walk, and its limits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from uploadfilter.contents.members import UnpackLimits, UnpackMeter
from uploadfilter.model import SignalType
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.scanners.inside.walking.accounts import Accounts
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ProcessKind


class NeedsProcess(Exception):  # noqa: N818  # not an error: it becomes a reply
    """The content needs a process of another kind.

    Attributes:
        kind: The kind.
    """

    def __init__(self, kind: ProcessKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkSettings:
    """The aims and the limits of a walk.

    Attributes:
        types: Perceptual signal types to compute.
        budgets: The limits of its cost.
        also: Picture formats that the operator switched on.
        process: The kind of this process; see ``ScanRequest``.
        clock: Tells the CPU seconds that this process used.
        deadline_s: Time on that clock after which no further step is begun; ``None``
            for no limit.
        windows: Whether views of windows are wanted; see ``ScanRequest``.
    """

    types: frozenset[SignalType]
    budgets: Budgets
    also: frozenset[str]
    process: ProcessKind
    clock: Callable[[], float]
    deadline_s: float | None = None
    windows: bool = False

    @property
    def is_common(self) -> bool:
        """Return whether only decoders of the common formats may run."""
        return self.process is ProcessKind.COMMON


@lru_cache(maxsize=4)
def limits_of(budgets: Budgets, process: ProcessKind) -> DecodeLimits:
    """Return the decoding limits of one picture in a process of a kind."""
    return DecodeLimits(
        max_pixels=budgets.max_pixels,
        max_decoded_bytes=budgets.max_decoded_bytes,
        max_large_bytes=budgets.max_large_bytes,
        is_large=process is ProcessKind.LARGE,
        max_frames=budgets.max_frames,
        max_total_pixels=budgets.max_total_pixels,
        max_jpeg_scans=budgets.max_jpeg_scans,
    )


@lru_cache(maxsize=4)
def carving_limits_of(budgets: Budgets, process: ProcessKind) -> DecodeLimits:
    """Return the same for a picture at any offset of a content."""
    return replace(limits_of(budgets, process), least_side=_LEAST_CARVED_SIDE)


@lru_cache(maxsize=4)
def chance_limits_of(budgets: Budgets, process: ProcessKind) -> DecodeLimits:
    """Return the same for a kind that may be one by chance: it is never large."""
    return replace(carving_limits_of(budgets, process), max_large_bytes=0)


_LEAST_CARVED_SIDE: Final = 32
"""Shortest side of a carved picture, in pixels. Programs contain thousands of icons,
and nobody can tell what smaller pictures show."""


def meter_of(budgets: Budgets, content_bytes: int) -> UnpackMeter:
    """Return the meter of the unpacked bytes of one content."""
    limits = UnpackLimits(
        max_ratio=budgets.max_ratio, max_output_bytes=budgets.max_output_bytes
    )
    return UnpackMeter(limits, content_bytes=content_bytes)


def accounts_of(settings: WalkSettings, content_bytes: int) -> Accounts:
    """Return the accounts of a walk through a content, by its length."""
    return Accounts(
        settings.clock,
        deadline_s=settings.deadline_s,
        contents=settings.budgets.contents_for(content_bytes),
        signals=settings.budgets.signals_for(content_bytes),
        content_bytes=content_bytes,
    )
