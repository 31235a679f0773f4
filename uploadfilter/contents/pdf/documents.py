"""Read PDF documents: their pictures, and the files that are attached to them.

Rules this module keeps: every stream of the file is looked at, whether a page shows it
or not; damage that qpdf can repair is repaired; a picture is written as a file only
when its chunks are asked for.
"""

import io
import re
import zlib
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Final

import pikepdf

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.layering import layered
from uploadfilter.contents.members import Chunks, Member, Shortfall, UnpackMeter
from uploadfilter.contents.pdf.filters import (
    UNPACKED_BYTES,
    Filter,
    bound_qpdf,
    filters_of,
    unfiltered,
)
from uploadfilter.contents.pdf.images import (
    FILES,
    SMALLEST_SIDE,
    PDFPicture,
    Sight,
    described,
    written,
)
from uploadfilter.contents.pdf.inlineimages import (
    Drawn,
    InlineImage,
    inline_images,
    left_open,
)
from uploadfilter.contents.pdf.jpx import overridden, override_of
from uploadfilter.contents.pdf.painted import (
    Painting,
    alpha_of,
    mask_of,
    painted,
    painting_of,
)
from uploadfilter.contents.pdf.streams import (
    ObjectNumber,
    is_repairable,
    stream_numbers,
)
from uploadfilter.contents.pdf.values import QPDF_ERRORS, text_of, value_of, whole
from uploadfilter.contents.source import MemorySource, Source, opened
from uploadfilter.contents.streams import unpack
from uploadfilter.contents.unpackers import (
    DAMAGED,
    STEP_BYTES,
    TOO_BIG,
    Deflate,
)
from uploadfilter.model import Reason

_MOST_STREAM_BYTES: Final = 128 * 1024 * 1024
"""Longest stream, as packed, that is read; it is held in memory. Longer ones are
videos."""

_MOST_STREAMS: Final = 1000
_BYTES_PER_STREAM: Final = 2048
"""Bytes of a document for each stream that is looked at, besides a fixed number. Each
stream takes up to 80 µs in qpdf. The streams of pages have a KiB or two, those of drawn
letters 200 bytes, but of these there are only some hundreds."""


class PDFContainer:
    """A PDF document."""

    kinds = frozenset({Kind.PDF})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the pictures and attached files, in the order of the streams."""
        bound_qpdf()
        try:
            document = pikepdf.open(
                opened(source),
                suppress_warnings=True,
                attempt_recovery=is_repairable(source),
            )
        except pikepdf.PasswordError:
            yield Shortfall(reason=Reason.ENCRYPTED)
        except QPDF_ERRORS:
            yield Shortfall(reason=Reason.UNDECODABLE)
        else:
            with document:
                yield from _up_to_damage(_Document(document, source, meter).items())


def _up_to_damage(
    items: Iterator[Member | Shortfall],
) -> Iterator[Member | Shortfall]:
    """Yield items until an object cannot be read."""
    try:
        yield from items
    except QPDF_ERRORS:  # an object that cannot be repaired
        yield DAMAGED


def sample() -> bytes:
    """Make a small document with one picture, packed with a filter that is undone here.

    It is encrypted with an empty password, since qpdf looks for random numbers in /dev
    when it first meets the newest kind of encryption.
    """
    with pikepdf.new() as document:
        document.Root.Picture = pikepdf.Stream(
            document,
            zlib.compress(bytes(4 * SMALLEST_SIDE**2)),
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=SMALLEST_SIDE,
            Height=SMALLEST_SIDE,
            ColorSpace=pikepdf.Name.DeviceCMYK,
            BitsPerComponent=8,
            Decode=pikepdf.Array([1, 0] * 4),
            Filter=pikepdf.Name.FlateDecode,
        )
        file = io.BytesIO()
        encryption = pikepdf.Encryption(owner="owner", user="", R=6)
        document.save(file, encryption=encryption)
        return file.getvalue()


class _Document:
    """One pass over the streams of a document."""

    def __init__(
        self, document: pikepdf.Pdf, source: Source, meter: UnpackMeter
    ) -> None:
        self._document = document
        self._source = source
        self._meter = meter
        self._sight = Sight(source.size)
        self._drawn = Drawn(source.size, self._sight)
        self._left_open: set[ObjectNumber] = set()

    def items(self) -> Iterator[Member | Shortfall]:
        """Yield the members of the document, as long as the meter allows."""
        most = _MOST_STREAMS + self._source.size // _BYTES_PER_STREAM
        for number, stream in enumerate(self._streams()):
            if number == most:
                yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
                return
            yield from self._items_of(stream)
            if self._meter.spent is not None:
                return
        if self._left_open:
            yield from self._joined()
        if self._sight.is_short:
            yield Shortfall(reason=Reason.SEARCH_UNFINISHED)

    def _items_of(self, stream: pikepdf.Stream) -> Iterator[Member | Shortfall]:
        """Yield the members in one stream, as long as the meter allows."""
        for item in self._item(stream):
            yield item
            if self._meter.spent is not None:
                yield Shortfall(reason=self._meter.spent)
                return

    def _streams(self) -> Iterator[pikepdf.Stream]:
        """Yield the streams of the document, each once.

        Each stream has its own data in the file. If data begin more often than streams
        were found, the number before some data was wrong (a string or a comment may
        look like one), or the document was changed. Then the other objects are read
        too, since a stream may be among them.
        """
        seen: set[ObjectNumber] = set()
        missing = 0
        for number in stream_numbers(self._source):
            if number is None:
                missing += 1
                break
            found = None if number in seen else self._document.get_object(number)
            seen.add(number)
            if isinstance(found, pikepdf.Stream):
                yield found
            else:
                missing += 1
        if missing:
            yield from self._others(seen)

    def _others(self, seen: set[ObjectNumber]) -> Iterator[pikepdf.Stream]:
        """Yield the streams that were not seen yet, by reading every object."""
        for each in self._document.objects:
            if isinstance(each, pikepdf.Stream) and each.objgen not in seen:
                yield each

    def _item(self, stream: pikepdf.Stream) -> Iterator[Member | Shortfall]:
        """Yield the members in one stream."""
        kind = text_of(value_of(stream, "/Type"))
        if kind in _STRUCTURE:
            return
        is_image = text_of(value_of(stream, "/Subtype")) == "/Image"
        filters = filters_of(stream)
        if is_image and _is_speck(stream, filters):
            return
        picture = described(stream)
        if picture.is_file or is_image:
            if not self._sight.passes_over_picture(picture):
                yield from self._pictures(stream, picture)
            return
        raw = _raw(stream)
        if isinstance(raw, Shortfall):
            yield raw
        elif kind == "/EmbeddedFile" or self._holds_file(filters, raw):
            chunks = self._file(stream, raw)
            yield Member(name=self._name(stream), content=chunks)
        elif _is_content(stream):
            yield from self._inline(stream, raw)

    def _picture(self, stream: pikepdf.Stream, picture: PDFPicture) -> Chunks:
        """Write one picture as a file."""
        raw = _raw(stream)
        if isinstance(raw, Shortfall):
            yield raw
        else:
            yield from self._counted(written(picture, raw), len(raw))

    def _pictures(
        self, stream: pikepdf.Stream, picture: PDFPicture
    ) -> Iterator[Member | Shortfall]:
        """Yield a picture as stored, and as painted if that differs."""
        if picture.is_jpx:
            yield from self._jpx(stream, picture)
            return
        painting = painting_of(stream)
        is_known = picture.is_file or picture.raster is not None
        if is_known or painting is None:
            chunks = self._picture(stream, picture)
            yield Member(name=f"image:{stream.objgen[0]}", content=chunks)
        if isinstance(painting, Shortfall):
            yield painting
        mask = mask_of(stream)
        if mask is not None or isinstance(painting, Painting):
            parts = self._painted(stream, painting, mask)
            yield Member(name=f"painted:{stream.objgen[0]}", content=parts)

    def _jpx(
        self, stream: pikepdf.Stream, picture: PDFPicture
    ) -> Iterator[Member | Shortfall]:
        """Yield a picture in JPEG 2000 as stored, and with the document's colours."""
        chunks = self._picture(stream, picture)
        yield Member(name=f"image:{stream.objgen[0]}", content=chunks)
        raw = _raw(stream)
        if isinstance(raw, Shortfall):
            return
        data = self._unfiltered(raw, picture.filters[:-1])
        override = override_of(stream)
        if isinstance(data, Shortfall):
            yield data
            return
        if isinstance(override, Shortfall):
            yield override
            return
        parts = list(overridden(override, data))
        mask = mask_of(stream)
        if mask is not None:
            shade = _raw(mask)
            if isinstance(shade, Shortfall):
                yield shade
                return
            parts = list(layered(iter(parts or [data]), alpha_of(mask, shade)))
        if parts:
            chunks = self._counted(iter(parts), len(raw))
            yield Member(name=f"painted:{stream.objgen[0]}", content=chunks)

    def _painted(
        self,
        stream: pikepdf.Stream,
        painting: Painting | Shortfall | None,
        mask: pikepdf.Stream | None,
    ) -> Chunks:
        """Write one picture as it is painted, with its mask."""
        raw, shade = _raw(stream), b"" if mask is None else _raw(mask)
        if isinstance(raw, Shortfall):
            yield raw
            return
        if isinstance(shade, Shortfall):
            yield shade
            return
        if isinstance(painting, Painting):
            parts = painted(painting, raw)
        else:
            parts = written(described(stream), raw)
        if mask is not None:
            parts = layered(parts, alpha_of(mask, shade))
        yield from self._counted(parts, len(raw) + len(shade))

    def _file(self, stream: pikepdf.Stream, raw: bytes) -> Chunks:
        """Unpack an attached file."""
        filters = filters_of(stream)
        if [each.name for each in filters] == ["/FlateDecode"]:
            make = partial(Deflate, zlib.MAX_WBITS)
            yield from unpack(MemorySource(raw), make, self._meter)
        else:
            yield from self._counted(iter([unfiltered(raw, filters)]), len(raw))

    def _inline(
        self, stream: pikepdf.Stream, raw: bytes
    ) -> Iterator[Member | Shortfall]:
        """Yield the inline images of a content stream."""
        content = self._unfiltered(raw, filters_of(stream))
        if isinstance(content, Shortfall):
            yield content
            return
        if left_open(content) is not None:
            self._left_open.add(stream.objgen)
        yield from self._drawn_in(content, f"{stream.objgen[0]}.")

    def _drawn_in(self, content: bytes, name: str) -> Iterator[Member | Shortfall]:
        """Yield the inline images in some drawing operators."""
        for number, found in enumerate(inline_images(content, self._drawn), start=1):
            if isinstance(found, Shortfall):
                yield found
            elif not self._sight.passes_over_picture(found.picture):
                yield from self._inline_image(found, f"{name}{number}")

    def _joined(self) -> Iterator[Member | Shortfall]:
        """Yield the pictures that begin in one stream of a page and end in another."""
        left = _MOST_JOINED
        for number, page in enumerate(self._document.pages, start=1):
            content = b""
            for stream in _contents_of(page):
                if not content and stream.objgen not in self._left_open:
                    continue
                is_bounded = left and len(content) <= _MOST_JOINED_BYTES
                more = self._content(stream) if is_bounded else _TOO_MANY
                if isinstance(more, Shortfall):
                    yield more
                    return
                left -= 1
                content += more + b"\n"
                start = left_open(content)
                if start is None:
                    yield from self._drawn_in(content, f"page:{number}.")
                content = b"" if start is None else content[start:]

    def _content(self, stream: pikepdf.Stream) -> bytes | Shortfall:
        """Unpack a content stream."""
        raw = _raw(stream)
        if isinstance(raw, Shortfall):
            return raw
        return self._unfiltered(raw, filters_of(stream))

    def _inline_image(
        self, found: InlineImage, number: str
    ) -> Iterator[Member | Shortfall]:
        """Yield an inline image as stored, and as painted if that differs."""
        packed, painting = len(found.data), found.painting
        if found.picture.raster or found.picture.is_file or painting is None:
            parts = written(found.picture, found.data)
            yield Member(name=f"image:{number}", content=self._counted(parts, packed))
        if isinstance(painting, Shortfall):
            yield painting
        elif painting is not None:
            parts = painted(painting, found.data)
            yield Member(name=f"painted:{number}", content=self._counted(parts, packed))

    def _unfiltered(self, raw: bytes, filters: tuple[Filter, ...]) -> bytes | Shortfall:
        """Unpack a stream to look into it, and count its bytes, twice if need be.

        Each filter except the last may unpack as many bytes, which do not appear in the
        result.
        """
        data = unfiltered(raw, filters)
        if isinstance(data, Shortfall):
            if data == TOO_BIG:
                self._meter.excess(UNPACKED_BYTES, unpacked=0, packed=0)
            return data
        size = len(data) * max(1, len(filters))
        reason = self._meter.excess(size, unpacked=len(data), packed=len(raw))
        return data if reason is None else Shortfall(reason=reason)

    def _holds_file(self, filters: tuple[Filter, ...], raw: bytes) -> bool:
        """Return whether the data of a stream look like a file that holds pictures."""
        if not filters:
            head = raw
        elif [each.name for each in filters] == ["/FlateDecode"]:
            head = _inflated_head(raw)
        else:
            data = self._unfiltered(raw, filters)
            head = b"" if isinstance(data, Shortfall) else data
        kind = magic.sniff(head[: magic.HEAD_BYTES])
        is_file = magic.is_picture(kind) or magic.is_container(kind) or kind in _MARKUP
        return is_file or _THUMBNAILS in head or _FORM.match(head) is not None

    def _counted(self, parts: Iterator[bytes | Shortfall], packed: int) -> Chunks:
        """Cut parts into chunks, and count them."""
        given = 0
        for part in parts:
            if isinstance(part, Shortfall):
                yield part
                return
            for start in range(0, len(part), STEP_BYTES):
                chunk = part[start : start + STEP_BYTES]
                given += len(chunk)
                reason = self._meter.excess(len(chunk), unpacked=given, packed=packed)
                yield chunk
                if reason is not None:
                    yield Shortfall(reason=reason)
                    return

    def _name(self, stream: pikepdf.Stream) -> str:
        """Return the name of an attached file, or one made of its number."""
        return self._names.get(stream.objgen, f"file:{stream.objgen[0]}")

    @cached_property
    def _names(self) -> dict[ObjectNumber, str]:
        """Return the names of attached files, by the number of the stream."""
        names = {}
        for specification in self._document.attachments.values():
            files = value_of(specification.obj, "/EF")
            for key in ("/F", "/UF"):
                file = value_of(files, key)
                if isinstance(file, pikepdf.Stream):
                    names[file.objgen] = specification.filename
        return names


_MOST_JOINED: Final = 50
_MOST_JOINED_BYTES: Final = 1024 * 1024
"""Most bytes of streams that are joined because a picture begins in one and ends in
another, and the longest such picture: joined streams are searched again each time."""

_TOO_MANY: Final = Shortfall(reason=Reason.TOO_MANY_CONTENTS)

_STRUCTURE: Final = frozenset({"/XRef", "/ObjStm"})
"""Types of streams that hold other objects."""

_FONT_KEYS: Final = frozenset(
    {"/Length1", "/N", "/FunctionType", "/ShadingType", "/CMapName"}
)
"""Keys that only fonts, profiles, functions, shadings and character maps have."""

_MARKUP: Final = frozenset({Kind.SVG, Kind.HTML, Kind.XML})
_FORM: Final = re.compile(
    rb"\s*<(?:xdp:|xfa:)?(?:xdp|template|datasets|data|config|form|localeSet|xfdf)[\s>]"
)
"""The first bytes of the parts of a form, each of which is a stream (XFA 3.3)."""
_THUMBNAILS: Final = b"xmpGImg:image"
"""The name of small pictures of pages in the description of a document."""


def _contents_of(page: pikepdf.Page) -> list[pikepdf.Stream]:
    """Return the streams of a page that has several."""
    streams = value_of(page.obj, "/Contents")
    if not isinstance(streams, pikepdf.Array):
        return []
    return [each for each in streams.as_list() if isinstance(each, pikepdf.Stream)]


def _raw(stream: pikepdf.Stream) -> bytes | Shortfall:
    """Return a stream as packed."""
    if whole(value_of(stream, "/Length")) > _MOST_STREAM_BYTES:
        return TOO_BIG
    try:
        return stream.read_raw_bytes()
    except QPDF_ERRORS:  # it is not at its offset, or cannot be decrypted
        return DAMAGED


def _is_speck(stream: pikepdf.Stream, filters: tuple[Filter, ...]) -> bool:
    """Return whether a picture is too small, at a tenth of the cost of a full read."""
    if any(each.name in FILES for each in filters):
        return False
    return 0 < whole(value_of(stream, "/Width")) < SMALLEST_SIDE


def _inflated_head(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, magic.HEAD_BYTES)
    except zlib.error:  # damaged in the first few bytes
        return b""


def _is_content(stream: pikepdf.Stream) -> bool:
    """Return whether a stream may be the content of a page, form or pattern."""
    subtype = text_of(value_of(stream, "/Subtype"))
    if subtype == "/Form" or "/PatternType" in stream:
        return True
    is_named = bool(subtype) or "/Type" in stream
    return not is_named and not any(key in stream for key in _FONT_KEYS)
