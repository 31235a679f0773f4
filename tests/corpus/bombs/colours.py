"""Hostile colours: profiles, gain maps and items that are expensive to evaluate."""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.corpus.bombs.pictures import chunk, flat_png
from tests.corpus.tricks.gains import multi_picture, xmp_segment
from tests.corpus.tricks.icc import (
    PRIMARIES,
    RAMP,
    curve_of,
    linear_of,
    profile_of,
    xyz,
)
from tests.corpus.tricks.tones import box, full_box

_MIB = 1024 * 1024


def _tags() -> dict[bytes, bytes]:
    """Return the tags of a profile with curves, a table and code points."""
    curve = curve_of(linear_of(RAMP))
    tags = {b"cicp": b"cicp" + bytes(4) + bytes((9, 8, 0, 1))}
    for letter, primary in zip((b"r", b"g", b"b"), PRIMARIES, strict=True):
        tags[letter + b"XYZ"] = xyz(primary)
        tags[letter + b"TRC"] = curve
    ramp = np.linspace(0, 65535, 256).astype(">u2").tobytes()
    side = 33
    grid = np.random.default_rng(1).integers(0, 65536, 3 * side**3)
    head = b"mft2" + bytes(4) + bytes((3, 3, side, 0)) + bytes(36)
    head += struct.pack(">HH", 256, 256)
    tags[b"A2B0"] = head + ramp * 3 + grid.astype(">u2").tobytes() + ramp * 3
    return tags


def _chunk(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"p\0\0" + zlib.compress(profile, 1))


def tags_png() -> bytes:
    """Return a PNG whose profile has a million tags."""
    profile = profile_of(_tags())
    tags = profile[132:144] * 1_000_000
    size = struct.pack(">I", 132 + len(tags))
    whole = size + profile[4:128] + struct.pack(">I", 1_000_000) + tags
    return flat_png(64, 64, bits=8, channels=3, before=_chunk(whole))


def overlapping_png() -> bytes:
    """Return a PNG whose profile has 4,999 tags of the same 15 MB, full of curves."""
    curve = b"curv" + bytes(4) + struct.pack(">I", 65_000)
    body = curve * 1_250_000
    start = 132 + 12 * 4999
    names = (b"rXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"A2B0", b"A2B1", b"cicp")
    entries = b"".join(
        names[at % len(names)] + struct.pack(">II", start, len(body))
        for at in range(4999)
    )
    head = profile_of(_tags())[4:128]
    whole = struct.pack(">I", start + len(body)) + head + struct.pack(">I", 4999)
    return flat_png(64, 64, bits=8, channels=3, before=_chunk(whole + entries + body))


def packets_jpeg() -> bytes:
    """Return a JPEG with 60,000 overlapping packets of metadata after it."""
    photo = pictures.jpeg(Image.new("RGB", (64, 64), (9, 99, 200)))
    packet = b"\xff\xe1\xff\xffhttp://ns.adobe.com/xap/1.0/\0"
    return multi_picture(photo, photo) + packet * 60_000


def ways_png() -> bytes:
    """Return a PNG of 4 megapixels whose profile may be read in four ways."""
    before = _chunk(profile_of(_tags()))
    return flat_png(2000, 2000, bits=8, channels=3, before=before)


def grey_ways_png() -> bytes:
    """Return a narrow grey PNG with alpha whose profile may be read in four ways."""
    before = _chunk(profile_of(_tags()))
    return flat_png(719, 5500, bits=8, channels=2, before=before)


def ways_webp() -> bytes:
    """Return 30 frames whose profile may be read in four ways."""
    frames = [Image.new("RGB", (640, 480), (4 * n, 99, 9)) for n in range(30)]
    return pictures.encoded(
        frames[0],
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        icc_profile=profile_of(_tags()),
    )


def long_curve_png() -> bytes:
    """Return a PNG whose profile has curves of eight million values."""
    values = np.arange(8_000_000, dtype=np.uint32) * 8191 % 65_536
    curve = b"curv" + bytes(4) + struct.pack(">I", len(values))
    tags = _tags() | {b"rTRC": curve + values.astype(">u2").tobytes()}
    del tags[b"A2B0"]
    before = _chunk(profile_of(tags))
    return flat_png(1000, 999, bits=8, channels=3, before=before)


def steep_png() -> bytes:
    """Return a PNG that must be converted before it is reduced."""
    tags = _tags()
    curve = curve_of((np.arange(256) % 2).astype(np.float64))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    before = _chunk(profile_of(tags))
    return flat_png(1000, 999, bits=8, channels=3, before=before)


def gain_maps_jpeg() -> bytes:
    """Return a JPEG of 12 megapixels with a hundred gain maps that change it."""
    fields = {"BaseRenditionIsHDR": "True", "HDRCapacityMax": "3"}
    small = pictures.jpeg(Image.new("L", (64, 64), 90))
    second = small[:2] + xmp_segment(fields, "<a/>" * 12_000) + small[2:]
    base = pictures.jpeg(Image.new("RGB", (4000, 3000), (9, 99, 200)))
    return multi_picture(base, second) + second * 99


def tone_maps_avif() -> bytes:
    """Return an AVIF with 1,900 items that combine other items."""
    items = range(1, 1901)
    entries = b"".join(
        full_box(b"infe", struct.pack(">HH", item, 0) + b"tmap\0", flags=0x2000000)
        for item in items
    )
    made = b"".join(box(b"dimg", struct.pack(">4H", item, 2, 1, 2)) for item in items)
    meta = full_box(b"iinf", struct.pack(">H", len(items)) + entries)
    meta += full_box(b"iref", made)
    photo = pictures.encoded(Image.new("RGB", (64, 64)), "AVIF")
    return photo + full_box(b"meta", meta)
