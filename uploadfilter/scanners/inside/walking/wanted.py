"""What a walk looks for, and within which limits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from uploadfilter.contents.members import UnpackLimits, UnpackMeter
from uploadfilter.model import SignalType
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.scanners.inside.walking.accounts import Accounts
from uploadfilter.scanners.wire.budgets import Budgets


class NeedsAlone(Exception):  # noqa: N818  # not an error: it becomes a reply
    """The content needs a decoder that this process must not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkSettings:
    """What a walk looks for, and how far it goes.

    Attributes:
        types: Perceptual signal types to compute.
        budgets: What it may cost.
        also: Picture formats that the operator switched on.
        alone: Whether every decoder may run; see ``ScanRequest``.
        clock: Tells the CPU seconds that this process used.
        deadline_s: When no further step is begun, on that clock; ``None`` is never.
    """

    types: frozenset[SignalType]
    budgets: Budgets
    also: frozenset[str]
    alone: bool
    clock: Callable[[], float]
    deadline_s: float | None = None


@lru_cache(maxsize=4)
def limits_of(budgets: Budgets) -> DecodeLimits:
    """Return what one picture may cost."""
    return DecodeLimits(
        max_pixels=budgets.max_pixels,
        max_decoded_bytes=budgets.max_decoded_bytes,
        max_frames=budgets.max_frames,
        max_total_pixels=budgets.max_total_pixels,
        max_jpeg_scans=budgets.max_jpeg_scans,
    )


@lru_cache(maxsize=4)
def carving_limits_of(budgets: Budgets) -> DecodeLimits:
    """Return the same for a picture that is found somewhere in a content."""
    return replace(limits_of(budgets), least_side=_LEAST_CARVED_SIDE)


_LEAST_CARVED_SIDE: Final = 32
"""Pixels of the shorter side of a picture that is carved. Programs have thousands of
icons in them, and of smaller pictures nobody can tell what they show."""


def meter_of(budgets: Budgets, content_bytes: int) -> UnpackMeter:
    """Return what counts the unpacked bytes of one content."""
    limits = UnpackLimits(
        max_ratio=budgets.max_ratio, max_output_bytes=budgets.max_output_bytes
    )
    return UnpackMeter(limits, content_bytes=content_bytes)


def accounts_of(settings: WalkSettings, content_bytes: int) -> Accounts:
    """Return the accounts of a walk through a content of so many bytes."""
    return Accounts(
        settings.clock,
        deadline_s=settings.deadline_s,
        contents=settings.budgets.contents_for(content_bytes),
        signals=settings.budgets.signals_for(content_bytes),
        content_bytes=content_bytes,
    )
