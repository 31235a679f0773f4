"""Hostile pictures that are shown in many ways: parts of ``bombs.py``."""

import io
import zlib

import numpy as np
from PIL import Image

from tests.corpus.pdfs import Document, Name, Stream, image

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
    tint = Stream(text, FunctionType=4, Domain=[0, 1] * 5, Range=[0, 1])
    inks = [Name(f"Ink{each}") for each in range(5)]
    samples = zlib.compress(bytes(5 * 2500 * 2500), 9)
    picture = image("L", 2500, 2500, samples, Filter=Name.FlateDecode)
    picture.ColorSpace = [Name.DeviceN, inks, Name.DeviceGray, tint]
    document = Document()
    document.show(picture, (500, 500))
    return document.save()


def stretched_pdf() -> bytes:
    """Return a PDF of ten megapixels whose colours are all stretched."""
    samples = zlib.compress(bytes(3 * 3300 * 3300), 9)
    picture = image("RGB", 3300, 3300, samples, Filter=Name.FlateDecode)
    picture.Decode = [0, 0.5, 1, 0.5, 0.2, 0.7]
    document = Document()
    document.show(picture, (500, 500))
    return document.save()
