"""Show one page of a document: as a whole, and the place of each of its pictures.

What a reader sees at the place of a picture is what counts: turned, sheared, cut,
masked, or in other colours than it is stored. Pictures that touch are shown together,
too, since one may be cut into pieces.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from ctypes import c_int
from dataclasses import dataclass, field
from operator import mul
from typing import Final

import numpy as np
import pypdfium2.raw as pdfium

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf import library, objects
from uploadfilter.contents.pdf.library import Box, Handle, Pixels
from uploadfilter.contents.pdf.objects import Image
from uploadfilter.model import Reason

_SIDE: Final = 1000
"""Pixels of the longer side of a page as it is drawn."""

_SHORT_SIDE: Final = 256
_MOST_SIDE: Final = 4000
"""Pixels of the shorter side, as far as the longer one does not become longer: some
pages are a hundred times as long as wide."""

LEAST_SIDE: Final = 32
"""Pixels of the shorter side of a place that is shown, as of any picture inside other
content."""

_SMALL: Final = 128
_ENLARGED: Final = 256
"""Pixels of the longer side of a place below which it is drawn once more, and those
which it then has: readers enlarge little pictures."""

_MOST_ENLARGED: Final = 1 << 20
"""Most pixels of the longer side of an enlarged page: beyond it PDFium counts wrong."""

_FINE: Final = 64
"""Parts of a pixel in which places are told: PDFium rounds them."""

_FAR: Final = 1e5
"""Greatest distance that is told apart on a page, in its units."""

_MOST_PLACES: Final = 100
"""Most pictures on one page whose places are shown one by one."""

_GAP: Final = 3.0
"""Pixels between two pieces of one picture, which rounding may leave."""

_SCATTERED: Final = 100
"""Pictures from which on a page is drawn although all of them are little."""


@dataclass(slots=True, kw_only=True)
class ShownDocument:
    """What was shown of a document, and how much more may be.

    Attributes:
        is_short: Whether a place was left out.
    """

    drawings_left: int
    enlarged_left: int
    is_short: bool = False
    _digests: set[bytes] = field(default_factory=set)

    def is_new(self, data: bytes | memoryview) -> bool:
        """Return whether something was not shown yet, and note it."""
        count = len(self._digests)
        self._digests.add(_digest(data))
        return len(self._digests) > count


class OpenPage:
    """An open page, its longer side in its own units, and its size in pixels."""

    def __init__(self, handle: Handle, form: Handle) -> None:
        self.handle = handle
        self._form = form
        sizes = (pdfium.FPDF_GetPageWidthF(handle), pdfium.FPDF_GetPageHeightF(handle))
        width, height = (min(_FAR, max(1 / _FAR, side)) for side in sizes)
        self.side = max(width, height)
        least = min(_SHORT_SIDE / min(width, height), _MOST_SIDE / self.side)
        scale = max(_SIDE / self.side, least)
        self.size = max(1, round(width * scale)), max(1, round(height * scale))

    def box(self, box: Box) -> Box:
        """Return a box on it in pixels, cut at its edges."""
        x, y = c_int(), c_int()
        fine = self.size[0] * _FINE, self.size[1] * _FINE
        corners = list[Box]()
        for at in (0, 2):
            # What is not a number becomes one, too.
            given = [min(_FAR, max(-_FAR, side)) for side in box[at : at + 2]]
            pdfium.FPDF_PageToDevice(self.handle, 0, 0, *fine, 0, *given, x, y)
            corners.append((x.value / _FINE, y.value / _FINE) * 2)
        return objects.intersect(objects.around_all(corners), (0.0, 0.0, *self.size))

    def draw(self, part: Box | None = None, factor: float = 1.0) -> Pixels | None:
        """Draw it, or a part of it, larger by a factor; see ``library.draw_page``."""
        size = round(self.size[0] * factor), round(self.size[1] * factor)
        if part is not None:
            ratios = (size[0] / self.size[0], size[1] / self.size[1]) * 2
            left, top, right, bottom = map(round, map(mul, part, ratios))
            part = (left, top, max(right, left + 1), max(bottom, top + 1))
        return library.draw_page(self.handle, self._form, size=size, part=part)


def annotations_on(page: Handle) -> Iterator[tuple[Box | None, Handle]]:
    """Yield the box of each annotation that is drawn, and its attached file or null."""
    for number in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        try:
            box = _box_of(annotation)
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            is_file = kind == pdfium.FPDF_ANNOT_FILEATTACHMENT
            file = is_file and pdfium.FPDFAnnot_GetFileAttachment(annotation)
            if box or file:
                yield box, file
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _box_of(annotation: Handle) -> Box | None:
    rectangle = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_HasKey(annotation, b"AP"):
        return None
    if not pdfium.FPDFAnnot_GetRect(annotation, rectangle):
        return None
    return rectangle.left, rectangle.bottom, rectangle.right, rectangle.top


def show_page(
    page: OpenPage,
    images: Sequence[Image],
    annotations: Sequence[Box],
    seen: ShownDocument,
    *,
    is_drawing: bool,
) -> Iterator[tuple[str, Pixels] | Shortfall]:
    """Draw a page, if it shows more than text; yield ``page`` or ``place``, and pixels.

    ``annotations`` are boxes of what is drawn over it; ``is_drawing`` says that it
    shows more than pictures, letters and lines. A shortfall: there is no room for more.
    """
    boxes = [page.box(box) for box in annotations]
    pieces = [page.box(image.place) for image in images]
    whole = zip(pieces, images, strict=True)
    boxes += [box for box, image in whole if not image.is_speck]
    places = _places(boxes, pieces, seen)
    cut = [box for box in places if _long(box) >= _SMALL]
    if is_drawing or annotations or cut or len(images) >= _SCATTERED:
        yield from _whole(page, cut, seen, is_sure=is_drawing or bool(annotations))
    for box in places:
        if _long(box) < _SMALL:
            yield from _enlarge(page, box, seen)


def _long(box: Box) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _places(boxes: list[Box], pieces: list[Box], seen: ShownDocument) -> list[Box]:
    shown_pieces = [box for box in pieces if objects.is_large(box, 1 / _FINE)]
    if max(len(boxes), len(shown_pieces)) > _MOST_PLACES:
        seen.is_short |= len(boxes) > _MOST_PLACES
        boxes = boxes[:_MOST_PLACES]
        groups = [objects.around_all(shown_pieces)] if shown_pieces else []
    else:
        groups = objects.groups_of(shown_pieces, gap=_GAP)
    return [
        box
        for box in dict.fromkeys((*boxes, *groups))
        if objects.is_large(box, LEAST_SIDE * _long(box) / _ENLARGED) and _long(box) > 0
    ]


def _whole(
    page: OpenPage, places: list[Box], seen: ShownDocument, *, is_sure: bool
) -> Iterator[tuple[str, Pixels] | Shortfall]:
    """Draw a page, and cut places out; leave it out if its pictures were seen so."""
    if not seen.drawings_left:
        yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
        return
    seen.drawings_left -= 1
    pixels = page.draw()
    if pixels is None:
        yield Shortfall(reason=Reason.OUT_OF_MEMORY)
        return
    digests = [_digest(_cut(pixels, box).data) for box in places]
    arrangement = repr(places).encode() + b"".join(digests)
    is_new = is_sure or not places or seen.is_new(arrangement)
    if is_new and pixels.min() < pixels.max():
        yield "page", pixels
    for box in places:
        crop = _cut(pixels, box)
        if crop.shape != pixels.shape and _is_picture(crop, seen):
            yield "place", crop


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _cut(pixels: Pixels, box: Box) -> Pixels:
    left, top = (math.floor(side + 0.5) for side in box[:2])
    right, bottom = (math.ceil(side - 0.5) for side in box[2:])
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _is_picture(crop: Pixels, seen: ShownDocument) -> bool:
    if min(crop.shape[:2]) < LEAST_SIDE:
        return False
    return crop.min() < crop.max() and seen.is_new(crop.data)


def _enlarge(
    page: OpenPage, box: Box, seen: ShownDocument
) -> Iterator[tuple[str, Pixels]]:
    if not seen.enlarged_left:
        seen.is_short = True
        return
    seen.enlarged_left -= 1
    crop = page.draw(box, min(_ENLARGED / _long(box), _MOST_ENLARGED / max(page.size)))
    if crop is None:
        seen.is_short = True
    elif _is_picture(crop, seen):
        yield "place", crop
