"""Tricks with time: several frames, one of which is the target."""

import struct
import zlib
from collections.abc import Iterator, Sequence

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import (
    COLOURS,
    Family,
    FileType,
    Maker,
    Shown,
    of_family,
    pixels,
    png_chunk,
    png_head,
    png_rows,
    riff_chunks,
    webp_file,
    webp_head,
)

_LONG_MS = 60_000
"""Milliseconds of the frame that people see: longer than anybody waits."""


_SHORT_MS = 10
"""Milliseconds of a frame that nobody sees."""


_RESTORE = 3
"""Disposal of GIF: the earlier picture comes back."""


_CLEAR = 2
"""Disposal of GIF: the background comes back."""


_KEEP = 1
"""Disposal of GIF: the frame stays."""


_COLOURS = 256


def _sequence(
    target: Image.Image, decoy: Image.Image, *, before: int, after: int
) -> tuple[list[Image.Image], list[int]]:
    """Return the target among short decoys, each of which is a little different.

    Args:
        target: Shown long.
        decoy: Shown before and after.
        before: Number of decoys before the target.
        after: Number of decoys after it.

    Returns:
        Frames and their durations in milliseconds.
    """
    decoys = [_numbered(decoy, number) for number in range(before + after)]
    frames = [*decoys[:before], target, *decoys[before:]]
    durations = [_SHORT_MS] * before + [_LONG_MS] + [_SHORT_MS] * after
    return frames, durations


def _numbered(image: Image.Image, number: int) -> Image.Image:
    """Return a picture that differs from the others in a corner.

    Encoders drop frames that are equal to the one before.
    """
    marked = image.copy()
    marked.paste((number % 256, 255, 0), (0, 0, 8, 8))
    return marked


def _animated(
    file_format: str, *, before: int = 1, after: int = 0, **options: object
) -> Maker:
    """Return a maker of an animation with the target among decoys."""

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        frames, durations = _sequence(target, decoy, before=before, after=after)
        return pictures.encoded(
            frames[0],
            file_format,
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            **options,
        )

    return make


def small_animated(file_format: str, *, before: int, after: int) -> Maker:
    """Return a maker of a long animation of small frames."""
    long = _animated(file_format, before=before, after=after)

    def make(target: Image.Image, decoy: Image.Image) -> bytes:
        size = target.width // 4, target.height // 4
        return long(target.resize(size), decoy.resize(size))

    return make


def _gif_parts(image: Image.Image) -> tuple[bytes, bytes]:
    """Return a picture's palette of 256 colours and its packed data in a GIF."""
    content = pictures.encoded(
        image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE),
        "GIF",
        optimize=False,
        interlace=0,
    )
    size = 2 << (content[10] & 7)
    palette = content[13 : 13 + 3 * size].ljust(3 * _COLOURS, b"\0")
    at = 13 + 3 * size
    while content[at : at + 1] == b"!":
        at += 2
        while content[at]:
            at += content[at] + 1
        at += 1
    return palette, content[at + 10 : -1]


def gif_frame(
    image: Image.Image, place: tuple[int, int], *, delay_ms: int, disposal: int
) -> bytes:
    """Return one frame of a GIF with its own palette, put at a place."""
    palette, data = _gif_parts(image)
    control = struct.pack(
        "<BBBBHBB", 0x21, 0xF9, 4, disposal << 2, delay_ms // 10, 0, 0
    )
    head = struct.pack("<BHHHHB", 0x2C, *place, *image.size, 0x87)
    return control + head + palette + data


def gif_file(size: tuple[int, int], frames: Sequence[bytes]) -> bytes:
    """Return a GIF that plays once, on a page of this size."""
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x70, 0, 0)
    return head + b"".join(frames) + b";"


def _tiles(
    image: Image.Image, count: int
) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Yield ``count`` x ``count`` pieces of a picture and their places."""
    across, down = image.width // count, image.height // count
    for row in range(count):
        for column in range(count):
            place = column * across, row * down
            box = (*place, place[0] + across, place[1] + down)
            yield place, image.crop(box)


def _gif_tiles(target: Image.Image, decoy: Image.Image) -> bytes:
    """Lay sixteen pieces, one a frame, over the decoy."""
    frames = [gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP)]
    frames += [
        gif_frame(tile, place, delay_ms=_SHORT_MS, disposal=_KEEP)
        for place, tile in _tiles(target, 4)
    ]
    return gif_file(target.size, frames)


def _gif_restored(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show the target first, then parts of the decoy that vanish again."""
    frames = [gif_frame(target, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP)]
    half = decoy.crop((0, 0, decoy.width, decoy.height // 2))
    frames.append(gif_frame(half, (0, 0), delay_ms=_SHORT_MS, disposal=_RESTORE))
    spot = decoy.crop((0, 0, 8, 8))
    frames.append(gif_frame(spot, (0, 0), delay_ms=_LONG_MS, disposal=_KEEP))
    return gif_file(target.size, frames)


def _gif_cleared(target: Image.Image, decoy: Image.Image) -> bytes:
    """Clear the decoy before the target comes in two halves."""
    middle = target.height // 2
    upper = target.crop((0, 0, target.width, middle))
    lower = target.crop((0, middle, target.width, target.height))
    frames = (
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_CLEAR),
        gif_frame(upper, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
        gif_frame(lower, (0, middle), delay_ms=_LONG_MS, disposal=_KEEP),
    )
    return gif_file(target.size, frames)


def _gif_outside(target: Image.Image, decoy: Image.Image) -> bytes:
    """Claim a page of one pixel, which browsers stretch to the first frame."""
    frames = (
        gif_frame(target, (0, 0), delay_ms=_LONG_MS, disposal=_KEEP),
        gif_frame(decoy, (0, 0), delay_ms=_SHORT_MS, disposal=_KEEP),
    )
    return gif_file((1, 1), frames)


def _webp_tiles(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Lay sixteen pieces, one a frame, so that no single frame has all of them."""
    frames = [(b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 1))]
    for (x, y), tile in _tiles(target, 4):
        head = b"".join(
            number.to_bytes(3, "little")
            for number in (x // 2, y // 2, tile.width - 1, tile.height - 1, _SHORT_MS)
        )
        stored = riff_chunks(pictures.webp(tile, 90))
        body = b"".join(
            name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
            for name, data in stored
        )
        # Neither blended nor disposed of.
        frames.append((b"ANMF", head + b"\x02" + body))
    return webp_file(webp_head(*target.size, flags=0x02), *frames)


def apng_control(
    number: int,
    *,
    box: tuple[int, int, int, int],
    delay_ms: int,
    disposal: int = 0,
    blend: int = 0,
) -> bytes:
    """Return the control chunk of one frame: size, place and duration."""
    fields = struct.pack(">I4IHHBB", number, *box, delay_ms, 1000, disposal, blend)
    return png_chunk(b"fcTL", fields)


def _apng_tiles(target: Image.Image, decoy: Image.Image) -> bytes:
    """Lay four pieces over a first frame that is the decoy."""
    width, height = target.size
    tiles = list(_tiles(target, 2))
    head = png_head(width, height, depth=8, colour=COLOURS)
    head += png_chunk(b"acTL", struct.pack(">II", 1 + len(tiles), 1))
    first = zlib.compress(png_rows(pixels(decoy), depth=8))
    parts = [
        apng_control(0, box=(width, height, 0, 0), delay_ms=_SHORT_MS),
        png_chunk(b"IDAT", first),
    ]
    number = 1
    for place, tile in tiles:
        data = zlib.compress(png_rows(pixels(tile), depth=8))
        box = (*tile.size, *place)
        parts.append(apng_control(number, box=box, delay_ms=_SHORT_MS))
        parts.append(png_chunk(b"fdAT", struct.pack(">I", number + 1) + data))
        number += 2
    return head + b"".join(parts) + png_chunk(b"IEND", b"")


def _apng_outside(default: Image.Image, frames: Sequence[Image.Image]) -> bytes:
    """Return an APNG whose default picture is not part of its animation."""
    return pictures.encoded(
        default,
        "PNG",
        save_all=True,
        default_image=True,
        append_images=list(frames),
        duration=_LONG_MS,
        loop=1,
    )


def _apng_default(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show the target to viewers without APNG, and the decoy to browsers."""
    return _apng_outside(target, (decoy, _numbered(decoy, 1)))


def _apng_behind(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show the decoy to viewers without APNG, and the target to browsers."""
    return _apng_outside(decoy, (target, _numbered(target, 1)))


def _tiff_pages(target: Image.Image, decoy: Image.Image) -> bytes:
    return pictures.encoded(decoy, "TIFF", save_all=True, append_images=[target])


_framed = of_family(Family.FRAMES)


FRAMES_TRICKS = (
    _framed(
        "gif-second", FileType.GIF, _animated("GIF"), "a short decoy, then the target"
    ),
    _framed(
        "gif-first",
        FileType.GIF,
        _animated("GIF", before=0, after=2, loop=0),
        "the target for a minute, then decoys",
    ),
    _framed(
        "gif-many",
        FileType.GIF,
        small_animated("GIF", before=20, after=60),
        "81 frames, the longest of which is the target",
    ),
    _framed("gif-tiles", FileType.GIF, _gif_tiles, "sixteen pieces, one a frame"),
    _framed(
        "gif-restored",
        FileType.GIF,
        _gif_restored,
        "the decoy over the target, and away again",
    ),
    _framed(
        "gif-cleared",
        FileType.GIF,
        _gif_cleared,
        "two halves after the decoy is cleared",
    ),
    _framed(
        "gif-one-pixel",
        FileType.GIF,
        _gif_outside,
        "a page of one pixel, larger frames",
    ),
    _framed(
        "webp-second",
        FileType.WEBP,
        _animated("WEBP", method=0, quality=85),
        "a short decoy, then the target",
    ),
    _framed(
        "webp-many",
        FileType.WEBP,
        small_animated("WEBP", before=30, after=40),
        "71 frames, the longest of which is the target",
    ),
    _framed("webp-tiles", FileType.WEBP, _webp_tiles, "sixteen pieces, one a frame"),
    _framed(
        "avif-second",
        FileType.AVIF,
        _animated("AVIF", speed=10),
        "a short decoy, then the target",
    ),
    _framed(
        "apng-second",
        FileType.PNG,
        _animated("PNG", compress_level=1),
        "a short decoy, then the target",
    ),
    _framed("apng-tiles", FileType.PNG, _apng_tiles, "four pieces over the decoy"),
    _framed(
        "apng-default",
        FileType.PNG,
        _apng_default,
        "the target outside of an animation of the decoy",
        shown=Shown.NOTHING,
    ),
    _framed(
        "apng-behind",
        FileType.PNG,
        _apng_behind,
        "an animation of the target outside the still picture of the decoy",
    ),
    _framed(
        "tiff-pages",
        FileType.TIFF,
        _tiff_pages,
        "the target on the second page",
        shown=Shown.NOTHING,
    ),
)
