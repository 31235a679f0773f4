"""Tell which pictures inside a content may be there by chance."""

from collections.abc import Iterator
from typing import Final

from uploadfilter.contents import carving
from uploadfilter.contents.kinds import magic, sizes
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container, Member, UnpackMeter
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts.files import EncodedFile
from uploadfilter.model import Reason

CHANCE: Final = frozenset({Reason.UNDECODABLE, Reason.TRUNCATED})
"""The reasons of candidates whose magic is chance."""

NO_CHANCE: Final = frozenset({Reason.ENCRYPTED, Reason.SEARCH_UNFINISHED})
"""The reasons of containers that are surely not chance."""

_LEAST_BYTES: Final = 24
"""Fewest bytes of a content inside another that is looked into. The shortest picture
has 26, and it shows nothing."""

_LEAST_PDF_BYTES: Final = 100
"""The same for a PDF: the dictionary of a picture alone takes more, besides its
samples. Libraries show the beginning of a PDF in their documentation."""

MOST_CANDIDATES: Final = 20_000
"""Most candidates of one content that are tried, since each has a cost."""

SURE: Final = frozenset({Kind.JPEG, Kind.PNG, Kind.GIF, Kind.WEBP})
"""Kinds whose magic and header practically never occur by chance."""

SURE_TO_BE_LARGE: Final = SURE | {Kind.AVIF, Kind.HEIC}
"""Kinds for which a content is scanned again in the large process, wherever they begin.
Programs have beginnings of bitmaps that claim millions of pixels."""

SURE_AT_FIRST: Final = magic.PICTURES - {Kind.ICO}
"""The same at the first byte. Other files begin like an icon, too."""


def least_bytes(kind: Kind) -> int:
    """Return the fewest bytes of a content inside another that is looked into."""
    return _LEAST_PDF_BYTES if kind is Kind.PDF else _LEAST_BYTES


def is_usual_photo(source: Source, names: frozenset[str]) -> bool:
    """Return whether nothing expensive follows the first view of a picture.

    Such a picture is sent in one part. For other pictures, each view is sent before the
    next one is made, which may end this process.
    """
    is_jpeg = names == frozenset({Kind.JPEG.value})
    return is_jpeg and b"ICC_PROFILE" not in source.read(0, _PROFILE_BYTES)


_PROFILE_BYTES: Final = 128 * 1024
"""Bytes of a JPEG in which a profile is looked for: after an EXIF segment of 64 KiB."""


def is_little(source: Source, kind: Kind) -> bool:
    """Return whether a picture without a view would be too small to be recognised.

    Letters that happen to follow a broken icon can look like the missing frames of a
    GIF.

    Args:
        source: The picture, possibly with bytes after it.
        kind: Its kind by the first bytes.
    """
    if source.size > _MOST_LITTLE_BYTES:
        return False
    return sizes.is_said_small(source.read(0, source.size), kind)


_MOST_LITTLE_BYTES: Final = 64 * 1024
"""Bytes that are read for this test: a style sheet with icons is shorter."""


def is_icon(source: Source, kind: Kind) -> bool:
    """Return whether a picture is surely too small for anybody to recognise.

    Args:
        source: The picture.
        kind: Its kind by the first bytes.
    """
    if kind is not Kind.PNG or source.size > sizes.MOST_ICON_BYTES:
        return False
    return sizes.is_icon(source.read(0, source.size), kind)


def most_bytes(source: Source, item: carving.PictureStart) -> int:
    """Return the greatest length of a candidate; some decoders first read all of it."""
    if item.kind is Kind.WEBP:
        return 8 + int.from_bytes(source.read(item.offset + 4, 4), "little") + 1
    return _MOST_JXL_BYTES if item.kind is Kind.JXL else source.size


_MOST_JXL_BYTES: Final = 16 * 1024 * 1024
"""Longest JPEG XL, in bytes: its magic of two bytes is in every long file by chance,
and no such picture is longer."""


def may_be_chance(item: EncodedFile, kind: Kind, begins_as: Kind) -> bool:
    """Return whether letters outside of a text may begin like a picture by chance."""
    is_uri = item.name.startswith("data")
    return kind not in magic.STRINGS and not is_uri and magic.is_picture(begins_as)


def holds_something(container: Container, source: Source, meter: UnpackMeter) -> bool:
    """Return whether the first member of a container can be read.

    Args:
        container: Reads the content.
        source: The content, which may turn out not to be a container.
        meter: Counts the unpacked bytes.
    """
    first = next(iter(container.members(source, meter)), None)
    if not isinstance(first, Member):
        return False
    if not isinstance(first.content, Iterator):
        return True
    return isinstance(next(first.content, None), bytes)
