"""Make the views of a file: every way to show each frame, with its signals.

Equal views are merged: a plane that was seen before is not processed again, and a view
with the signals of an earlier one is dropped, unless it may match when the earlier one
does not. So an ordinary photograph has one view and costs one decode.

The name of a view has up to three parts: ``frame:3``, for all frames except the first;
the name of the showing (``showing.py``), unless that is ``stored``; and ``trim:1``, for
a view without borders (``trimming.py``). A name without any part is ``stored``.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from uploadfilter.model import QUALITY_FLOOR, Reason, SignalRow, SignalType, View
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.picture import Blend, Picture, Shrunk, ShrunkPicture
from uploadfilter.pictures.showing import ALPHA, RAW, STORED, Shown
from uploadfilter.signals import operators, pdq
from uploadfilter.signals.chroma import CHROMA, is_flat, show_chroma
from uploadfilter.signals.clipping import (
    CLIPPED,
    has_little_contrast,
    load_colours,
    show_clipped,
)
from uploadfilter.signals.pages import show_on_pages
from uploadfilter.signals.registry import PERCEPTUAL_TYPES, PerceptualType
from uploadfilter.signals.trimming import trim
from uploadfilter.signals.windows import ATOM, atom_of, windows_of

ALWAYS: Final = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Signal types that are computed for every view: they cost little, and ``scan`` prints
them."""


def views_of(
    file: BinaryIO,
    *,
    formats: Sequence[Format],
    limits: DecodeLimits,
    most_views: int,
    most_signals: int,
    types: frozenset[SignalType] = ALWAYS,
    windows: bool = False,
) -> Iterator[View | Omission]:
    """Yield the different views of a file, and the reasons why some are missing.

    Formats are tried in their order. Views come frame by frame, the stored one first,
    with the signals that a search needs, and with windows (``windows.py``) if they are
    wanted. If all frames in all ways would be too many views, fewer frames are shown,
    each in all ways.
    """
    gathering = _Gathering(most_views, most_signals, types, windows)
    most_frames = limits.max_frames
    for passes_left in reversed(range(_PASSES)):
        frames = frames_of(
            file, formats=formats, limits=limits, most_frames=most_frames
        )
        for position, item in enumerate(frames):
            if isinstance(item, Omission):
                yield item
                continue
            yield from gathering.views(item)
            if gathering.lack is not None:
                yield gathering.lack
                return
            to_come = min(item.count, most_frames) - position - 1
            fitting = gathering.fitting_frames()
            if passes_left and 0 < fitting < to_come:
                most_frames = fitting
                break
        else:
            return


_PASSES: Final = 3
"""Most passes over the frames. The first frame tells the number of ways to show each;
if all frames in so many ways are too many views, or if there are more ways later, the
file is read again with fewer frames."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to show a frame.

    Attributes:
        kind: Empty, or the words of the name for which matching has special thresholds:
            ``alpha``, ``raw``, ``trim``.
        is_stored: Whether it is the frame as stored.
    """

    name: str
    kind: str
    picture: Picture | Blend
    is_stored: bool = False


class _Seen:
    """Remembers the planes and views so far, so that none is searched for twice.

    A view that people see may match at more bits than one that they do not see
    (``raw``, ``trim:1``, ...). So it is only dropped for an equal view that people see.
    """

    def __init__(self) -> None:
        self.is_flat = False
        self.has_little_contrast = False
        self._first: _Way | None = None
        self._last = b""
        self._planes: dict[bytes, set[str]] = {}
        self._flat: dict[bytes, bool] = {}
        self._values: dict[bytes, dict[str, bytes]] = {}

    def is_new_plane(self, way: _Way) -> bool:
        """Return whether a plane is new in such a way, and note it.

        The first plane is digested only when a second one comes: most files have one. A
        page is only shown if its signals differ from those of all earlier ones.
        """
        if isinstance(way.picture, Blend):
            return True
        if self._first is None:
            self._first = way
            return True
        if not self._planes:
            self._planes[_digest(self._first.picture)] = {self._first.kind}
        self._last = _digest(way.picture)
        kinds = self._planes.setdefault(self._last, set())
        if not kinds.isdisjoint({"", way.kind}):
            return False
        kinds.add(way.kind)
        return True

    def note_flatness(self, picture: Picture | Blend) -> None:
        """Note whether the plane of the last call is faint."""
        if self._last not in self._flat:
            self._flat[self._last] = is_flat(picture)
        self.is_flat = self._flat[self._last]

    def is_new_view(self, view: View, kind: str) -> bool:
        """Return whether a view tells anything that no earlier one told, and note it.

        The signals of a picture do not change when its contrast is reduced, but its
        quality does, and a picture of low quality does not match.
        """
        values = b"".join([row.values for row in view.rows])
        planes = self._values.setdefault(values, {})
        before = [planes[like] for like in ("", kind) if like in planes]
        if before:
            quality = pdq.quality(view.plane)
            if any(pdq.quality(plane) >= quality for plane in before):
                return False
        planes[kind] = view.plane
        return True


def _digest(picture: Picture | Blend) -> bytes:
    """Return a digest that cannot be forged, so that no plane passes for another."""
    digest = hashlib.sha256(repr(picture.shape).encode())
    digest.update(np.ascontiguousarray(picture.plane).data)
    return digest.digest()


@dataclass(slots=True)
class _Gathering:
    """The different views of a file, as they are made.

    Attributes:
        lack: The limit that ended it, if one did.
    """

    most_views: int
    most_signals: int
    types: frozenset[SignalType]
    windows: bool = False
    lack: Omission | None = None
    _views: int = 0
    _signals: int = 0
    _frames: set[int] = field(default_factory=set)
    _views_of_a_frame: int = 1
    _signals_of_a_view: int = 1
    _seen: _Seen = field(default_factory=_Seen)

    def views(self, frame: Frame) -> Iterator[View]:
        """Yield the new views of a frame, unless the frame was seen before."""
        if frame.number in self._frames:
            return
        self._frames.add(frame.number)
        ways = 0
        for way in self._show(frame):
            view = view_of(way.picture, name=way.name, types=self.types)
            if way.is_stored:
                self._seen.is_flat = pdq.quality(view.plane) < QUALITY_FLOOR
            if frame.load_colours is not None:
                self._seen.has_little_contrast |= has_little_contrast(view)
            if not self._seen.is_new_view(view, way.kind):
                continue
            if not self._fits(view):
                return
            # The tools that misread a picture read only its first frame.
            ways += way.kind != RAW
            yield view
        self._views_of_a_frame = max(self._views_of_a_frame, ways)

    def _show(self, frame: Frame) -> Iterator[_Way]:
        for way in _ways(frame, self._seen):
            yield way
            if not (self.windows and way.is_stored):
                continue
            prefix = "" if way.name == STORED else f"{way.name}/"
            for name, picture in windows_of(way.picture):
                yield _Way(prefix + atom_of(name), ATOM, picture)

    def fitting_frames(self) -> int:
        """Return how many more frames fit, each with as many views as any so far."""
        views = min(
            self.most_views - self._views,
            (self.most_signals - self._signals) // self._signals_of_a_view,
        )
        return views // self._views_of_a_frame

    def _fits(self, view: View) -> bool:
        self._views += 1
        self._signals += view.signal_count
        self._signals_of_a_view = view.signal_count
        if self._views > self.most_views:
            self.lack = Omission(reason=Reason.TOO_MANY_VIEWS)
        elif self._signals > self.most_signals:
            self.lack = Omission(reason=Reason.TOO_MANY_SIGNALS)
        return self.lack is None


def _ways(frame: Frame, seen: _Seen) -> Iterator[_Way]:
    for shown in _show(frame, seen):
        way = _way(frame.number, shown.name, 0, shown.picture)
        if seen.is_new_plane(way):
            yield way
        elif way.is_stored:
            # The signals of a plane that was seen before are not computed.
            seen.note_flatness(shown.picture)
            continue
        else:
            continue
        if shown.name == RAW:
            continue
        for step, inner in enumerate(trim(shown.picture), start=1):
            way = _way(frame.number, shown.name, step, inner)
            if seen.is_new_plane(way):
                yield way


def _show(frame: Frame, seen: _Seen) -> Iterator[Shown]:
    """Yield the ways to show a frame; ways that need its colours come last."""
    seen.is_flat = seen.has_little_contrast = False
    yield from show_on_pages(frame)
    if not (seen.has_little_contrast or seen.is_flat):
        return
    coloured = load_colours(frame)
    luma = show_clipped(frame, coloured) if seen.has_little_contrast else None
    if luma is not None:
        yield Shown(CLIPPED, luma)
    if coloured is None or not seen.is_flat:
        return
    colours = show_chroma(coloured)
    if colours is not None:
        yield Shown(CHROMA, colours)


def _way(number: int, shown: str, step: int, picture: Picture | Blend) -> _Way:
    parts = [f"frame:{number}"] if number else []
    parts += [shown] if shown != STORED else []
    parts += [f"trim:{step}"] if step else []
    kind = shown if shown in _UNSEEN else ""
    return _Way(
        "/".join(parts) or STORED,
        kind + ("/trim" if step else ""),
        picture,
        is_stored=shown == STORED and not step,
    )


_UNSEEN: Final = frozenset({ALPHA, RAW})
"""Showings that people do not see."""


def view_of(
    picture: Picture | Blend, *, name: str, types: frozenset[SignalType] = ALWAYS
) -> View:
    """Compute the signals of a picture that a search needs.

    The first signal is the upright PDQ in full geometry.
    """
    needed = [item for item in PERCEPTUAL_TYPES if item.type in types | ALWAYS]
    if isinstance(picture, Blend):
        kept = [_blend(item, picture) for item in needed]
    else:
        _compute_missing(picture, needed)
        kept = [picture.known[item.type].shrunk for item in needed]
    rows: list[SignalRow] = []
    plane = b""
    for item, shrunk in zip(needed, kept, strict=True):
        rows.extend(item.rows(shrunk))
        if item.type is SignalType.PDQ:
            plane = shrunk[0].tobytes()
    aspect = picture.shape.width / picture.shape.height
    return View(name=name, rows=tuple(rows), plane=plane, aspect=aspect)


def _compute_missing(picture: Picture, needed: Sequence[PerceptualType]) -> None:
    missing = [item for item in needed if item.type not in picture.known]
    if not missing:
        return
    columns = [item.columns(picture.shape) for item in missing]
    projected = operators.project_columns(
        picture.plane, [axis for axes in columns for axis in axes]
    )
    for item, axes in zip(missing, columns, strict=True):
        own, projected = projected[: len(axes)], projected[len(axes) :]
        shrunk = item.shrink(picture, own)
        picture.known[item.type] = ShrunkPicture(
            shrunk, () if item.is_linear else tuple(own)
        )


def _blend(item: PerceptualType, blend: Blend) -> Shrunk:
    for picture in (blend.one, blend.other):
        _compute_missing(picture, [item])
    one, other = (each.known[item.type] for each in (blend.one, blend.other))
    if item.is_linear:
        return blend.of_floats(one.shrunk, other.shrunk)
    pairs = zip(one.projected, other.projected, strict=True)
    return item.shrink(blend, [blend.of_floats(*pair) for pair in pairs])
