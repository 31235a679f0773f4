"""Make benign pictures, and the odd files that a filter must survive.

Everything here is computed from a seed: nothing is drawn from any collection, and
nothing is meant to be seen. ``photograph`` has the statistics of a natural scene (a
1/f spectrum, soft objects that cover one another, correlated colours), so that
perceptual signals behave on it as they do on photographs; its PDQ quality is 80 or
more as a rule. The same seed and size give the same pixels on one machine; another
FFT may differ in the last bit of a few.

Rules this module keeps: numpy and Pillow only, no files, no clock, no global state.
To add a trick, add a function that returns the bytes of a file, and describe in its
docstring how a decoder should show it.
"""

import functools
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_CONTRAST = 58.0
"""Standard deviation of the luma of a ``photograph``, out of 255.

Chosen so that the PDQ quality is 80 or more for nearly every seed.
"""

_OBJECT_GRID = 320
"""Side of the square on which objects are drawn before it is stretched, in pixels."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

Floats = NDArray[np.float32]


def photograph(seed: int, *, width: int = 1024, height: int = 768) -> Image.Image:
    """Return a picture with the statistics of a natural scene.

    Args:
        seed: Number of the picture; different seeds give unrelated ones.
        width: Pixels, at least 1.
        height: Pixels, at least 1.

    Returns:
        An RGB picture.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    luma = _natural_noise(rng, width=width, height=height, slope=1.35)
    cover = _stretched(_objects(rng), width=width, height=height)
    luma = _normalised(0.55 * luma + 0.9 * _normalised(cover))
    tint = _tint(rng, width=width, height=height)
    pixels = 124.0 + _CONTRAST * luma[:, :, None] + tint
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def flat(
    colour: tuple[int, int, int] = (120, 130, 140),
    *,
    width: int = 256,
    height: int = 256,
) -> Image.Image:
    """Return a picture of one colour, whose perceptual signals mean nothing."""
    return Image.new("RGB", (width, height), colour)


def gradient(*, width: int = 256, height: int = 256) -> Image.Image:
    """Return a slow horizontal gradient, whose PDQ quality is far below 50."""
    row = np.linspace(90, 150, width, dtype=np.float32)
    plane = np.broadcast_to(row, (height, width)).astype(np.uint8)
    return Image.fromarray(plane, "L").convert("RGB")


def dimmed(image: Image.Image, *, contrast: float) -> Image.Image:
    """Return ``image`` with its contrast reduced around middle grey.

    PDQ's bits hardly move, but its quality falls with the contrast.

    Args:
        image: An RGB picture.
        contrast: 0 (flat) to 1 (unchanged).
    """
    pixels = np.asarray(image, dtype=np.float32)
    return Image.fromarray((128 + (pixels - 128) * contrast).astype(np.uint8), "RGB")


def jpeg(image: Image.Image, quality: int = 85, **options: object) -> bytes:
    """Encode as JPEG; ``options`` go to Pillow, e.g. ``progressive=True``."""
    return encoded(image, "JPEG", quality=quality, **options)


def png(image: Image.Image, **options: object) -> bytes:
    """Encode as PNG, without loss and quickly."""
    return encoded(image, "PNG", **{"compress_level": 1, **options})


def webp(image: Image.Image, quality: int = 85, **options: object) -> bytes:
    """Encode as lossy WebP, with little effort."""
    return encoded(image, "WEBP", quality=quality, **{"method": 1, **options})


def gif(image: Image.Image) -> bytes:
    """Encode as a GIF of one frame, that is with a palette."""
    return encoded(image, "GIF")


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Encode in any format that Pillow writes, e.g. ``BMP``, ``TIFF``, ``AVIF``."""
    buffer = io.BytesIO()
    # Pillow leaves settings of an encoder on the picture, which break the next encoder.
    others = options.get("append_images")
    if isinstance(others, list):
        options["append_images"] = [other.copy() for other in others]
    image.copy().save(buffer, file_format, **options)
    return buffer.getvalue()


def truncated(content: bytes, *, kept: float = 0.6) -> bytes:
    """Return the first part of a file, like an upload that was cut off."""
    return content[: int(len(content) * kept)]


def corrupt(content: bytes, *, seed: int = 1, share: float = 0.02) -> bytes:
    """Return a file with random bytes overwritten after its first 32.

    Args:
        content: A file.
        seed: Selects the bytes.
        share: Their share, 0 to 1; at least one byte.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    broken = bytearray(content)
    for position in rng.integers(32, len(broken), max(1, int(len(broken) * share))):
        broken[position] ^= int(rng.integers(1, 256))
    return bytes(broken)


def zero_dimension_png() -> bytes:
    """Return a PNG whose header claims a width of zero; no decoder shows it."""
    return _png_file(width=0, height=16, data=zlib.compress(b""))


def zero_dimension_jpeg() -> bytes:
    """Return a JPEG whose frame header claims a height of zero."""
    content = bytearray(jpeg(flat(width=32, height=32)))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 7] = b"\x00\x00"
    return bytes(content)


def one_pixel_png() -> bytes:
    """Return a PNG of 1 x 1, which decodes but has no perceptual meaning."""
    return png(flat(width=1, height=1))


@functools.cache
def bomb_png(*, side: int = 13_000) -> bytes:
    """Return a small PNG of one colour that unpacks to ``side`` x ``side`` RGB.

    It is made piece by piece, so that making it costs little memory. With the default
    the file has about half a megabyte and the picture half a gigabyte.
    """
    data = _compressed_zeros(side * (1 + 3 * side))
    return _png_file(width=side, height=side, data=data)


@functools.cache
def grey_bomb_png(*, side: int = 13_000) -> bytes:
    """Return the same as ``bomb_png`` with one byte a pixel: about 164 KB at 13,000."""
    data = _compressed_zeros(side * (1 + side))
    return _png_file(width=side, height=side, data=data, colour=0)


def _compressed_zeros(length: int) -> bytes:
    """Compress zeros: one megabyte, which a stream may repeat after a full flush."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(length % (1 << 20))) + packer.flush()
    # Adler-32 of zeros: the first sum stays 1, the second counts them (RFC 1950).
    checksum = (length % 65_521) << 16 | 1
    return b"".join(
        (b"\x78\xda", megabyte * (length >> 20), rest, checksum.to_bytes(4))
    )


def claimed_size_png(*, width: int = 60_000, height: int = 60_000) -> bytes:
    """Return a tiny PNG whose header claims an enormous picture without its data."""
    return _png_file(width=width, height=height, data=zlib.compress(bytes(64)))


def animated_gif(*, frames: int = 3, width: int = 96, height: int = 64) -> bytes:
    """Return a GIF of several different frames."""
    first, *rest = (
        photograph(seed, width=width, height=height) for seed in range(frames)
    )
    return encoded(first, "GIF", save_all=True, append_images=rest, duration=80)


def animated_png(*, frames: int = 3, width: int = 96, height: int = 64) -> bytes:
    """Return an APNG of several different frames."""
    first, *rest = (
        photograph(seed, width=width, height=height) for seed in range(frames)
    )
    return encoded(first, "PNG", save_all=True, append_images=rest, duration=80)


def cmyk_jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """Encode as a four-colour JPEG with Adobe's inverted values, as print shops do."""
    return jpeg(image.convert("CMYK"), quality)


def palette_png(image: Image.Image, *, colours: int = 256) -> bytes:
    """Encode as a PNG with a palette."""
    return png(image.quantize(colours))


def grey16_png(image: Image.Image) -> bytes:
    """Encode the luma as a grey PNG of 16 bits that shows what 8 bits would show."""
    plane = np.asarray(image.convert("L"), dtype=np.uint16) * np.uint16(257)
    return png(Image.fromarray(plane))


def bilevel_png(image: Image.Image) -> bytes:
    """Encode as a dithered PNG of one bit a pixel."""
    return png(image.convert("1"))


def rgba_png(image: Image.Image, *, alpha: int = 128) -> bytes:
    """Encode as a PNG with the same alpha everywhere; 255 is opaque."""
    pixels = image.convert("RGBA")
    pixels.putalpha(alpha)
    return png(pixels)


def profiled_jpeg(image: Image.Image, quality: int = 85) -> bytes:
    """Encode as a JPEG with an ICC profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return jpeg(image, quality, icc_profile=profile.tobytes())


def thumbnailed_jpeg(image: Image.Image, thumbnail: Image.Image) -> bytes:
    """Encode as a JPEG with another picture as its EXIF thumbnail."""
    inner = jpeg(thumbnail.resize((160, 120)), 75)
    main = struct.pack(">2sHI HI", b"MM", 42, 8, 0, 14)
    fields = struct.pack(
        ">H HHIHH HHII HHII I",
        *(3, 0x0103, 3, 1, 6, 0, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(inner), 0),
    )
    return jpeg(image, exif=b"Exif\0\0" + main + fields + inner)


def _natural_noise(
    rng: np.random.Generator, *, width: int, height: int, slope: float
) -> Floats:
    """Return noise whose amplitude falls with frequency to the power ``slope``."""
    white = rng.standard_normal((height, width), dtype=np.float32)
    down = np.fft.fftfreq(height)[:, None] * height
    across = np.fft.rfftfreq(width)[None, :] * width
    frequency = np.maximum(np.hypot(down, across), 1.0)
    spectrum = np.fft.rfft2(white) / frequency**slope
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(height, width))
    return _normalised(noise.astype(np.float32))


def _objects(rng: np.random.Generator) -> Floats:
    """Return soft ellipses of many sizes; each covers the earlier ones.

    The plane is small, to be stretched: soft edges need no more, and a picture of
    twelve megapixels would otherwise take seconds.
    """
    y = np.linspace(0, 1, _OBJECT_GRID, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, _OBJECT_GRID, dtype=np.float32)[None, :]
    cover = np.zeros((_OBJECT_GRID, _OBJECT_GRID), dtype=np.float32)
    for index in range(26):
        reach = np.float32(0.34 * 0.9**index + 0.035)
        centre_y, centre_x = rng.random(2, dtype=np.float32)
        flat_y, flat_x = reach * rng.uniform(0.6, 1.6, 2).astype(np.float32)
        level = np.float32(rng.normal())
        distance = ((y - centre_y) / flat_y) ** 2 + ((x - centre_x) / flat_x) ** 2
        mask = 1 / (1 + np.exp(np.clip(14 * (distance - 1), -30, 30)))
        cover += mask * (level - cover)
    return cover


def _stretched(plane: Floats, *, width: int, height: int) -> Floats:
    """Return ``plane`` resized smoothly, shape (height, width)."""
    image = Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def _tint(rng: np.random.Generator, *, width: int, height: int) -> Floats:
    """Return slow colour differences around zero, shape (height, width, 3)."""
    small = rng.normal(0, 26, (6, 8, 3)).astype(np.float32)
    small -= small @ np.array([0.299, 0.587, 0.114], dtype=np.float32)[:, None]
    channels = [
        _stretched(small[:, :, k], width=width, height=height) for k in range(3)
    ]
    return np.stack(channels, axis=2)


def _normalised(plane: Floats) -> Floats:
    """Return ``plane`` with mean 0 and standard deviation 1 (0 if it is flat)."""
    centred: Floats = plane - plane.mean()
    deviation = float(centred.std())
    scaled: Floats = centred / np.float32(deviation if deviation > 0 else 1.0)
    return scaled


def _png_file(*, width: int, height: int, data: bytes, colour: int = 2) -> bytes:
    """Return a PNG file of 8 bits a sample around packed rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return _PNG_MAGIC + b"".join(_png_chunk(name, body) for name, body in chunks)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk: length, name, body, CRC."""
    crc = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)
