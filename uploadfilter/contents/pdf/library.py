"""Call PDFium: open documents, read values, draw pages as bitmaps.

PDFium is what Chromium shows documents with. It is written in C++ and gets hostile
bytes, so it runs only in a process that is confined and runs alone. It reads no file:
it has fonts of its own, and letters need not look as their author meant.

Rules this module keeps: every handle of PDFium is closed by the block that opened it;
what PDFium gives is copied before that; nothing here decides what is looked at.
"""

import ctypes
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from uploadfilter.contents.source import Source
from uploadfilter.model import Reason

Handle = Any
"""A pointer of PDFium, which Python can only pass on; false if it is null."""

Pixels = NDArray[np.uint8]
"""Samples of shape (height, width, 1) for grey, or 3 for blue, green and red."""

Matrix = tuple[float, float, float, float, float, float]
"""Maps (x, y) to (a x + c y + e, b x + d y + f)."""

Box = tuple[float, float, float, float]
"""Left, bottom, right and top; or left, top, right and bottom in pixels."""

IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

_WHITE: Final = 0xFFFFFFFF
_LETTERS: Final = ctypes.POINTER(pdfium.FPDF_WCHAR)
_CHANNELS: Final = {
    pdfium.FPDFBitmap_Gray: 1,
    pdfium.FPDFBitmap_BGR: 3,
    pdfium.FPDFBitmap_BGRx: 4,
    pdfium.FPDFBitmap_BGRA: 4,
    pdfium.FPDFBitmap_BGRA_Premul: 4,
}
_LOCKED: Final = frozenset({pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY})


def start() -> None:
    """Set PDFium up for this process, without the fonts of the system."""
    no_fonts = (ctypes.POINTER(ctypes.c_char) * 1)()
    config = pdfium.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=no_fonts)
    pdfium.FPDF_InitLibraryWithConfig(config)  # does nothing the second time


# --- Documents -----------------------------------------------------------------------


@contextmanager
def open_document(source: Source, *, most_held: int) -> Iterator[Handle | Reason]:
    """Open a document for a block; one of at most ``most_held`` bytes from memory.

    Yields:
        The document; ``ENCRYPTED`` if the empty password does not open it, and
        ``UNDECODABLE`` if it is no document to PDFium.
    """
    start()
    if source.size <= most_held:
        kept: object = source.read(0, source.size)
        document = pdfium.FPDF_LoadMemDocument64(kept, source.size, None)
    else:
        kept = _access(source)
        document = pdfium.FPDF_LoadCustomDocument(kept, None)
    if not document:
        is_locked = pdfium.FPDF_GetLastError() in _LOCKED
        yield Reason.ENCRYPTED if is_locked else Reason.UNDECODABLE
        return
    try:
        yield document
    finally:
        pdfium.FPDF_CloseDocument(document)
        del kept  # PDFium read from it until now


def _access(source: Source) -> Any:  # noqa: ANN401 - a structure of PDFium
    def read(_: object, offset: int, target: Any, length: int) -> int:  # noqa: ANN401
        data = source.read(offset, length)
        ctypes.memmove(target, data, len(data))
        return len(data) == length

    access = pdfium.FPDF_FILEACCESS()
    access.m_FileLen = source.size
    access.m_GetBlock = type(access.m_GetBlock)(read)
    return access


@contextmanager
def form_of(document: Handle) -> Iterator[Handle]:
    """Set a document's form up for a block, so that its fields are drawn."""
    info = pdfium.FPDF_FORMFILLINFO(version=2)
    form = pdfium.FPDFDOC_InitFormFillEnvironment(document, info)
    try:
        yield form
    finally:
        if form:
            pdfium.FPDFDOC_ExitFormFillEnvironment(form)


@contextmanager
def page_of(document: Handle, number: int) -> Iterator[Handle]:
    """Load a page for a block; yield a null handle if it cannot be read."""
    page = pdfium.FPDF_LoadPage(document, number)
    try:
        yield page
    finally:
        if page:
            pdfium.FPDF_ClosePage(page)


Files = Iterator[tuple[str, Callable[[], bytes]]]
"""Names of files, each with a function that unpacks it."""


def attached_files(document: Handle) -> Files:
    """Yield the files that a document lists."""
    for number in range(pdfium.FPDFDoc_GetAttachmentCount(document)):
        yield from attached_file(pdfium.FPDFDoc_GetAttachment(document, number))


def attached_file(attachment: Handle) -> Files:
    """Yield a file, unless the handle is null."""
    if attachment:
        letters = copy_out(partial(pdfium.FPDFAttachment_GetName, attachment), _LETTERS)
        name = letters.decode("utf-16-le", "replace").rstrip("\0")
        yield (
            name,
            partial(_read_measured, partial(pdfium.FPDFAttachment_GetFile, attachment)),
        )


def form_packets(document: Handle) -> Files:
    """Yield the parts of a form in XML (XFA), from which some readers draw a page."""
    for number in range(pdfium.FPDF_GetXFAPacketCount(document)):
        read = partial(pdfium.FPDF_GetXFAPacketContent, document, number)
        yield f"form:{number + 1}", partial(_read_measured, read)


def _read_measured(read: Callable[[object, int, object], bool]) -> bytes:
    """Return bytes whose length a function of PDFium tells by its last argument."""

    def copy(target: object, length: int) -> int:
        size = ctypes.c_ulong()
        return size.value if read(target, length, size) else 0

    return copy_out(copy)


def copy_out(
    copy: Callable[[object, int], int],
    letter: Any = ctypes.c_void_p,  # noqa: ANN401
) -> bytes:
    """Return bytes that a function of PDFium copies into a buffer of their length."""
    size = copy(None, 0)
    buffer = ctypes.create_string_buffer(max(1, size))
    given = copy(ctypes.cast(buffer, letter), size) if size else 0
    return buffer.raw[: min(size, given)]


# --- Bitmaps -------------------------------------------------------------------------


def draw_page(
    page: Handle, form: Handle, *, size: tuple[int, int], part: Box | None = None
) -> Pixels | None:
    """Draw a page on white, with its annotations and fields; ``None`` without memory.

    ``size`` is that of the whole page in pixels, ``part`` what is wanted of it.
    """
    left, top, right, bottom = map(int, part or (0, 0, *size))
    width, height = right - left, bottom - top
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, None, 0)
    if bitmap:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        where = (bitmap, page, -left, -top, *size, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDF_RenderPageBitmap(*where)
        if form:
            pdfium.FPDF_FFLDraw(form, *where)
    return take_pixels(bitmap)


def take_pixels(bitmap: Handle) -> Pixels | None:
    """Return the samples of a bitmap without alpha and destroy it; ``None`` if null."""
    if not bitmap:
        return None
    channels = _CHANNELS[pdfium.FPDFBitmap_GetFormat(bitmap)]
    width = pdfium.FPDFBitmap_GetWidth(bitmap)
    shape = pdfium.FPDFBitmap_GetHeight(bitmap), pdfium.FPDFBitmap_GetStride(bitmap)
    start = ctypes.cast(
        pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_uint8)
    )
    samples = np.ctypeslib.as_array(start, shape)[:, : width * channels]
    pixels = samples.reshape(shape[0], width, channels)[:, :, :3].copy()
    pdfium.FPDFBitmap_Destroy(bitmap)
    return pixels


def bitmap_file(pixels: Pixels) -> bytes:
    """Write pixels as a BMP of 24 bits, from the top down."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, -(-3 * width // 4) * 4), np.uint8)
    colours = np.broadcast_to(pixels, (height, width, 3))  # grey is all three
    rows[:, : 3 * width] = colours.reshape(height, 3 * width)
    whole = _BMP.size + rows.size
    head = _BMP.pack(b"BM", whole, _BMP.size, 40, width, -height, 1, 24, rows.size)
    return head + rows.tobytes()


_BMP: Final = struct.Struct("<2sI4xIIiiHH4xI16x")
"""The header of the file, and that of 40 bytes."""
