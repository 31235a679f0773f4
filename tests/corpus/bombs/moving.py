"""Hostile animations: the parts of ``bombs.py`` that attack the composing of frames."""

import io
import struct
import zlib

from PIL import Image

from tests.corpus.bombs.pictures import PNG_MAGIC, chunk, riff, zeros


def restored_apng() -> bytes:
    """Return an APNG of 2,000 frames that cover the canvas and are each taken back."""
    side, frames = 1000, 2000
    packed = zeros(side * (1 + 4 * side))
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"acTL", struct.pack(">II", frames, 0))]
    for number in range(frames):
        order = max(0, 2 * number - 1)
        fields = (order, side, side, 0, 0, 1, 100, 2, 1)
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", *fields)))
        numbered = struct.pack(">I", order + 1) + packed
        parts.append(chunk(b"fdAT", numbered) if number else chunk(b"IDAT", packed))
    return PNG_MAGIC + b"".join(parts) + chunk(b"IEND", b"")


def scattered_apng() -> bytes:
    """Return an APNG whose frames are packed in 12,000 chunks of a byte."""
    side, frames = 64, 50
    packed = zlib.compress(bytes(side * (1 + 3 * side)), 0)[:250]
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"acTL", struct.pack(">II", frames, 0))]
    order = 0
    for number in range(frames):
        fields = (order, side, side, 0, 0, 1, 100, 0, 0)
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", *fields)))
        order += 1
        for at in range(len(packed)):
            byte = packed[at : at + 1]
            if number == 0:
                parts.append(chunk(b"IDAT", byte))
                continue
            parts.append(chunk(b"fdAT", struct.pack(">I", order) + byte))
            order += 1
    return PNG_MAGIC + b"".join(parts) + chunk(b"IEND", b"")


def pieces_gif() -> bytes:
    """Return a GIF of 4,900 frames, each of one pixel on a canvas of full size."""
    piece = b"!\xf9\4\4\1\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    head = struct.pack("<6sHHBBB", b"GIF89a", 640, 480, 0x80, 0, 0) + bytes(6)
    # The bytes after the end raise the limit of steps.
    return head + piece * 4900 + b";" + bytes(600_000)


def restored_gif() -> bytes:
    """Return a GIF of 12 megapixels whose frames are all taken back."""
    side = 3500
    file = io.BytesIO()
    Image.new("P", (side, side)).save(file, "GIF")
    data = file.getvalue()
    start = data.index(b",\0\0\0\0")
    pixels = data[start + 10 : -1]
    piece = b"!\xf9\4\x0d\1\0\0\0" + struct.pack("<c4HB", b",", 0, 0, side, side, 0)
    head = struct.pack("<6sHHBBB", b"GIF89a", side, side, 0x80, 0, 0) + bytes(6)
    return head + (piece + pixels) * 6 + b";"


def segments_webp() -> bytes:
    """Return a WebP of 60 independent frames, after a profile of 8 MiB."""
    frame = (
        b"\0" * 6
        + (15).to_bytes(3, "little") * 2
        + (50).to_bytes(3, "little")
        + b"\2"
        + _flat_lossless()
    )
    profile = bytes(8 << 20)
    body = (
        b"WEBPVP8X"
        + struct.pack("<II", 10, 0x22)
        + (15).to_bytes(3, "little") * 2
        + b"ICCP"
        + struct.pack("<I", len(profile))
        + profile
        + b"ANIM"
        + struct.pack("<IIH", 6, 0, 0)
        + (b"ANMF" + struct.pack("<I", len(frame)) + frame) * 60
    )
    return riff(body)


def _flat_lossless() -> bytes:
    """Return the picture of a frame: 16 x 16 pixels of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "WEBP", lossless=True)
    return file.getvalue()[12:]
