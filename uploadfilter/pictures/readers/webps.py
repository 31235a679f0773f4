"""Read WebPs of one frame."""

from PIL import Image, _webp

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.reader import Reader


def open_still(
    data: bytes, picture_format: Format, limits: DecodeLimits, *, is_padded: bool
) -> Reader:
    """Open a WebP of one frame, without the second copy that Pillow would make."""
    decoders = [_webp.WebPAnimDecoder(data)]
    size, _, _, count, raw_mode = decoders[0].get_info()

    def frame(number: int) -> Frame:
        if not decoders:
            raise BadPictureError("the only frame was already shown")
        decoder = decoders.pop()
        check_frame(
            size,
            limits,
            bytes_per_pixel=picture_format.bytes_per_pixel,
            held_bytes=picture_format.held_times * len(data),
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
            is_truncated=is_padded,
        )

    # Further frames were not found at their places.
    return Reader(frame=frame, lack=Reason.KEY_FRAME_UNSEEN if count > 1 else None)
