"""Tricks with the kind of a file: readers take it for different kinds.

Readers accept more than writers write: a GIF whose header is prose, a bitmap without
its first header, a drawing after a page of comments. And people put bytes in front.
"""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from functools import partial

import zstandard
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.bitmaps import icon, icon_bmp
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    of_family,
    pixels,
)
from tests.corpus.tricks.text import svg

_PRINTABLE_SIDE = 0x0920
"""Width and height in pixels that are a tab and a blank in the header of a GIF."""

_TABLE_OF_ITS_OWN = 0x80
_MARK = b"\xef\xbb\xbf"


def _printable_gif(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write a header in letters, and a letter before the first block."""
    small = target.resize((target.width // 8, target.height // 8)).quantize(16)
    side = _PRINTABLE_SIDE
    content = pictures.encoded(
        small.resize((side, side), Image.Resampling.NEAREST), "GIF"
    )
    flags = content[10]
    table_bytes = 3 << (flags & 7) + 1
    table, blocks = content[13 : 13 + table_bytes], content[13 + table_bytes :]
    at = blocks.index(b",") + 10
    own_flags = _TABLE_OF_ITS_OWN | blocks[at - 1] | flags & 7
    image = blocks[at - 10 : at - 1] + bytes((own_flags,)) + table
    return b"GIF89a" + content[6:10] + b" a " + b"x" + image + blocks[at:]


def _swapped_tiff(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write the number 42 in the wrong byte order, which Pillow accepts."""
    content = pictures.encoded(target, "TIFF")
    return content[:2] + content[3:1:-1] + content[4:]


def _bare_bitmap(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Leave out the header of the file."""
    return pictures.encoded(target.resize((256, 192)), "DIB")


def _drawing(target: Image.Image) -> str:
    """Draw a picture with squares of eight pixels."""
    small = pixels(target.resize((target.width // 8, target.height // 8)))
    squares = (
        f"<rect x='{8 * x}' y='{8 * y}' width='8' height='8' "
        f"fill='#{colour.tobytes().hex()}'/>"
        for y, row in enumerate(small)
        for x, colour in enumerate(row)
    )
    return svg("".join(squares), *target.size)


def _late_svg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a long comment in front of a drawing."""
    return f"<!--{' of no use' * 400}-->{_drawing(target)}".encode()


def _late_wide_svg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write the same in UTF-16, with a comment in Chinese."""
    comment = "\u6c34" * 1000
    return f"<!--{comment}-->{_drawing(target)}".encode("utf-16")


def _tarred(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("picture.jpg")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _behind(stray: bytes, pack: Callable[[bytes], bytes]) -> Maker:
    """Return a maker that packs a photo and puts stray bytes in front."""
    return lambda target, _decoy: stray + pack(pictures.jpeg(target))


def _icon_behind(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a line end before an icon, whose bitmap has no magic."""
    small = target.resize((128, 96))
    return b"\r\n" + icon((128, 96, icon_bmp(small)), bits=24)


_kind = of_family(Family.KIND)

KIND_TRICKS = (
    _kind(
        "gif-printable",
        FileType.GIF,
        _printable_gif,
        "a GIF with letters as its header, and a stray one; PHP shows it",
        shown=Shown.NOTHING,
    ),
    _kind(
        "tiff-swapped-42",
        FileType.TIFF,
        _swapped_tiff,
        "a TIFF with its number in the wrong order",
        shown=Shown.NOTHING,
    ),
    _kind(
        "bmp-bare",
        FileType.BMP,
        _bare_bitmap,
        "a bitmap without the header of a file",
        shown=Shown.NOTHING,
    ),
    _kind(
        "svg-late",
        FileType.SVG,
        _late_svg,
        "a drawing after a long comment",
        expected=Expected.LIMIT,
    ),
    _kind(
        "svg-late-utf16",
        FileType.SVG,
        _late_wide_svg,
        "the same in UTF-16, the comment in Chinese",
        expected=Expected.LIMIT,
    ),
    _kind(
        "icon-behind-line",
        FileType.DATA,
        _icon_behind,
        "an icon after a line end",
        shown=Shown.NOTHING,
    ),
    *(
        _kind(
            f"{name}-behind-{word}",
            FileType.DATA,
            _behind(stray, pack),
            f"a packed photo ({name}) after {about}",
            shown=Shown.NOTHING,
        )
        for name, pack in (
            ("gzip", partial(gzip.compress, mtime=0)),
            ("bzip2", bz2.compress),
            ("xz", lzma.compress),
            ("zstd", zstandard.compress),
            ("tar", _tarred),
        )
        for word, stray, about in (
            ("byte", b"x", "one byte"),
            ("mark", _MARK, "the mark of UTF-8"),
        )
    ),
)
