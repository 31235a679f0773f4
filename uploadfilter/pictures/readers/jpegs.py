"""Read JPEGs: scaled if they are large, in luma if their colours are not needed."""

import io
import re
from typing import BinaryIO, Final

from PIL import Image, JpegImagePlugin

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.conversions import needs_conversion
from uploadfilter.pictures.colours.gainmaps import changes_jpeg
from uploadfilter.pictures.faults import DECODER_ERRORS, BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers import jpegscans, padding
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.pictures.picture import SCALES
from uploadfilter.pictures.reader import (
    DRAFT_SIDE,
    Reader,
    profile_of,
    shows_nothing,
)


class JPEGReader:
    """A JPEG: scaled if it is large, in luma only if its colours are not needed.

    It is over budget if it has too many scans, or is too large for them.
    """

    def __init__(
        self,
        file: BinaryIO,
        picture_format: Format,
        limits: DecodeLimits,
    ) -> None:
        self._file = file
        self._format = picture_format
        self._limits = limits
        most_visits = limits.max_block_visits + 8 * file.seek(0, io.SEEK_END)
        cost = jpegscans.cost_of(
            file, enough_scans=limits.max_jpeg_scans, enough_visits=most_visits
        )
        if cost is None:
            raise BadPictureError("there is no frame with a scan")
        if cost.scans == 1 and cost.block_visits > most_visits:
            raise OverBudgetError(Reason.TOO_MANY_PIXELS)
        if cost.scans > limits.max_jpeg_scans or cost.block_visits > most_visits:
            raise OverBudgetError(Reason.TOO_MANY_JPEG_SCANS)
        self._coefficient_bytes = cost.coefficient_bytes
        self._is_lossless = cost.is_lossless
        self.segments = cost.segments
        self.profile = jpegscans.profile_of(cost.segments)

    def frame(self, number: int) -> Frame:
        """Decode the picture, up to the end of the file."""
        return self._decode(number, needs_colours=False)

    def _load_colours(self) -> Frame:
        return self._decode(0, needs_colours=True)

    def _decode(self, number: int, *, needs_colours: bool) -> Frame:
        image, full, scale = self._open(self._file, needs_colours=needs_colours)
        is_truncated = False
        try:
            image.load()
        except DECODER_ERRORS:
            # With an end marker after the data, libjpeg shows all data, and every scan
            # of a progressive JPEG that arrived; Pillow alone would show nothing.
            continued = padding.continued(
                self._file, jpegscans.shown_length(self._file), padding.END_OF_JPEG
            )
            image, full, scale = self._open(continued, needs_colours=needs_colours)
            image.load()
            if shows_nothing(image):
                raise
            is_truncated = True
        return Frame(
            image=image,
            number=number,
            full=full,
            scale=scale,
            profile=self.profile,
            other_profiles=_others(profile_of(image), self.profile),
            is_truncated=is_truncated,
            # Pillow reads every four-colour JPEG as one by Adobe.
            is_inverted=image.mode == "CMYK",
            load_colours=None
            if needs_colours or image.mode != "L"
            else self._load_colours,
        )

    def _open(
        self, file: BinaryIO, *, needs_colours: bool
    ) -> tuple[Image.Image, tuple[int, int], int]:
        """Return the undecoded image, its full size and its scale."""
        file.seek(0)
        image = Image.open(file, formats=self._format.pillow)
        if not isinstance(image, JpegImagePlugin.JpegImageFile):
            raise BadPictureError("Pillow opened it as another format")
        full = image.size
        needs_colours |= any(map(needs_conversion, self._profiles(image)))
        # Pillow accepts "L" only for three-colour JPEGs; others keep their mode.
        if not self._is_lossless:
            image.draft("RGB" if needs_colours else "L", (DRAFT_SIDE, DRAFT_SIDE))
        scale = min(SCALES, key=lambda item: abs(-(-full[0] // item) - image.width))
        check_frame(
            image.size,
            self._limits,
            bytes_per_pixel=self._format.bytes_per_pixel,
            held_bytes=self._coefficient_bytes,
        )
        return image, full, scale

    def _profiles(self, image: Image.Image) -> set[bytes | None]:
        return {self.profile, profile_of(image)}


def _others(profile: bytes | None, first: bytes | None) -> tuple[bytes, ...]:
    return () if profile is None or profile == first else (profile,)


def open_jpeg(
    file: BinaryIO,
    picture_format: Format,
    limits: DecodeLimits,
) -> Reader:
    """Open a JPEG; it has a lack if a gain map changes it on an ordinary screen.

    Files without a hint at a second picture are not searched for the map's metadata.
    """
    jpeg, lack = JPEGReader(file, picture_format, limits), None
    if any(map(_hints_at_map, jpeg.segments)):
        is_long = file.seek(0, io.SEEK_END) > _MOST_SEARCHED_BYTES
        file.seek(0)
        if is_long or changes_jpeg(file.read()):
            lack = Reason.UNDECODABLE
    return Reader(frame=jpeg.frame, lack=lack)


def _hints_at_map(segment: bytes) -> bool:
    """Return whether a segment is of a JPEG that may have a gain map."""
    if segment.startswith((jpegscans.INDEX_START, jpegscans.GAIN_START)):
        return True
    is_packet = segment.startswith(
        (jpegscans.PACKET_START, jpegscans.LONG_PACKET_START)
    )
    return is_packet and _HINTS.search(segment, _LONGEST_START) is not None


_HINTS: Final = re.compile(rb"gain-map|GainMap|Container|&|\0")
"""A sign in the metadata of every JPEG with a gain map, in any way of writing."""

_LONGEST_START: Final = len(jpegscans.LONG_PACKET_START)
_MOST_SEARCHED_BYTES: Final = 100_000_000
