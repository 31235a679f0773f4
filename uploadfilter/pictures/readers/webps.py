"""Read WebPs of one frame."""

from collections.abc import Sequence

from PIL import Image, _webp

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.sampling import Course


class WebPReader:
    """A WebP of one frame, without the second copy that Pillow would make.

    Args:
        data: The file.
        picture_format: The format.
        limits: The limits of its cost.
        is_padded: Whether zeros stand for missing bytes of the file.
    """

    durations: Sequence[int] = (0,)
    lack: Reason | None = None
    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self,
        data: bytes,
        picture_format: Format,
        limits: DecodeLimits,
        *,
        is_padded: bool = False,
    ) -> None:
        self._decoder: _webp.WebPAnimDecoder | None = _webp.WebPAnimDecoder(data)
        if self._decoder.get_info()[3] > 1:
            # They were not found at their places.
            self.lack = Reason.KEY_FRAME_UNSEEN
        self._data = data
        self._format = picture_format
        self._limits = limits
        self._is_padded = is_padded

    def frame(self, number: int) -> Frame:
        """Decode the picture."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            raise BadPictureError("the only frame was already shown")
        size, _, _, _, raw_mode = decoder.get_info()
        check_frame(
            size,
            self._limits,
            bytes_per_pixel=self._format.bytes_per_pixel,
            held_bytes=self._format.held_times * len(self._data),
        )
        shown = decoder.get_next()
        profile = decoder.get_chunk("ICCP")
        del decoder
        if shown is None:
            raise BadPictureError("the decoder shows nothing")
        mode = "RGB" if raw_mode == "RGBX" else raw_mode
        return Frame(
            image=Image.frombytes(mode, size, shown[0], "raw", raw_mode),
            number=number,
            full=size,
            profile=profile or None,
            is_truncated=self._is_padded,
        )
