"""Define a frame: one decoded picture of a file.

``decoding.py`` yields frames, ``showing.py`` makes the views of each frame,
``views.py`` computes the signals of the views.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from uploadfilter.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One loaded picture of a file.

    Attributes:
        image: The loaded image, in its stored mode if Pillow keeps that (``P``,
            ``CMYK``, ``I;16``, ``LA``, ...). The receiver of the frame may change it,
            and must not keep it: it may have 200 MB.
        number: Its number, from 0; frame 0 is the one that plain Pillow shows.
        full: Width and height of the full picture, in pixels.
        scale: ``image`` is this many times smaller on both axes, rounded up: 1, 2, 4
            or 8 (large pictures only).
        profile: The ICC profile, if there is one.
        other_profiles: Profiles that other programs use instead.
        is_truncated: If true, the file broke off, and the image shows the part before.
        is_inverted: If true, ``image`` is a CMYK JPEG by Adobe, whose stored values
            are inverted, and Pillow has corrected them.
        count: Number of frames in its file, up to the limits.
        lack: The reason if other programs may show another picture.
        load_colours: Decodes the frame again with its colours, if only its luma was
            decoded.
    """

    image: Image.Image
    number: int
    full: tuple[int, int]
    scale: int = 1
    profile: bytes | None = None
    other_profiles: tuple[bytes, ...] = ()
    is_truncated: bool = False
    is_inverted: bool = False
    count: int = 1
    lack: Reason | None = None
    load_colours: "Callable[[], Frame] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """The reason why some frames or views of a file are missing.

    Attributes:
        reason: ``UNDECODABLE``, ``TRUNCATED``, ``TOO_MANY_PIXELS``,
            ``TOO_MANY_FRAMES``, ``TOO_MANY_JPEG_SCANS``, ``OUT_OF_MEMORY`` or
            ``NOT_INSPECTED``.
        is_large: Whether a large process may decode them (``limits.py``).
    """

    reason: Reason
    is_large: bool = False
