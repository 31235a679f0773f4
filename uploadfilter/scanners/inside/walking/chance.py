"""Which of the pictures that are found inside something may be there by chance."""

from collections.abc import Iterator
from typing import Final

from uploadfilter.contents import carving, containers
from uploadfilter.contents.kinds import magic, sizes
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container, Member, UnpackMeter
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts.found import Encoded
from uploadfilter.model import Reason

CHANCE: Final = frozenset({Reason.UNDECODABLE, Reason.TRUNCATED})
"""What comes of magic that stands somewhere by chance."""

NO_CHANCE: Final = frozenset({Reason.ENCRYPTED, Reason.SEARCH_UNFINISHED})
"""Why nothing is seen of what is no container by chance."""

_LEAST_BYTES: Final = 24
"""Bytes of the shortest content inside another that is looked into. The shortest
picture has 26, and nobody sees anything in it."""

_LEAST_PDF_BYTES: Final = 100
"""The same of a PDF: an object that is a picture takes more for what it says of itself,
beside its samples. Libraries show the beginning of one in their documentation."""

MOST_CANDIDATES: Final = 20_000
"""Candidates of one content that are tried, each of which has its price."""

SURE: Final = frozenset({Kind.JPEG, Kind.PNG, Kind.GIF, Kind.WEBP})
"""Kinds whose magic does not occur by chance as good as ever, header included."""

SURE_AT_FIRST: Final = magic.PICTURES - {Kind.ICO}
"""The same right at the beginning. What an icon begins with, other files do too."""


def least_bytes(kind: Kind) -> int:
    """Return how long a content inside another is at least that is looked into."""
    return _LEAST_PDF_BYTES if kind is Kind.PDF else _LEAST_BYTES


def is_usual_photo(source: Source, names: frozenset[str]) -> bool:
    """Return whether nothing dear comes behind the first view of a picture.

    Such a picture is sent in one part. Of any other, each view is on its way before the
    next one is made, which may be the end of this process.

    Args:
        source: The picture.
        names: Of the formats that it may be.
    """
    is_jpeg = names == frozenset({Kind.JPEG.value})
    return is_jpeg and b"ICC_PROFILE" not in source.read(0, _PROFILE_BYTES)


_PROFILE_BYTES: Final = 128 * 1024
"""How far into a JPEG a profile is looked for: behind an EXIF segment of 64 KiB."""


def is_little(source: Source, kind: Kind) -> bool:
    """Return whether a picture of which nothing was seen could not be seen anyway.

    Of letters that happen to follow a broken icon, a GIF has all the frames that it
    lacks.

    Args:
        source: The picture, and maybe what stands after it.
        kind: What it begins like.
    """
    if source.size > _MOST_LITTLE_BYTES:
        return False
    return sizes.is_said_small(source.read(0, source.size), kind)


_MOST_LITTLE_BYTES: Final = 64 * 1024
"""Bytes that are read for that: a style sheet with icons is shorter."""


def is_icon(source: Source, kind: Kind) -> bool:
    """Return whether a picture is surely so little that nobody can tell what it shows.

    Args:
        source: The picture.
        kind: What it begins like.
    """
    if kind is not Kind.PNG or source.size > sizes.MOST_ICON_BYTES:
        return False
    return sizes.is_icon(source.read(0, source.size), kind)


def most_bytes(source: Source, item: carving.PictureStart) -> int:
    """Return how long a candidate is at most; some decoders read all of it at first."""
    if item.kind is Kind.WEBP:
        return 8 + int.from_bytes(source.read(item.offset + 4, 4), "little") + 1
    return _MOST_JXL_BYTES if item.kind is Kind.JXL else source.size


_MOST_JXL_BYTES: Final = 16 * 1024 * 1024
"""Its two bytes of magic are in every long file, by chance; no such picture is longer.
"""


def may_be_chance(item: Encoded, kind: Kind, begins_as: Kind) -> bool:
    """Return whether letters in what is no text may begin like a picture by chance."""
    is_uri = item.name.startswith("data")
    return kind not in magic.STRINGS and not is_uri and magic.is_picture(begins_as)


def holds_something(container: Container, source: Source, meter: UnpackMeter) -> bool:
    """Return whether the first thing that a container holds can be read at all.

    Args:
        container: What reads the content.
        source: The content, which may be no container after all.
        meter: Counts what is unpacked.
    """
    first = next(iter(container.members(source, meter)), None)
    if not isinstance(first, Member):
        return False
    if not isinstance(first.content, Iterator):
        return True
    return isinstance(next(first.content, None), bytes)


def packed_in(item: Encoded, begins_as: Kind) -> Container | None:
    """Return what reads a string that may be packed, but need not be.

    Args:
        item: The string.
        begins_as: What its bytes begin like.
    """
    if item.claim:
        return containers.claimed_by(item.claim)
    return containers.container_for(begins_as) if item.is_carved else None
