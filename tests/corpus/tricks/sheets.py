"""Tricks with the place of a picture in a PDF document.

The page, or a filled-in form, shows the target by operators in several streams, or in a
stream of another kind.
"""

import base64
import zlib
from functools import partial

from PIL import Image

from tests.corpus import pictures
from tests.corpus.pdfs import Dictionary, Document, Stream
from tests.corpus.tricks.kit import Family, FileType, Shown, of_family

_WIDTH, _HEIGHT = 320, 240
"""Width and height of an inline image, in samples."""


def in_streams(*contents: bytes, size: tuple[int, int]) -> bytes:
    """Return a document whose page is drawn by several streams, read as one."""
    document = Document()
    document.add_page(size).Contents = [Stream(each) for each in contents]
    return document.save()


def _streams(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Cut the inline image between its dictionary and its filter."""
    data = zlib.compress(target.resize((_WIDTH, _HEIGHT)).tobytes())
    begun = b"q %d 0 0 %d 0 0 cm BI /W %d /H %d" % (*target.size, _WIDTH, _HEIGHT)
    rest = b"/CS /RGB /BPC 8 /F /Fl ID " + data + b" EI Q"
    return in_streams(begun, rest, size=target.size)


def form_with(image: bytes) -> bytes:
    """Return a document with a form that programs other than poppler draw."""
    template = b'<template xmlns="http://www.xfa.org/schema/xfa-template/3.3/"><image>'
    words = template + base64.b64encode(image) + b"</image></template>"

    document = Document()
    document.add_page((640, 480))
    document.root.AcroForm = Dictionary(Fields=[], XFA=["template", Stream(words)])
    return document.save()


def _form(target: Image.Image, _decoy: Image.Image) -> bytes:
    return form_with(pictures.jpeg(target))


_sheet = partial(
    of_family(Family.PAPER),
    shown=Shown.NOTHING,
)

SHEET_TRICKS = (
    _sheet(
        "pdf-streams",
        FileType.PDF,
        _streams,
        "a picture among what is drawn, cut between two streams",
    ),
    _sheet("pdf-form", FileType.PDF, _form, "base64 in a form that is drawn anew"),
)
