"""Hostile pictures that are shown in many ways: parts of ``bombs.py``."""

import io
import zlib

import numpy as np
import pikepdf
from PIL import Image

_SEED = 3


def sheer_png() -> bytes:
    """Return a PNG of four megapixels that shows another picture on each grey page."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    blocks = rng.integers(0, 256, (24, 32, 2), np.uint8)
    samples = blocks.repeat(230, axis=0)[:5500].repeat(23, axis=1)[:, :719]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(samples), "LA").save(file, "PNG")
    return file.getvalue()


def canvas_jpeg() -> bytes:
    """Return a progressive JPEG of 24 megapixels: a small picture on a plain canvas."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    canvas = np.full((4890, 4890), 255, np.uint8)
    canvas[2300:2600, 2300:2600] = rng.integers(0, 256, (300, 300), np.uint8)
    file = io.BytesIO()
    Image.fromarray(canvas).save(file, "JPEG", progressive=True, quality=95)
    return file.getvalue()


def program_pdf() -> bytes:
    """Return a PDF of six megapixels of five inks, and a long program to mix them."""
    text = b"{ pop pop pop pop " + b"dup mul sqrt 1 exch sub " * 160 + b"}"
    with pikepdf.new() as pdf:
        tint = pikepdf.Stream(pdf, text)
        tint.FunctionType = 4
        tint.Domain = pikepdf.Array([0, 1] * 5)
        tint.Range = pikepdf.Array([0, 1])
        inks = pikepdf.Array([pikepdf.Name(f"/Ink{each}") for each in range(5)])
        picture = pikepdf.Stream(pdf, zlib.compress(bytes(5 * 2500 * 2500), 9))
        picture.Type, picture.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        picture.Width, picture.Height = 2500, 2500
        picture.BitsPerComponent, picture.Filter = 8, pikepdf.Name.FlateDecode
        picture.ColorSpace = pikepdf.Array(
            [pikepdf.Name.DeviceN, inks, pikepdf.Name.DeviceGray, tint]
        )
        pdf.Root.Held = pdf.make_indirect(picture)
        file = io.BytesIO()
        pdf.save(file, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return file.getvalue()


def stretched_pdf() -> bytes:
    """Return a PDF of ten megapixels whose colours are all stretched."""
    with pikepdf.new() as pdf:
        picture = pikepdf.Stream(pdf, zlib.compress(bytes(3 * 3300 * 3300), 9))
        picture.Type, picture.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        picture.Width, picture.Height = 3300, 3300
        picture.BitsPerComponent, picture.Filter = 8, pikepdf.Name.FlateDecode
        picture.ColorSpace = pikepdf.Name.DeviceRGB
        picture.Decode = pikepdf.Array([0, 0.5, 1, 0.5, 0.2, 0.7])
        pdf.Root.Held = pdf.make_indirect(picture)
        file = io.BytesIO()
        pdf.save(file, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return file.getvalue()
