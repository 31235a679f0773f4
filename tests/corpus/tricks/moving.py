"""Tricks with frames that a filter skips, or composes in another way."""

import struct
import zlib
from collections.abc import Sequence

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.formats import heic
from tests.corpus.tricks.frames import (
    apng_control,
    gif_file,
    gif_frame,
)
from tests.corpus.tricks.kit import (
    COLOURS,
    COLOURS_ALPHA,
    Expected,
    Family,
    FileType,
    Shown,
    of_family,
    pixels,
    png_chunk,
    png_head,
    png_rows,
    webp_file,
    webp_head,
)

_LONG_MS = 60_000
_SHORT_MS = 10
_UNSAID, _KEEP, _RESTORE, _RESTORE_TOO = 0, 1, 3, 4
"""Disposals of GIF; old encoders write the last for the one before."""

_REPLACE, _OVER = 0, 1
"""Ways in which a frame of an APNG is drawn."""

_STAY, _GO_BACK = 0, 2
"""Disposals of APNG: the frame stays; the earlier picture comes back."""

_FOUR_TIMES, _FIVE_TIMES = 4, 5

_PLAIN = (120, 99, 160)
_DECOYS = 7
"""Frames before the target: with it more than the pixels that a filter may decode."""


def _halves(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return the upper and the lower half of a picture."""
    middle = image.height // 2
    upper = image.crop((0, 0, image.width, middle))
    return upper, image.crop((0, middle, image.width, image.height))


def _gif_sticky(target: Image.Image, decoy: Image.Image) -> bytes:
    """Take the decoy back, then lay two halves without a disposal."""
    upper, lower = _halves(target)
    frames = (
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_RESTORE),
        gif_frame(upper, (0, 0), delay_ms=_SHORT_MS, disposal=_UNSAID),
        gif_frame(lower, (0, upper.height), delay_ms=_LONG_MS, disposal=_UNSAID),
        gif_frame(decoy.crop((0, 0, 8, 8)), (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
    )
    return gif_file(target.size, frames)


def _gif_restored_by_four(target: Image.Image, decoy: Image.Image) -> bytes:
    """Take the decoy back from between two halves by an invalid disposal."""
    upper, lower = _halves(target)
    frames = (
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        gif_frame(upper, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_RESTORE_TOO),
        gif_frame(lower, (0, upper.height), delay_ms=_LONG_MS, disposal=_KEEP),
    )
    return gif_file(target.size, frames)


def _gif_over_the_edge(target: Image.Image, decoy: Image.Image) -> bytes:
    """Lay a lower half that goes on far beyond the canvas."""
    upper, lower = _halves(target)
    wide = Image.new("RGB", (4 * target.width, lower.height), (90, 20, 200))
    wide.paste(lower)
    frames = (
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        gif_frame(upper, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        gif_frame(wide, (0, upper.height), delay_ms=_LONG_MS, disposal=_KEEP),
    )
    return gif_file(target.size, frames)


def _gif_loop(target: Image.Image, decoy: Image.Image) -> bytes:
    """Cut the extension with the number of loops, so that it swallows the target."""
    frames = (
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        b"!\xff\x0bNETSCAPE2.0\0",
        gif_frame(target, (0, 0), delay_ms=_LONG_MS, disposal=_KEEP),
    )
    return gif_file(target.size, frames)


def _large(image: Image.Image, times: int) -> Image.Image:
    size = image.width * times, image.height * times
    return image.resize(size, Image.Resampling.NEAREST)


def _gif_put_together(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Compose the target after more large frames than are decoded."""
    upper, lower = _halves(_large(target, _FOUR_TIMES))
    size = lower.width, 2 * lower.height
    plain = gif_frame(
        Image.new("RGB", size, _PLAIN), (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP
    )
    frames = (
        *[plain] * (2 * _DECOYS),
        gif_frame(upper, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        gif_frame(lower, (0, upper.height), delay_ms=_LONG_MS, disposal=_KEEP),
    )
    return gif_file(size, frames)


def _gif_put_over(target: Image.Image, decoy: Image.Image) -> bytes:
    """Do the same with frames that have a transparent colour."""
    content = _gif_put_together(target, decoy)
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, _KEEP << 2, _SHORT_MS // 10, 0, 0)
    pierced = struct.pack(
        "<BBBBHBB", 0x21, 0xF9, 4, _KEEP << 2 | 1, _SHORT_MS // 10, 255, 0
    )
    return content.replace(control, pierced)


def _apng(
    frames: Sequence[tuple[Image.Image, int]],
    *,
    colour: int = COLOURS,
    blend: int = _REPLACE,
    controls: Sequence[int] = (),
    default: Image.Image | None = None,
) -> bytes:
    """Return an APNG.

    Args:
        frames: The picture and the milliseconds of each frame.
        colour: Colour type.
        blend: How frames are drawn.
        controls: The stated number of frames, in one control chunk for each number.
        default: A picture for viewers without APNG, if it is not one of the frames.
    """
    size = frames[0][0].size
    mode = "RGBA" if colour == COLOURS_ALPHA else "RGB"
    parts = [png_head(*size, depth=8, colour=colour)]
    parts += [
        png_chunk(b"acTL", struct.pack(">II", count, 1))
        for count in controls or (len(frames),)
    ]
    packed = {id(image): _packed(image, mode) for image, _ in frames}
    number = 0
    if default is not None:
        parts.append(png_chunk(b"IDAT", _packed(default, mode)))
    for image, delay_ms in frames:
        parts.append(
            apng_control(number, box=(*size, 0, 0), delay_ms=delay_ms, blend=blend)
        )
        number += 1
        if number == 1 and default is None:
            parts.append(png_chunk(b"IDAT", packed[id(image)]))
            continue
        data = struct.pack(">I", number) + packed[id(image)]
        parts.append(png_chunk(b"fdAT", data))
        number += 1
    return b"".join(parts) + png_chunk(b"IEND", b"")


def _packed(image: Image.Image, mode: str) -> bytes:
    return zlib.compress(png_rows(pixels(image, mode), depth=8), 1)


def _large_frames(target: Image.Image, times: int) -> list[tuple[Image.Image, int]]:
    """Return plain frames for a moment, then the target for a minute."""
    shown = _large(target, times)
    plain = Image.new("RGB", shown.size, _PLAIN), _SHORT_MS
    return [*[plain] * _DECOYS, (shown, _LONG_MS)]


def _apng_large(target: Image.Image, _decoy: Image.Image) -> bytes:
    return _apng(_large_frames(target, _FIVE_TIMES))


def _apng_large_over(target: Image.Image, _decoy: Image.Image) -> bytes:
    frames = _large_frames(target, _FIVE_TIMES)
    return _apng(frames, colour=COLOURS_ALPHA, blend=_OVER)


def _apng_over_default(target: Image.Image, decoy: Image.Image) -> bytes:
    """Draw the target in black of many strengths, over nothing or over the decoy."""
    strength = Image.fromarray(255 - pixels(target, "L"))
    ink = Image.new("RGBA", target.size)
    ink.putalpha(strength)
    spot = ink.copy()
    spot.putpixel((0, 0), (0, 0, 0, 255))
    frames = [(ink, _LONG_MS), (spot, _SHORT_MS)]
    return _apng(frames, colour=COLOURS_ALPHA, default=decoy, blend=_OVER)


def _apng_restored(target: Image.Image, decoy: Image.Image) -> bytes:
    """Lay the decoy between two halves of the target, and take it back."""
    middle, size = target.height // 2, target.size
    upper, lower = _halves(target)
    whole, half = (*size, 0, 0), (size[0], middle, 0, middle)
    pieces = (
        (decoy, whole, _SHORT_MS, _STAY),
        (upper, (*upper.size, 0, 0), _SHORT_MS, _STAY),
        (decoy, whole, _SHORT_MS, _GO_BACK),
        (lower, half, _LONG_MS, _STAY),
    )
    parts = [png_head(*size, depth=8, colour=COLOURS_ALPHA)]
    parts.append(png_chunk(b"acTL", struct.pack(">II", len(pieces), 1)))
    for number, (image, box, delay_ms, disposal) in enumerate(pieces):
        control = apng_control(
            max(0, 2 * number - 1),
            box=box,
            delay_ms=delay_ms,
            disposal=disposal,
            blend=_OVER,
        )
        data = _packed(image, "RGBA")
        numbered = struct.pack(">I", 2 * number) + data
        parts += [
            control,
            png_chunk(b"fdAT", numbered) if number else png_chunk(b"IDAT", data),
        ]
    return b"".join(parts) + png_chunk(b"IEND", b"")


def _apng_claims_less(target: Image.Image, decoy: Image.Image) -> bytes:
    return _apng([(decoy, _SHORT_MS), (target, _LONG_MS)], controls=(1,))


def _apng_claims_twice(target: Image.Image, decoy: Image.Image) -> bytes:
    return _apng([(decoy, _SHORT_MS), (target, _LONG_MS)], controls=(2, 2))


_BEFORE, _AFTER, _MOMENT_MS = 97, 103, 20
"""Frames before and after the target: more than are compared, so that the target is not
among those; all are so short that only the last picture is noticed."""


def _soon_over(target: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return a small copy of the target, and a plain picture as large."""
    small = target.resize((target.width // 4, target.height // 4))
    return small, Image.new("RGB", small.size, _PLAIN)


def _gif_stops(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a stray byte after the target, at which browsers stop."""
    shown, plain = (
        gif_frame(image, (0, 0), delay_ms=_MOMENT_MS, disposal=_KEEP)
        for image in _soon_over(target)
    )
    frames = (*[plain] * _BEFORE, shown, b"\0", *[plain] * _AFTER)
    return gif_file((target.width // 4, target.height // 4), frames)


def _apng_stops(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Give a frame after the target a number that is not the next one."""
    shown, plain = _soon_over(target)
    frames = [plain] * _BEFORE + [shown] + [plain] * _AFTER
    content = _apng([(image, _MOMENT_MS) for image in frames])
    number = struct.pack(">I", 2 * _BEFORE + 1)
    at = content.index(b"fcTL" + number) + 4
    control = bytearray(content[at : at + 26])
    control[:4] = struct.pack(">I", 0)
    return content[: at - 8] + png_chunk(b"fcTL", bytes(control)) + content[at + 30 :]


def _webp_frame(
    image: Image.Image, delay_ms: int, *, is_blended: bool
) -> tuple[bytes, bytes]:
    """Return a frame of a WebP that covers the canvas."""
    sides = (0, 0, image.width - 1, image.height - 1, delay_ms)
    head = b"".join(number.to_bytes(3, "little") for number in sides)
    stored = pictures.encoded(image, "WEBP", lossless=True, method=0, quality=0)
    return b"ANMF", head + (b"\0" if is_blended else b"\2") + stored[12:]


def _webp_large(target: Image.Image, *, is_blended: bool) -> bytes:
    frames = _large_frames(target, _FIVE_TIMES)
    if is_blended:
        frames = [(_pierced(image), delay_ms) for image, delay_ms in frames]
    return webp_file(
        webp_head(*frames[0][0].size, flags=0x12 if is_blended else 0x02),
        (b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 1)),
        *(_webp_frame(*frame, is_blended=is_blended) for frame in frames),
    )


def _pierced(image: Image.Image) -> Image.Image:
    """Return a picture one pixel of which is transparent."""
    pierced = image.convert("RGBA")
    pierced.putpixel((image.width - 1, image.height - 1), (0, 0, 0, 0))
    return pierced


def _webp_far(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put thousands of meaningless chunks before the frames."""
    frames = (
        _webp_frame(decoy, _SHORT_MS, is_blended=False),
        _webp_frame(target, _LONG_MS, is_blended=False),
    )
    return webp_file(
        webp_head(*target.size, flags=0x02),
        *[(b"abcd", b"")] * 40_000,
        (b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 1)),
        *frames,
    )


def _avif_large(target: Image.Image, _decoy: Image.Image) -> bytes:
    frames = _large_frames(target, _FIVE_TIMES)
    return pictures.encoded(
        frames[0][0],
        "AVIF",
        save_all=True,
        append_images=[image for image, _ in frames[1:]],
        duration=[delay_ms for _, delay_ms in frames],
        speed=10,
    )


def _with_items_beside(content: bytes) -> bytes:
    """Write the name of items into a box that no decoder reads."""
    names = b"infe" * 2001
    return content + struct.pack(">I4s", 8 + len(names), b"free") + names


def _avif_items(target: Image.Image, _decoy: Image.Image) -> bytes:
    return _with_items_beside(pictures.encoded(target, "AVIF", speed=10))


def _heic_items(target: Image.Image, decoy: Image.Image) -> bytes:
    return _with_items_beside(heic(target, decoy))


_moving = of_family(Family.FRAMES)

MOVING_TRICKS = (
    _moving(
        "gif-sticky",
        FileType.GIF,
        _gif_sticky,
        "two halves that stay, after a decoy that is taken back",
    ),
    _moving(
        "gif-disposal-four",
        FileType.GIF,
        _gif_restored_by_four,
        "a decoy between two halves, taken back by a disposal that old encoders write",
    ),
    _moving(
        "gif-over-the-edge",
        FileType.GIF,
        _gif_over_the_edge,
        "a half that goes on beyond the canvas",
    ),
    _moving(
        "gif-loop",
        FileType.GIF,
        _gif_loop,
        "the target after an extension that is too short",
        shown=Shown.NOTHING,
    ),
    _moving(
        "gif-put-together",
        FileType.GIF,
        _gif_put_together,
        "two halves, after more large frames than are decoded",
    ),
    _moving(
        "gif-put-over",
        FileType.GIF,
        _gif_put_over,
        "the same, after frames that let through what was there before",
        expected=Expected.REFUSED,
    ),
    _moving(
        "apng-large",
        FileType.PNG,
        _apng_large,
        "the target after more large frames than are decoded",
    ),
    _moving(
        "apng-large-over",
        FileType.PNG,
        _apng_large_over,
        "the same, drawn over them",
        expected=Expected.REFUSED,
    ),
    _moving(
        "apng-over-default",
        FileType.PNG,
        _apng_over_default,
        "the target in black of many strengths, over no decoy",
    ),
    _moving(
        "apng-restored",
        FileType.PNG,
        _apng_restored,
        "a decoy between two halves of the target, and away again",
    ),
    _moving(
        "apng-claims-less",
        FileType.PNG,
        _apng_claims_less,
        "an animation of two frames that says that it has one",
        shown=Shown.NOTHING,
    ),
    _moving(
        "apng-claims-twice",
        FileType.PNG,
        _apng_claims_twice,
        "an animation that says twice how many frames it has",
    ),
    _moving(
        "gif-stops",
        FileType.GIF,
        _gif_stops,
        "a stray byte after the target, at which browsers stop",
        expected=Expected.REFUSED,
    ),
    _moving(
        "apng-stops",
        FileType.PNG,
        _apng_stops,
        "a wrong number after the target, at which browsers stop",
        expected=Expected.REFUSED,
    ),
    _moving(
        "webp-large",
        FileType.WEBP,
        lambda target, _decoy: _webp_large(target, is_blended=False),
        "the target after more large frames than are decoded",
    ),
    _moving(
        "webp-large-over",
        FileType.WEBP,
        lambda target, _decoy: _webp_large(target, is_blended=True),
        "the same, drawn over them",
        expected=Expected.REFUSED,
    ),
    _moving(
        "webp-far",
        FileType.WEBP,
        _webp_far,
        "a short decoy, then the target, after thousands of chunks of nothing",
        expected=Expected.REFUSED,
    ),
    _moving(
        "avif-large",
        FileType.AVIF,
        _avif_large,
        "the target after more large frames than are decoded",
    ),
    _moving(
        "avif-items",
        FileType.AVIF,
        _avif_items,
        "the name of items 2,001 times in a box that nobody reads",
    ),
    _moving(
        "heic-items",
        FileType.HEIC,
        _heic_items,
        "the same in a HEIC",
        shown=Shown.NOTHING,
    ),
)
