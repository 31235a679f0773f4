"""Tricks with the colours of pictures in PDF documents: spaces, functions and masks.

The only page of each document is the target, stored so that a reader which computes the
colours shows it, and the plain samples mostly do not. In ``tests/e2e/test_papers.py``
poppler draws each page, and the filter must see the same picture.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.corpus import pictures
from tests.corpus.pdfs import Dictionary, Document, Name, Stream, Value
from tests.corpus.tricks.kit import Family, FileType, Shown, dithered, of_family

Levels = NDArray[np.float64]
"""Samples from 0 to 1, shape (height, width, components)."""

JPX = -1  # means that the JPEG 2000 tells the bits of a component
_FILTERS = {0: Name.DCTDecode, JPX: Name.JPXDecode}

More = Callable[[Document, Image.Image], dict[str, object]]
"""Makes further entries of a dictionary for the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One way to store a picture in a document.

    Attributes:
        name: Its subject.
        about: Its description, in a few words.
        space: Makes the colour space.
        levels: Makes the samples of the target and the decoy.
        decode: The array of that name; empty if it is left out.
        bits: Of a component; 0 if a JPEG holds the samples, ``JPX`` if JPEG 2000 does.
        more: Further entries of the dictionary.
    """

    name: str
    about: str
    space: Callable[[Document], Value]
    levels: Callable[[Image.Image, Image.Image], Levels]
    decode: tuple[float, ...] = ()
    bits: int = 8
    more: More = lambda _pdf, _target: {}


def light(image: Image.Image) -> Levels:
    """Return luma from 0 to 1."""
    return np.asarray(image.convert("L"), dtype=np.float64)[:, :, None] / 255


def page_of(paper: Paper, target: Image.Image, decoy: Image.Image) -> bytes:
    """Return a document of one page that is the picture."""
    document = Document()
    picture = Stream(_packed(paper, paper.levels(target, decoy)))
    picture.Type, picture.Subtype = Name.XObject, Name.Image
    picture.Width, picture.Height = target.size
    picture.ColorSpace = paper.space(document)
    picture.BitsPerComponent = paper.bits if paper.bits > 0 else 8
    picture.Filter = _FILTERS.get(paper.bits, Name.FlateDecode)
    if paper.decode:
        picture.Decode = list(paper.decode)
    picture.update(paper.more(document, target))
    document.show(picture, target.size)
    return document.save()


def _packed(paper: Paper, levels: Levels) -> bytes:
    if paper.bits <= 0:
        samples = np.rint(levels * 255).astype(np.uint8)
        mode = {1: "L", 3: "RGB", 4: "CMYK"}[samples.shape[2]]
        image = Image.fromarray(samples[:, :, 0] if mode == "L" else samples, mode)
        return _saved(image, _FILTERS[paper.bits])
    whole = np.rint(levels * ((1 << paper.bits) - 1)).astype(np.uint16)
    places = np.arange(paper.bits - 1, -1, -1)
    bits = (whole[..., None] >> places & 1).astype(np.uint8)
    return zlib.compress(
        np.packbits(bits.reshape(len(levels), -1), axis=1).tobytes(), 1
    )


def _saved(image: Image.Image, packed: Name) -> bytes:
    if packed == Name.FlateDecode:
        return zlib.compress(image.tobytes())
    is_jpx = packed == Name.JPXDecode
    return pictures.encoded(image, "JPEG2000") if is_jpx else pictures.jpeg(image, 95)


def function(
    pdf: Document,
    kind: int,
    inputs: int,
    outputs: int,
    *,
    data: bytes = b"",
    **more: object,
) -> Value:
    """Make a function."""
    made = Stream(data) if data else Dictionary()
    made.FunctionType = kind
    made.Domain = [0, 1] * inputs
    made.Range = [0, 1] * outputs
    made.update(more)
    return pdf.make_indirect(made)


def inks(_pdf: Document, count: int, base: Name, tint: Value) -> Value:
    """Make a space of one ink or of several."""
    if count == 1:
        return [Name.Separation, Name.Spot, base, tint]
    names = [Name(f"Ink{number}") for number in range(count)]
    return [Name.DeviceN, names, base, tint]


def program(pdf: Document, inputs: int, outputs: int, text: bytes) -> Value:
    """Make a calculator function."""
    return function(pdf, 4, inputs, outputs, data=text)


def folded(target: Image.Image, _decoy: Image.Image) -> Levels:
    """Store the target so that a fold in the middle shows it: 0.5 is the brightest."""
    half = light(target) / 2
    odd = (np.indices(half.shape).sum(axis=0) % 2).astype(bool)
    return np.where(odd, half, 1 - half)


def second_of(count: int) -> Callable[[Image.Image, Image.Image], Levels]:
    """Store the decoy in every component except the second, which is the target."""

    def levels(target: Image.Image, decoy: Image.Image) -> Levels:
        channels = [light(decoy)] * count
        channels[1 if count > 1 else 0] = light(target)
        return np.concatenate(channels, axis=2)

    return levels


def shuffled(target: Image.Image, _decoy: Image.Image) -> Levels:
    """Store numbers that only a palette puts in order."""
    numbers = np.rint(light(target) * 255).astype(np.int64)
    return np.asarray(ORDER)[numbers] / 255


ORDER = tuple(int(n) for n in np.random.Generator(np.random.PCG64(9)).permutation(256))
_BACK = np.argsort(ORDER).astype(np.uint8)

INVERTED_GREY = (1.0, 0.0)


def _fold_samples(pdf: Document) -> Value:
    return function(*(pdf, 0, 1, 1), data=b"\0\xff\0", Size=[3], BitsPerSample=8)


def _fold_program(pdf: Document) -> Value:
    text = b"{ dup 0.5 gt { 1 exch sub } if 2 mul % a fold\n }"
    return program(pdf, 1, 1, text)


def _fold_stitched(pdf: Document) -> Value:
    up = function(pdf, 2, 1, 1, C0=[0], C1=[1], N=1)
    return function(
        *(pdf, 3, 1, 1),
        Functions=[up, up],
        Bounds=[0.5],
        Encode=[0, 1, 1, 0],
    )


def _lab(pdf: Document) -> Value:
    del pdf
    white = [0.9505, 1, 1.089]
    return [Name.Lab, Dictionary(WhitePoint=white, Range=[-100, 100, -100, 100])]


def _lab_levels(target: Image.Image, decoy: Image.Image) -> Levels:
    """Store the target as lightness, between two flat colours and no decoy."""
    del decoy
    half = np.full_like(light(target), 0.5)
    return np.concatenate((light(target), half, half), axis=2)


def _profile(pdf: Document) -> Value:
    stream = Stream(bytes(200))
    stream.N, stream.Alternate = 3, _lab(pdf)
    return [Name.ICCBased, pdf.make_indirect(stream)]


def _palette(pdf: Document, base: Value) -> Value:
    del pdf
    return [Name.Indexed, base, 255, _BACK.tobytes()]


def _key(_pdf: Document, _target: Image.Image) -> dict[str, object]:
    return {"Mask": [0, 127]}


_MIX = b"{ pop exch pop }"
_GREY, _COLOURS = Name.DeviceGray, Name.DeviceRGB


def soft_mask(
    *, packed: Name = Name.FlateDecode, size: tuple[int, int] = (640, 480)
) -> More:
    """Return a function that makes the target a soft mask: black shows it on white."""

    def make(pdf: Document, target: Image.Image) -> dict[str, object]:
        dark = 255 - np.asarray(target.convert("L").resize(size))
        shade = Image.fromarray(dark)
        data = _saved(shade, packed)
        mask = Stream(data)
        mask.Type, mask.Subtype = Name.XObject, Name.Image
        mask.Width, mask.Height = size
        mask.ColorSpace, mask.BitsPerComponent = Name.DeviceGray, 8
        mask.Filter = packed
        return {"SMask": pdf.make_indirect(mask)}

    return make


def _stencil(pdf: Document, target: Image.Image) -> dict[str, object]:
    """Cut the bright half of the target out of black."""
    bright = np.asarray(target.convert("1"))
    mask = Stream(zlib.compress(np.packbits(bright, axis=1).tobytes()))
    mask.Type, mask.Subtype, mask.ImageMask = Name.XObject, Name.Image, True
    mask.Width, mask.Height = target.size
    mask.BitsPerComponent, mask.Filter = 1, Name.FlateDecode
    return {"Mask": pdf.make_indirect(mask)}


def _keyed(target: Image.Image, decoy: Image.Image) -> Levels:
    """Store the decoy where the target is bright: its values are not painted."""
    bright = dithered(target)[:, :, None]
    return np.where(bright, 0.45 * light(decoy), 0.51)


def dim_decoy(_target: Image.Image, decoy: Image.Image) -> Levels:
    """Store the decoy so dark that it is hardly visible beside the target."""
    return light(decoy) * 0.25


PAPERS = (
    Paper(
        name="separation-sampled",
        about="an ink that a table of samples folds",
        space=lambda pdf: inks(pdf, 1, _GREY, _fold_samples(pdf)),
        levels=folded,
    ),
    Paper(
        name="separation-program",
        about="an ink that a program folds",
        space=lambda pdf: inks(pdf, 1, _GREY, _fold_program(pdf)),
        levels=folded,
    ),
    Paper(
        name="separation-stitched",
        about="an ink that two functions fold",
        space=lambda pdf: inks(pdf, 1, _GREY, _fold_stitched(pdf)),
        levels=folded,
    ),
    Paper(
        name="separation-16-bits",
        about="the same ink in 16 bits",
        space=lambda pdf: inks(pdf, 1, _GREY, _fold_program(pdf)),
        levels=folded,
        bits=16,
    ),
    Paper(
        name="separation-exponential",
        about="an ink that a power mixes with white",
        space=lambda pdf: inks(
            pdf,
            1,
            _COLOURS,
            function(*(pdf, 2, 1, 3), C0=[1, 1, 1], C1=[0, 0, 0.2], N=0.8),
        ),
        levels=lambda target, decoy: 1 - light(target) + 0 * light(decoy),
    ),
    Paper(
        name="inks-program",
        about="three inks, of which a program shows the second",
        space=lambda pdf: inks(pdf, 3, _GREY, program(pdf, 3, 1, _MIX)),
        levels=second_of(3),
        bits=8,
    ),
    Paper(
        name="two-inks",
        about="two inks, of which a program shows the second",
        space=lambda pdf: inks(pdf, 2, _GREY, program(pdf, 2, 1, b"{ exch pop }")),
        levels=second_of(2),
    ),
    Paper(
        name="five-inks",
        about="five inks in 4 bits, of which a program shows the second",
        space=lambda pdf: inks(
            pdf, 5, _GREY, program(pdf, 5, 1, b"{ pop pop pop exch pop }")
        ),
        levels=second_of(5),
        bits=4,
    ),
    Paper(
        name="grey-decode",
        about="grey that `/Decode` turns round",
        space=lambda _: _GREY,
        levels=lambda target, decoy: 1 - light(target) + 0 * light(decoy),
        decode=INVERTED_GREY,
    ),
    Paper(
        name="colours-decode",
        about="colours of which `/Decode` leaves out one and turns one round",
        space=lambda _: _COLOURS,
        levels=lambda target, decoy: np.concatenate(
            (light(decoy), light(target), 1 - light(target)), axis=2
        ),
        decode=(0, 0, 0, 1, 1, 0),
    ),
    Paper(
        name="jpeg-decode",
        about="the same over a JPEG",
        space=lambda _: _COLOURS,
        levels=lambda target, decoy: np.concatenate(
            (light(decoy), light(target), 1 - light(target)), axis=2
        ),
        decode=(0, 0, 0, 1, 1, 0),
        bits=0,
    ),
    Paper(
        name="jpeg-inks",
        about="three inks over a JPEG",
        space=lambda pdf: inks(pdf, 3, _GREY, program(pdf, 3, 1, _MIX)),
        levels=second_of(3),
        bits=0,
    ),
    Paper(
        name="jpeg-separation",
        about="an ink over a JPEG",
        space=lambda pdf: inks(pdf, 1, _GREY, _fold_samples(pdf)),
        levels=lambda target, decoy: light(target) / 2 + 0 * light(decoy),
        bits=0,
    ),
    Paper(
        name="lab",
        about="lightness and two differences of colours",
        space=_lab,
        levels=_lab_levels,
    ),
    Paper(
        name="jpeg-lab",
        about="the same over a JPEG",
        space=_lab,
        levels=_lab_levels,
        bits=0,
    ),
    Paper(
        name="alternate",
        about="a profile that no reader takes, and what stands for it",
        space=_profile,
        levels=_lab_levels,
    ),
    Paper(
        name="palette",
        about="numbers that a palette puts in order",
        space=lambda pdf: _palette(pdf, _GREY),
        levels=shuffled,
    ),
    Paper(
        name="palette-of-inks",
        about="a palette of an ink",
        space=lambda pdf: _palette(
            pdf, inks(pdf, 1, _GREY, program(pdf, 1, 1, b"{ 1 exch sub }"))
        ),
        levels=lambda target, decoy: shuffled(
            Image.fromarray(255 - np.asarray(target.convert("L"))), decoy
        ),
    ),
    Paper(
        name="palette-decode",
        about="numbers that `/Decode` turns round, and a palette",
        space=lambda pdf: _palette(pdf, _GREY),
        levels=lambda target, decoy: 1 - shuffled(target, decoy),
        decode=(255, 0),
    ),
    Paper(
        name="colour-key",
        about="greys that are not painted",
        space=lambda _: _GREY,
        levels=_keyed,
        more=_key,
    ),
    Paper(
        name="soft-mask",
        about="the target in the mask of a dark decoy",
        space=lambda _: _GREY,
        levels=dim_decoy,
        more=soft_mask(),
    ),
    Paper(
        name="soft-mask-jpeg",
        about="the same over a JPEG",
        space=lambda _: _GREY,
        levels=dim_decoy,
        bits=0,
        more=soft_mask(),
    ),
    Paper(
        name="jpeg-mask",
        about="the mask is a JPEG",
        space=lambda _: _GREY,
        levels=dim_decoy,
        more=soft_mask(packed=Name.DCTDecode),
    ),
    Paper(
        name="small-mask",
        about="a mask smaller than its picture",
        space=lambda _: _GREY,
        levels=dim_decoy,
        bits=0,
        more=soft_mask(size=(200, 150)),
    ),
    Paper(
        name="mask-on-inks",
        about="a mask over two inks",
        space=lambda pdf: inks(pdf, 2, _GREY, program(pdf, 2, 1, b"{ exch pop }")),
        levels=lambda target, decoy: np.concatenate(
            (light(target), dim_decoy(target, decoy)), axis=2
        ),
        more=soft_mask(),
    ),
    Paper(
        name="jpx",
        about="the target in JPEG 2000",
        space=lambda _: _GREY,
        levels=lambda target, _decoy: light(target),
        bits=JPX,
    ),
    Paper(
        name="mask-on-jpx",
        about="the target masks JPEG 2000",
        space=lambda _: _GREY,
        levels=dim_decoy,
        bits=JPX,
        more=soft_mask(),
    ),
    Paper(
        name="jpx-mask",
        about="the mask is in JPEG 2000",
        space=lambda _: _GREY,
        levels=dim_decoy,
        more=soft_mask(packed=Name.JPXDecode),
    ),
    Paper(
        name="stencil",
        about="a mask of one bit",
        space=lambda _: _GREY,
        levels=dim_decoy,
        more=_stencil,
    ),
)
_paper = of_family(Family.PAPER)


PAPER_TRICKS = tuple(
    _paper(
        f"pdf-{paper.name}",
        FileType.PDF,
        partial(page_of, paper),
        paper.about,
        shown=Shown.NOTHING,
    )
    for paper in PAPERS
)
