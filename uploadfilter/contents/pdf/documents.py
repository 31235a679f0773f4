"""Read PDF documents: what their pages show, their pictures, and attached files.

Rules this module keeps: what a reader shows is looked at, with the reader that Chromium
has; each picture also as it is stored, so that its own digests are known; what is not
reached is a shortfall.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import pypdfium2.raw as pdfium

from uploadfilter.contents.kinds import proposals
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Chunks, Member, Shortfall, UnpackMeter
from uploadfilter.contents.pdf import library, objects, pages
from uploadfilter.contents.pdf.library import Handle, Pixels
from uploadfilter.contents.pdf.objects import Image
from uploadfilter.contents.source import (
    MemorySource,
    PartSource,
    Source,
    stretches,
)
from uploadfilter.contents.unpackers import DAMAGED, STEP_BYTES
from uploadfilter.model import Reason

_MOST_HELD_BYTES: Final = 128 * 1024 * 1024
"""Longest document that is held in memory; a longer one is read piece by piece."""

_MOST_PAGES: Final = 1000
_BYTES_PER_PAGE: Final = 512
"""Bytes of a document for each page that is looked at, besides a fixed number. A page
of text takes a millisecond and has some KiB."""

_MOST_DRAWINGS: Final = 200
_BYTES_PER_DRAWING: Final = 1024
"""The same for pages that are drawn, which takes 5 ms or more."""

_MOST_OBJECTS: Final = 100_000
_BYTES_PER_OBJECT: Final = 8
"""The same for objects on all pages. Each takes three microseconds, and a few packed
bytes where a map is drawn."""

_MOST_ENLARGED: Final = 64
_BYTES_PER_ENLARGED: Final = 2048
"""The same for little pictures that are drawn once more."""

_MOST_PIXELS: Final = 64_000_000
"""Most pixels of a picture that is drawn: PDFium holds four bytes for each."""

_MOST_PIXELS_ALONE: Final = 16_000_000
"""Most pixels of a picture that is also looked at by itself: a page at 400 dots."""

_FILES: Final = frozenset({b"DCTDecode", b"DCT", b"JPXDecode"})
"""Filters whose data are files of their own."""


class PDFContainer:
    """A PDF document."""

    kinds = frozenset({Kind.PDF})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield attached files, and page by page its pictures and what it shows."""
        with _open_anywhere(source) as document:
            if isinstance(document, Reason):
                yield Shortfall(reason=document)
                return
            with library.form_of(document) as form:
                yield from _Document(document, form, source, meter).items()


@contextmanager
def _open_anywhere(source: Source) -> Iterator[Handle | Reason]:
    with library.open_document(source, most_held=_MOST_HELD_BYTES) as document:
        if document is not Reason.UNDECODABLE:
            yield document
            return
    with library.open_document(
        _give_first_line(source), most_held=_MOST_HELD_BYTES
    ) as document:
        yield document


def _give_first_line(source: Source) -> Source:
    """Return a document from its first line on, or with one if it has none.

    PDFium wants it within the first 1,024 bytes; other readers do without.
    """
    at = _find(source, _MAGIC)
    if at > 0:
        return PartSource(source, at, source.size - at)
    return MemorySource(_FIRST_LINE + source.read(0, _MOST_HELD_BYTES))


def is_somewhere_in(source: Source) -> bool:
    """Return whether a content with another kind may be a document to some reader.

    It has the first line or the last one of a document anywhere, and an object.
    """
    if source.size > _MOST_HELD_BYTES or _find(source, _MAGIC, _END) < 0:
        return False
    return proposals.has_object(source)


def _find(source: Source, *words: bytes) -> int:
    """Return the offset of a word, -1 if there is none; the words have one length."""
    for at, _, piece in stretches(source, overlap=len(words[0]) - 1):
        for word in words:
            found = piece.find(word)
            if found >= 0:
                return at + found
    return -1


_MAGIC: Final = b"%PDF-"
_END: Final = b"%%EOF"
_FIRST_LINE: Final = b"%PDF-1.7\n"


class _Document:
    def __init__(
        self, document: Handle, form: Handle, source: Source, meter: UnpackMeter
    ) -> None:
        size = source.size
        self._document = document
        self._form = form
        self._source = source
        self._meter = meter
        self._objects_left = _MOST_OBJECTS + size // _BYTES_PER_OBJECT
        self._most_pages = _MOST_PAGES + size // _BYTES_PER_PAGE
        self._seen = pages.ShownDocument(
            drawings_left=_MOST_DRAWINGS + size // _BYTES_PER_DRAWING,
            enlarged_left=_MOST_ENLARGED + size // _BYTES_PER_ENLARGED,
        )

    def items(self) -> Iterator[Member | Shortfall]:
        """Yield the members of the document, as long as the meter allows."""
        for item in self._all():
            yield item
            if self._meter.spent is not None:
                yield Shortfall(reason=self._meter.spent)
                return

    def _all(self) -> Iterator[Member | Shortfall]:
        yield from self._files(library.attached_files(self._document))
        yield from self._files(library.form_packets(self._document))
        for number in range(pdfium.FPDF_GetPageCount(self._document)):
            if number == self._most_pages or self._objects_left <= 0:
                yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
                return
            with library.page_of(self._document, number) as handle:
                if handle:
                    yield from self._page(
                        pages.OpenPage(handle, self._form), number + 1
                    )
                else:
                    yield DAMAGED
        if self._seen.is_short:
            yield Shortfall(reason=Reason.SEARCH_UNFINISHED)

    def _files(self, files: library.Files) -> Iterator[Member]:
        for name, read in files:
            yield Member(name=name, content=self._count_bytes(read))

    def _count_bytes(self, read: Callable[[], bytes]) -> Chunks:
        data = read()
        for start in range(0, len(data), STEP_BYTES):
            chunk = data[start : start + STEP_BYTES]
            reason = self._meter.excess(
                len(chunk), unpacked=start + len(chunk), packed=self._source.size
            )
            yield chunk
            if reason is not None:
                yield Shortfall(reason=reason)
                return

    def _page(self, page: pages.OpenPage, number: int) -> Iterator[Member | Shortfall]:
        survey = objects.survey_page(
            page.handle, side=page.side, most=self._objects_left
        )
        self._objects_left -= survey.count
        if not survey.is_whole:
            yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
        for at, image in enumerate(survey.images, start=1):
            yield from self._image(image, f"image:{number}.{at}")
            if not image.is_speck and _is_in_inks(image.handle, page.handle):
                yield Shortfall(reason=Reason.NOT_INSPECTED)
        thumbnail = pdfium.FPDFPage_GetThumbnailAsBitmap(page.handle)
        yield from self._picture(f"thumbnail:{number}", library.take_pixels(thumbnail))
        boxes = list[library.Box]()
        for box, file in pages.annotations_on(page.handle):
            if file:
                yield from self._files(library.attached_file(file))
            if box:
                boxes.append(box)
        items = pages.show_page(
            page, survey.images, boxes, self._seen, is_drawing=survey.is_drawing
        )
        for item in items:
            if isinstance(item, Shortfall):
                yield item
            else:
                yield Member(
                    name=f"{item[0]}:{number}", content=_bitmap(item[1]), is_drawn=True
                )

    def _image(self, image: Image, name: str) -> Iterator[Member | Shortfall]:
        pixels = image.width * image.height
        if not pixels:  # PDFium does not understand it, and other readers may
            yield Shortfall(reason=Reason.UNDECODABLE)
        if pixels > _MOST_PIXELS:
            # Readers show it, but drawing the page must not need its memory.
            pdfium.FPDFPageObj_SetIsActive(image.handle, False)
            yield Shortfall(reason=Reason.TOO_MANY_PIXELS)
        if _last_filter(image.handle) in _FILES:
            data = library.copy_out(
                partial(pdfium.FPDFImageObj_GetImageDataDecoded, image.handle)
            )
            if not data:
                yield Shortfall(reason=Reason.UNDECODABLE)
            elif self._seen.is_new(data):
                yield Member(name=name, content=self._count_bytes(lambda: data))
        elif not image.is_speck and pixels <= _MOST_PIXELS_ALONE:
            bitmap = pdfium.FPDFImageObj_GetBitmap(image.handle)
            if not bitmap:
                yield Shortfall(reason=Reason.UNDECODABLE)
            yield from self._picture(name, library.take_pixels(bitmap))

    def _picture(self, name: str, pixels: Pixels | None) -> Iterator[Member]:
        if pixels is None or pixels.min() == pixels.max():
            return
        if self._seen.is_new(pixels.data):
            yield Member(name=name, content=_bitmap(pixels), is_drawn=True)


def _bitmap(pixels: Pixels) -> MemorySource:
    return MemorySource(library.bitmap_file(pixels))


def _last_filter(image: Handle) -> bytes:
    count = pdfium.FPDFImageObj_GetImageFilterCount(image)
    if count < 1:
        return b""
    name = partial(pdfium.FPDFImageObj_GetImageFilter, image, count - 1)
    return library.copy_out(name).rstrip(b"\0")


def _is_in_inks(image: Handle, page: Handle) -> bool:
    """Return whether a picture is mixed of several inks.

    PDFium computes functions of several inks by fewer of their samples than other
    readers, which then show another picture. To ask it of a JPEG 2000 would decode it
    once more.
    """
    if _last_filter(image) == b"JPXDecode":
        return False
    said = pdfium.FPDF_IMAGEOBJ_METADATA()
    pdfium.FPDFImageObj_GetImageMetadata(image, page, said)
    return bool(said.colorspace == pdfium.FPDF_COLORSPACE_DEVICEN)


def sample() -> bytes:
    """Return a document that has PDFium read a font and a picture."""
    content = b"0 0 9 9 re f BT /F 9 Tf (a) Tj ET BI /W 1 /H 1 /BPC 8 /CS /G ID a EI"
    parts = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Kids[3 0 R]/Count 1/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Arial>>",
    )
    numbered = (b"%d 0 obj\n%s\nendobj\n" % item for item in enumerate(parts, start=1))
    return _FIRST_LINE + b"".join(numbered) + b"trailer<</Root 1 0 R>>"
