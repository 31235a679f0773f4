"""Write pictures in JPEG 2000 with the colours that a document gives them.

Such a picture has its own colour space, which the dictionary overrides if it names one.
The picture is decoded elsewhere: here files are written that describe the same colours
as the document. If no file can describe them, a shortfall is yielded, since such a
picture may show anything.

Source:
    ISO 32000-2:2020, 7.4.9 "JPXDecode filter".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pikepdf

from uploadfilter.contents.layering import profiled
from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.jpxheader import read_jpx
from uploadfilter.contents.pdf.spaces import space_of
from uploadfilter.contents.pdf.values import reals, value_of
from uploadfilter.model import Reason

UNDECODABLE: Final = Shortfall(reason=Reason.UNDECODABLE)
_GREY_OR_COLOURS: Final = frozenset({1, 3})


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """The colours that a dictionary gives a picture.

    Attributes:
        count: Components of its colour space; 0 if the dictionary names none.
        profile: The ICC profile of that space, unless the space is a usual one.
    """

    count: int = 0
    profile: bytes = b""


def override_of(dictionary: pikepdf.Object) -> Override | Shortfall:
    """Read the colours that a dictionary gives a picture in JPEG 2000."""
    decode = reals(value_of(dictionary, "/Decode"))
    is_decoded = decode != [0.0, 1.0] * (len(decode) // 2)
    is_keyed = isinstance(value_of(dictionary, "/Mask"), pikepdf.Array)
    if is_decoded or is_keyed:
        return UNDECODABLE
    named = value_of(dictionary, "/ColorSpace")
    if named is None:
        return Override()
    space = space_of(named)
    if space is None or len(space.ranges) not in _GREY_OR_COLOURS:
        return UNDECODABLE
    if not (space.is_device or space.profile) or space.is_index:
        return UNDECODABLE
    return Override(count=len(space.ranges), profile=space.profile or b"")


def overridden(override: Override, data: bytes) -> Iterator[bytes | Shortfall]:
    """Make a file of a picture with the colours that its document gives it.

    Args:
        override: The colours of the dictionary.
        data: The picture, as it stands in the document.

    Yields:
        The parts of the file, or a shortfall; nothing if the picture has the same
        colours itself.
    """
    jpx = read_jpx(data)
    if jpx is None:
        return
    if not override.count:
        if jpx.profile:
            yield from profiled(iter([data]), jpx.profile)
        elif not jpx.is_known:
            yield UNDECODABLE
        return
    # One more component is the alpha.
    if jpx.count not in {override.count, override.count + 1}:
        yield UNDECODABLE
    elif override.profile:
        yield from profiled(iter([jpx.codes]), override.profile)
    elif not jpx.is_plain:
        yield jpx.codes
