"""Look at the objects on a page: its pictures, and whether it shows more than text.

A page of letters, thin lines and small boxes shows no picture, and is not drawn: a
manual has hundreds of them. Everything else is, since a picture may be a shading, the
pattern in a box, a letter whose shape is a picture, or a thousand little squares.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pypdfium2.raw as pdfium

from uploadfilter.contents.pdf.library import IDENTITY, Box, Handle, Matrix

_MOST_DEPTH: Final = 30
"""Most forms within forms, which no program writes: PDFium shows 40, others more."""

_MANY_SEGMENTS: Final = 4000
"""Segments of paths from which on a page may be a picture of little squares: a thousand
of them."""

_LARGE: Final = 0.03
_LARGE_LETTER: Final = 0.06
"""Least width and height of a box, and of what stands in one line of text, that may
show a picture, as shares of the page's longer side: 32 pixels of 1,000, and letters of
50 points."""

LEAST_SAMPLES: Final = 16
"""Shortest side of a picture, in samples. Smaller ones are lines, spots and letters, of
which a document may have thousands, or pieces of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture on a page, where it is seen, and its width and height in samples."""

    handle: Handle
    place: Box
    width: int
    height: int

    @property
    def is_speck(self) -> bool:
        """Return whether it is too small to show anything by itself."""
        return min(self.width, self.height) < LEAST_SAMPLES


@dataclass(slots=True, kw_only=True)
class PageObjects:
    """What a page holds.

    Attributes:
        count: Number of its objects, as far as they were looked at.
        is_drawing: Whether it shows more than pictures, letters, lines and little
            boxes.
        is_whole: Whether all of its objects were looked at.
    """

    images: list[Image] = field(default_factory=list)
    count: int = 0
    is_drawing: bool = False
    is_whole: bool = True


def survey_page(page: Handle, *, side: float, most: int) -> PageObjects:
    """Look at up to ``most`` objects of a page, also in its forms.

    ``side`` is its longer side, in its own units.
    """
    survey = PageObjects()
    drawings = _Drawings(side)
    get = partial(pdfium.FPDFPage_GetObject, page)
    count = pdfium.FPDFPage_CountObjects(page)
    for item, kind, matrix, depth in _objects(get, count, IDENTITY, 0):
        survey.count += 1
        if survey.count >= most or depth > _MOST_DEPTH:
            survey.is_drawing, survey.is_whole = True, False
            break
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            survey.images.append(_image(item, matrix))
        elif not survey.is_drawing:
            survey.is_drawing = drawings.has(item, kind, matrix)
    return survey


def _image(item: Handle, matrix: Matrix) -> Image:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    pdfium.FPDFImageObj_GetImagePixelSize(item, width, height)
    place = place_of(item, matrix)
    return Image(handle=item, place=place, width=width.value, height=height.value)


def _objects(
    get: Callable[[int], Handle], count: int, matrix: Matrix, depth: int
) -> Iterator[tuple[Handle, int, Matrix, int]]:
    """Yield objects with their kind, matrix and depth; those of a form after it."""
    for number in range(count):
        item = get(number)
        kind = pdfium.FPDFPageObj_GetType(item)
        yield item, kind, matrix, depth
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            yield from _objects(
                partial(pdfium.FPDFFormObj_GetObject, item),
                pdfium.FPDFFormObj_CountObjects(item),
                join_matrices(matrix_of(item), matrix),
                depth + 1,
            )


class _Drawings:
    """Tells which objects of one page, other than images, may show a picture."""

    def __init__(self, side: float) -> None:
        self._large = _LARGE * side
        self._large_letter = _LARGE_LETTER * side
        self._segments = 0
        self._fonts: dict[int, bool] = {}
        self._sides = [ctypes.c_float() for _ in range(4)]

    def has(self, item: Handle, kind: int, matrix: Matrix) -> bool:
        """Return whether an object may show a picture, by itself or with others."""
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            if self._is_large(item, matrix, self._large_letter):
                return True
            font = pdfium.FPDFTextObj_GetFont(item)
            number = ctypes.addressof(font.contents) if font else 0
            if number not in self._fonts:
                self._fonts[number] = _draws_letters(font)
            return self._fonts[number]
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            self._segments += pdfium.FPDFPath_CountSegments(item)
            is_large = self._is_large(item, matrix, self._large)
            is_filled = is_large and _is_filled(item, self._large)
            return is_filled or self._segments > _MANY_SEGMENTS
        return bool(kind != pdfium.FPDF_PAGEOBJ_FORM)

    def _is_large(self, item: Handle, matrix: Matrix, least: float) -> bool:
        if not pdfium.FPDFPageObj_GetBounds(item, *self._sides):
            return False
        left, bottom, right, top = (side.value for side in self._sides)
        if matrix is not IDENTITY:
            left, bottom, right, top = map_box((left, bottom, right, top), matrix)
        return right - left >= least and top - bottom >= least


def _is_filled(path: Handle, wide: float) -> bool:
    fill, line, width = ctypes.c_int(), ctypes.c_int(), ctypes.c_float()
    pdfium.FPDFPath_GetDrawMode(path, fill, line)
    pdfium.FPDFPageObj_GetStrokeWidth(path, width)
    return bool(fill.value) or (bool(line.value) and width.value >= wide)


def _draws_letters(font: Handle) -> bool:
    """Return whether each letter of a font is drawn as a page is (Type 3).

    Only such a font has no program: PDFium takes one of its own for a missing one.
    """
    size = ctypes.c_size_t()
    return not pdfium.FPDFFont_GetFontData(font, None, 0, size) or not size.value


# --- Places --------------------------------------------------------------------------


def matrix_of(item: Handle) -> Matrix:
    """Return the matrix of an object; for an image, that of the unit square."""
    given = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, given):
        return IDENTITY
    return (given.a, given.b, given.c, given.d, given.e, given.f)


def join_matrices(inner: Matrix, outer: Matrix) -> Matrix:
    """Return the matrix that maps by ``inner``, and then by ``outer``."""
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        *(a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s),
        *(e * p + f * r + t, e * q + f * s + u),
    )


def map_box(box: Box, matrix: Matrix) -> Box:
    """Return the box around a box that was mapped."""
    left, bottom, right, top = box
    a, b, c, d, e, f = matrix
    corners = [
        (a * x + c * y + e, b * x + d * y + f) * 2
        for x in (left, right)
        for y in (bottom, top)
    ]
    return around_all(corners)


def is_large(box: Box, least: float) -> bool:
    """Return whether a box is so wide and so high."""
    return min(box[2] - box[0], box[3] - box[1]) >= least


def place_of(image: Handle, matrix: Matrix) -> Box:
    """Return the part of a page in which an image is seen: its box, cut by its clip."""
    box = map_box((0.0, 0.0, 1.0, 1.0), join_matrices(matrix_of(image), matrix))
    for clip in _clips_of(image):
        box = intersect(box, map_box(clip, matrix))
    return box


def _clips_of(image: Handle) -> Iterator[Box]:
    """Yield the box around each path that cuts an object, in the object's space."""
    clip = pdfium.FPDFPageObj_GetClipPath(image)
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(min(_MOST_CLIPS, pdfium.FPDFClipPath_CountPaths(clip))):
        points = list[Box]()
        count = pdfium.FPDFClipPath_CountPathSegments(clip, number)
        for at in range(count if count <= _MOST_POINTS else 0):
            segment = pdfium.FPDFClipPath_GetPathSegment(clip, number, at)
            if pdfium.FPDFPathSegment_GetPoint(segment, x, y):
                points.append((x.value, y.value) * 2)
        if points:
            yield around_all(points)


_MOST_CLIPS: Final = 20
_MOST_POINTS: Final = 1000


def intersect(box: Box, other: Box) -> Box:
    """Return the part that two boxes have in common; without width if there is none."""
    left, low = max(box[0], other[0]), max(box[1], other[1])
    return left, low, max(left, min(box[2], other[2])), max(low, min(box[3], other[3]))


def groups_of(boxes: list[Box], *, gap: float) -> list[Box]:
    """Return boxes around boxes that touch: a picture may be cut into pieces.

    They are at most some hundreds; ``gap`` is the distance up to which two touch.
    """
    groups = list[Box]()
    for box in sorted(boxes):
        apart = list[Box]()
        around = box
        for group in groups:
            if _touch(group, around, gap):
                around = around_all((group, around))
            else:
                apart.append(group)
        groups = [*apart, around]
    return groups if len(groups) == len(boxes) else groups_of(groups, gap=gap)


def _touch(box: Box, other: Box, gap: float) -> bool:
    return all(
        max(box[at], other[at]) - min(box[at + 2], other[at + 2]) <= gap
        for at in (0, 1)
    )


def around_all(boxes: Sequence[Box]) -> Box:
    """Return the box around one or more boxes."""
    lefts, lows, rights, highs = zip(*boxes, strict=True)
    return min(lefts), min(lows), max(rights), max(highs)
