"""Find the video of a motion photo, which phones write behind the picture.

It is an MP4 behind the end of a JPEG, or in a box of a HEIC, with or without a hint in
the XMP; so it is found by the box that it begins with.

Source:
    developer.android.com/media/platform/motion-photo-format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind
from uploadfilter.contents.members import Member, UnpackMeter
from uploadfilter.contents.source import PartSource, Source, stretches

_MOST_VIDEOS: Final = 4
"""Most places behind one picture at which a video may begin. Phones write one video."""

_MOST_LOOKS: Final = 1000
_WORD: Final = b"ftyp"
_OVERLAP_BYTES: Final = len(_WORD) - 1


@dataclass(frozen=True, slots=True)
class VideoBehind:
    """A picture in which a video begins, at an offset."""

    offset: int
    kinds: frozenset[Kind] = frozenset()

    def members(self, source: Source, meter: UnpackMeter) -> Iterator[Member]:
        """Yield the video, up to the end of the picture's file."""
        del meter  # nothing is unpacked
        size = source.size - self.offset
        yield Member(name="video", content=PartSource(source, self.offset, size))


def videos_behind(
    source: Source, kind: Kind, spans: tuple[range, ...]
) -> Iterator[VideoBehind]:
    """Yield the places at which a video may begin in a picture."""
    if kind is Kind.JPEG:
        spans = spans[-1:]
    elif kind is not Kind.HEIC:
        return
    found = 0
    for looks, offset in enumerate(_places(source, spans)):
        if looks == _MOST_LOOKS or found == _MOST_VIDEOS:
            return
        if magic.sniff(source.read(offset, HEAD_BYTES)) is Kind.VIDEO:
            found += 1
            yield VideoBehind(offset)


def _places(source: Source, spans: tuple[range, ...]) -> Iterator[int]:
    for start, length, data in stretches(source, spans, overlap=_OVERLAP_BYTES):
        at = data.find(_WORD)
        while 0 <= at < length:
            if start + at > len(_WORD):  # else it is the picture itself
                yield start + at - 4
            at = data.find(_WORD, at + 1)
