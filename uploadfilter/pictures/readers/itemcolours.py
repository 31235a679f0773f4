"""Read the code points of the colours of AVIF and HEIC from their boxes.

Pillow and libheif convert samples to red, green and blue by these code points, but
ignore the primaries and the curve, which browsers use.

Source:
    ISO/IEC 23008-12, 6.5.5 (``colr``); where it leaves a choice, Chromium 156, as
    measured.
"""

import re
from dataclasses import replace
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.codepoints import PLACES, SRGB, read
from uploadfilter.pictures.colours.gammas import profile_of_points
from uploadfilter.pictures.colours.profiles import needs_conversion
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.reader import Reader

_BOX: Final = re.compile(rb"colrnclx\0(.)\0(.)", re.DOTALL)
_MOST: Final = 4
"""Most different code points of one file that are used. Files have one."""

_AS_SRGB: Final = frozenset({1, 6, 11, 14, 15})
"""Curves of cameras, which Chromium reads as the curve of sRGB in an AVIF."""

_USUAL: Final = 1
"""The code point of sRGB, which replaces unknown primaries and unknown curves."""


def profiles_of(data: bytes) -> tuple[tuple[bytes, ...], bool]:
    """Return profiles for the code points of a file.

    Args:
        data: The file.

    Returns:
        The profiles that change colours, and whether there are more.
    """
    found: dict[bytes, None] = {}
    for box in _BOX.finditer(data):
        primaries, curve = box[1][0], box[2][0]
        primaries = primaries if primaries in PLACES else _USUAL
        is_usual = curve in _AS_SRGB or read(bytes((_USUAL, curve, 0, 1))) is None
        curve = SRGB if is_usual else curve
        profile = profile_of_points(bytes((primaries, curve, 0, 1)))
        if profile is not None and needs_conversion(profile):
            found[profile] = None
    return tuple(found)[:_MOST], len(found) > _MOST


class ColouredReader:
    """A reader of a file with code points.

    Args:
        stored: Shows the frames.
        profiles: Profiles for the code points.
        lack: The reason if something is known to be missing.
    """

    def __init__(
        self, stored: Reader, profiles: tuple[bytes, ...], *, lack: Reason | None
    ) -> None:
        self._stored = stored
        self._profiles = profiles
        self.durations = stored.durations
        self.lack = lack or stored.lack
        self.keys = stored.keys
        self.course = stored.course

    def frame(self, number: int) -> Frame:
        """Decode a frame, and add the profiles of its colours."""
        frame = self._stored.frame(number)
        return replace(frame, other_profiles=self._profiles)


def coloured(stored: Reader, data: bytes) -> Reader:
    """Return a reader that applies the code points of a file, if they matter."""
    profiles, has_more = profiles_of(data)
    if not profiles:
        return stored
    lack = Reason.TOO_MANY_VIEWS if has_more else None
    return ColouredReader(stored, profiles, lack=lack)
