"""Read the frames of a film as vPDQ writes them (Meta's ``python-threatexchange``).

::

    ["<PDQ>,<quality>,<seconds>", ...]
    {"0": {"hash": "<PDQ>", "quality": 100, "timestamp": 0.0}, ...}

The second form is the older one. Frames by which no film can be known are left out: of
low quality, degenerate, or like an earlier one, so that the share of a film that is
found counts different pictures. Clauses: ``hashsets/FORMAT.md``, 8.7.
"""

from binascii import unhexlify
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.tally import Problem
from uploadfilter.model import QUALITY_FLOOR, SignalType
from uploadfilter.reference.search.films import FILM_WINDOW

LEAST_FRAMES: Final = 2
"""Fewest different frames by which a film is known: one is a picture."""

MOST_FRAMES: Final = 1000
"""Most frames of a film that are looked at, in even steps: a line of our own format
holds them, and each is compared with all earlier ones."""

_ALIKE_BITS: Final = 31
"""Bits of PDQ up to which two frames are one: the threshold of a match."""

_PARTS: Final = 3


def film_of(text: object) -> list[dict[str, Any]] | Problem:
    """Return the frames of a film as signals of a JSON line.

    Returns:
        ``NOT_COMPARED`` if fewer than ``LEAST_FRAMES`` of them differ.
    """
    if not isinstance(text, str):
        return Problem.BAD_FIELD
    try:
        frames = list(_frames(msgspec.json.decode(text)))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return Problem.NOT_JSON
    except (ValueError, TypeError, KeyError):
        return Problem.BAD_FIELD
    step = -(-len(frames) // MOST_FRAMES) or 1
    kept = list(_different(frames[::step]))
    if len(kept) < LEAST_FRAMES:
        return Problem.NOT_COMPARED
    return [
        {
            "type": SignalType.PDQ.value,
            "value": value.hex(),
            "quality": quality,
            "window": f"{FILM_WINDOW}{len(kept)}",
        }
        for value, quality in kept
    ]


def _frames(made: object) -> Iterator[tuple[bytes, int]]:
    if isinstance(made, dict):
        for frame in made.values():
            yield _frame_of(frame["hash"], frame["quality"])
    elif isinstance(made, list):
        for text in made:
            parts = text.split(",") if isinstance(text, str) else []
            if len(parts) != _PARTS:
                raise ValueError("a frame has another number of parts")
            yield _frame_of(parts[0], int(parts[1]))
    else:
        raise TypeError("neither a list nor an object")


def _frame_of(digits: str, quality: int) -> tuple[bytes, int]:
    """Return the signal and the quality of a frame; refuse values out of range."""
    value = unhexlify(digits)
    if len(value) != SignalType.PDQ.width_bytes or not 0 <= quality <= _MOST_QUALITY:
        raise ValueError("a frame has no PDQ")
    return value, quality


def _different(frames: list[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    seen: list[int] = []
    for value, quality in frames:
        number = int.from_bytes(value)
        if (
            quality >= QUALITY_FLOOR
            and problem_of(SignalType.PDQ, value) is None
            and all((number ^ it).bit_count() > _ALIKE_BITS for it in seen)
        ):
            seen.append(number)
            yield value, quality


_MOST_QUALITY: Final = 100
