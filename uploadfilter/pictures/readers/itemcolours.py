"""Read what changes the colours of the items of AVIF and HEIC: code points and maps.

Pillow and libheif convert samples to red, green and blue by code points, but ignore the
primaries and the curve, which browsers use. A gain map is an item of its own, and is
shown as one; if it changes the picture on an ordinary screen, the file has a lack
(``gainmaps.py``).

Source:
    ISO/IEC 23008-12, 6.5.5 (``colr``) and 6.6.2.4 (``tmap``); ISO/IEC 14496-12, 8.11
    (``iloc``, ``iref``); where they leave a choice, Chromium 156, as measured.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.chunks import profile_of_points
from uploadfilter.pictures.colours.conversions import needs_conversion
from uploadfilter.pictures.colours.gainmaps import has_bright_base
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.headers.items import body_of, items_of, parts_of
from uploadfilter.pictures.reader import Reader

_BOX: Final = re.compile(rb"colrnclx\0(.)\0(.)", re.DOTALL)
_MOST: Final = 4
"""Most different code points, and most maps, of one file that are used. Files have one.
"""

_USUAL: Final = (1, 13)
"""The code points of sRGB, which replace unknown primaries and unknown curves."""

_MAP: Final = b"tmap"


def with_code_points(stored: Reader, data: bytes) -> Reader:
    """Return a reader that applies the code points of a file, if they matter."""
    found: dict[bytes, None] = {}
    for box in _BOX.finditer(data):
        profile = _profile(box[1][0], box[2][0])
        if profile is not None and needs_conversion(profile):
            found[profile] = None
    if not found:
        return stored
    lack = Reason.TOO_MANY_VIEWS if len(found) > _MOST else stored.lack
    profiles = tuple(found)[:_MOST]
    return replace(
        stored,
        frame=lambda at: replace(stored.frame(at), other_profiles=profiles),
        lack=lack,
    )


def _profile(primaries: int, curve: int) -> bytes | None:
    """Return a profile of code points, with those of sRGB where one is unknown."""
    tried = (
        (primaries, curve),
        (primaries, _USUAL[1]),
        (_USUAL[0], curve),
    )
    found = (profile_of_points(bytes((*each, 0, 1))) for each in tried)
    return next((each for each in found if each is not None), None)


def with_gain_maps(stored: Reader, data: bytes) -> Reader:
    """Return a reader with a lack if a gain map changes a picture."""
    if _MAP not in data:
        return stored
    try:
        is_changed = any(_changes(data))
    except BadPictureError:
        is_changed = True
    return replace(stored, lack=Reason.UNDECODABLE) if is_changed else stored


def _changes(data: bytes) -> Iterator[bool]:
    """Yield for each gain map whether it changes its picture on an ordinary screen.

    Raises:
        BadPictureError: The parts of an item cannot be read, or are too many.
    """
    maps = ((meta, item) for meta, item in items_of(data) if item.kind == _MAP)
    for count, (meta, item) in enumerate(maps):
        body = body_of(data, meta, item.number)
        made_of = parts_of(data, meta, item.number)
        if count >= _MOST or len(made_of) != 2 or not body:  # noqa: PLR2004
            raise BadPictureError("not a picture and a map")
        yield body[0] == 0 and has_bright_base(body[1:])
