"""The filter sees the pictures of PDF documents as poppler draws them.

Each trick of ``tricks/papers.py``, and documents that a seed puts together of spaces,
functions, decodings and masks, are drawn by ``pdftoppm``; what it draws lies near to a
view of the filter.
"""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Name
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks import papers as tricks_papers
from tests.corpus.tricks import tricks
from tests.corpus.tricks.papers import Levels, Paper, function, inks, light, program
from tests.sites.programs import debian
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.proposals import kind_of
from uploadfilter.contents.members import Member, Shortfall, UnpackLimits, UnpackMeter
from uploadfilter.contents.pdf.documents import PDFContainer
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import QUALITY_FLOOR, SignalType
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.frame import Omission
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals import pdq
from uploadfilter.signals.views import view_of, views_of

pytestmark = pytest.mark.e2e

NEAR_BITS = 24
"""Poppler rounds, and scales a mask, in another way."""

SEEDS = 24
TARGET = tricks.photograph(tricks.TARGET_SEED)
DECOY = tricks.photograph(tricks.DECOY_SEED)
MIXES = (
    b"1 exch sub",
    b"dup mul",
    b"dup 0.5 gt { 1 exch sub } if 2 mul",
    b"180 mul sin",
    b"3 mul cvi 3 div",
    b"0.8 mul 0.1 add",
)


def drawn(document: bytes, folder: Path) -> Image.Image:
    """Return what poppler draws of the first page."""
    (folder / "page.pdf").write_bytes(document)
    subprocess.run(  # noqa: S603 -- our own document
        [
            debian("pdftoppm", package="poppler-utils"),
            *("-r", "72", "-png", "-singlefile", "page.pdf", "page"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return Image.open(folder / "page.png").convert("RGB")


def files_in(document: bytes) -> Iterator[bytes]:
    """Yield the pictures in a document, as files."""
    limits = UnpackLimits(max_ratio=1_000_000, max_output_bytes=1 << 30)
    meter = UnpackMeter(limits, content_bytes=len(document))
    for item in PDFContainer().members(MemorySource(document), meter):
        if isinstance(item, Member) and isinstance(item.content, Iterator):
            parts = list(item.content)
            assert not [part for part in parts if isinstance(part, Shortfall)]
            yield b"".join(part for part in parts if isinstance(part, bytes))


def picture_of(image: Image.Image) -> Picture:
    """Return the luma of an image."""
    plane = np.asarray(image.convert("L"))
    height, width = plane.shape
    return Picture(plane=plane, shape=Shape(height=height, width=width))


def nearest(document: bytes, seen: Image.Image) -> int:
    """Return the least distance of the drawing to a view, in bits of PDQ."""
    expected = view_of(picture_of(seen), name="seen").signals[0].signal.value
    distances = []
    for file in files_in(document):
        views = views_of(
            io.BytesIO(file),
            formats=formats.FORMATS,
            limits=DecodeLimits(),
            most_views=64,
            most_signals=4096,
        )
        distances += [
            (int.from_bytes(item.signal.value) ^ int.from_bytes(expected)).bit_count()
            for view in views
            if not isinstance(view, Omission)
            for item in view.signals
            if item.signal.type is SignalType.PDQ
        ]
    return min(distances)


@pytest.mark.parametrize("paper", tricks_papers.PAPERS, ids=lambda paper: paper.name)
def test_poppler_shows_the_target_and_the_filter_sees_it(
    paper: Paper, tmp_path: Path
) -> None:
    """Every trick with colours of documents is one to a reader, and none to us."""
    document = tricks_papers.page_of(paper, TARGET, DECOY)
    seen = drawn(document, tmp_path)

    target = view_of(picture_of(TARGET), name="target").signals[0].signal.value
    shown = view_of(picture_of(seen), name="seen").signals[0].signal.value
    assert (int.from_bytes(shown) ^ int.from_bytes(target)).bit_count() <= 31
    assert nearest(document, seen) <= NEAR_BITS


def any_function(
    rng: np.random.Generator, pdf: pikepdf.Pdf, inputs: int, outputs: int
) -> pikepdf.Object:
    """Make a function of any kind."""
    kind = int(rng.choice([0, 2, 3, 4] if inputs == 1 else [0, 4]))
    if kind == 0:
        sizes = [int(rng.integers(2, 5)) for _ in range(inputs)]
        count = int(np.prod(sizes)) * outputs
        bits = int(rng.choice([8, 16]))
        data = rng.integers(0, 256, count * bits // 8, np.uint8).tobytes()
        return function(
            *(pdf, 0, inputs, outputs),
            data=data,
            Size=Array(sizes),
            BitsPerSample=bits,
        )
    if kind == 4:
        text = b" ".join(bytes(rng.choice(MIXES)) for _ in range(2))
        keep = b"pop " * (inputs - 1)
        return program(
            pdf, inputs, outputs, b"{ " + keep + text + b" dup" * (outputs - 1) + b" }"
        )
    ends = [Array([round(float(v), 3) for v in rng.random(outputs)]) for _ in "ab"]
    power = float(rng.choice([1, 2, 0.5]))
    ramp = function(pdf, 2, 1, outputs, C0=ends[0], C1=ends[1], N=power)
    if kind == 2:
        return ramp
    other = function(pdf, 2, 1, outputs, C0=ends[1], C1=ends[0], N=1)
    return function(
        *(pdf, 3, 1, outputs),
        Functions=Array([ramp, other]),
        Bounds=Array([round(float(rng.uniform(0.2, 0.8)), 3)]),
        Encode=Array([0, 1, 0, 1]),
    )


def any_paper(seed: int) -> Paper:
    """Put a document together of what there is."""
    rng = np.random.Generator(np.random.PCG64(seed))
    count = int(rng.integers(1, 5))
    is_jpeg = count in {1, 3} and rng.random() < 0.3
    bits = 0 if is_jpeg else int(rng.choice([4, 8, 16]))
    base, outputs = (Name.DeviceGray, 1) if rng.random() < 0.5 else (Name.DeviceRGB, 3)
    low = [round(float(v), 2) for v in rng.uniform(0, 0.3, count)]
    high = [round(float(v), 2) for v in rng.uniform(0.7, 1, count)]
    turned = rng.random(count) < 0.5
    pairs = [
        (b, a) if turn else (a, b) for a, b, turn in zip(low, high, turned, strict=True)
    ]

    def space(pdf: pikepdf.Pdf) -> pikepdf.Object:
        again = np.random.Generator(np.random.PCG64(seed + 1000))
        return inks(pdf, count, base, any_function(again, pdf, count, outputs))

    def levels(_target: Image.Image, _decoy: Image.Image) -> Levels:
        planes = [
            light(pictures.photograph(seed * 10 + n, width=320, height=240))
            for n in range(count)
        ]
        return np.concatenate(planes, axis=2)

    return Paper(
        name=f"seed-{seed}",
        about="any",
        space=space,
        levels=levels,
        bits=bits,
        decode=tuple(v for pair in pairs for v in pair) if rng.random() < 0.5 else (),
        more=tricks_papers.soft_mask(size=(320, 240))
        if rng.random() < 0.3
        else lambda _pdf, _target: {},
    )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_colours_are_seen_as_poppler_draws_them(seed: int, tmp_path: Path) -> None:
    """Whatever spaces, functions, decodings and masks are put together."""
    small = TARGET.resize((320, 240))
    document = tricks_papers.page_of(any_paper(seed), small, small)
    seen = drawn(document, tmp_path)
    speaks = pdq.qualities_of(pdq.plane_of(picture_of(seen))[None])[0] >= QUALITY_FLOOR

    assert nearest(document, seen) <= NEAR_BITS or not speaks


BODY = (
    b"1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
    b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n"
    b"trailer\n<</Root 1 0 R>>\n"
)


@pytest.mark.parametrize(
    ("content", "is_opened"),
    [
        pytest.param(b"%PDF-1.4\n" + BODY, True, id="document"),
        pytest.param(b"words " * 150 + b"%PDF-1.4\n" + BODY, True, id="behind-words"),
        pytest.param(b"%PDF-1.4\nis how a document begins", False, id="prose"),
        pytest.param(b"MAGIC = b'%PDF-'\nobj = 1 # object", False, id="program"),
        pytest.param(b"<html>%PDF-1.4 trailer startxref", False, id="page"),
    ],
)
def test_what_poppler_opens_is_a_document(
    content: bytes, is_opened: bool, tmp_path: Path
) -> None:
    """A text about the format is only a text, to it and to the filter."""
    (tmp_path / "page.pdf").write_bytes(content)
    done = subprocess.run(
        ["pdfinfo", "page.pdf"],  # noqa: S607 -- as installed
        cwd=tmp_path,
        check=False,
        capture_output=True,
        timeout=60,
    )

    assert (done.returncode == 0) is is_opened
    assert (kind_of(MemorySource(content)) is Kind.PDF) is is_opened
