"""The filter sees the pictures of PDF documents as poppler draws them.

Each trick of ``tricks/papers.py``, and documents that a seed puts together of spaces,
functions, decodings and masks, are drawn by ``pdftoppm``; what it draws lies near to a
view of the filter.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.contents.pdf import spelling
from tests.contents.pdf.seeing import THRESHOLD, pdq_of, sight_of
from tests.contents.pdf.spelled import COUNT, START, is_wanted
from tests.contents.pdf.spelled import PHOTO as SMALL
from tests.corpus import pictures
from tests.corpus.pdfs import Document, Name, Value
from tests.corpus.tricks import papers as tricks_papers
from tests.corpus.tricks import tricks
from tests.corpus.tricks.papers import Levels, Paper, function, inks, light, program
from tests.sites.programs import debian
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.proposals import kind_of
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals import pdq

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
    seen = drawn_if_any(document, folder)
    assert seen is not None
    return seen


def drawn_if_any(document: bytes, folder: Path) -> Image.Image | None:
    """Return what poppler draws of the first page; ``None`` if it opens nothing."""
    (folder / "page.pdf").write_bytes(document)
    done = subprocess.run(  # noqa: S603 -- our own document
        [
            debian("pdftoppm", package="poppler-utils"),
            *("-r", "72", "-png", "-singlefile", "page.pdf", "page"),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        timeout=60,
    )
    if done.returncode:
        return None
    return Image.open(folder / "page.png").convert("RGB")


@pytest.mark.parametrize("paper", tricks_papers.PAPERS, ids=lambda paper: paper.name)
def test_poppler_shows_the_target_and_the_filter_sees_it(
    paper: Paper, tmp_path: Path
) -> None:
    """Every trick with colours of documents is one to a reader, and none to us."""
    document = tricks_papers.page_of(paper, TARGET, DECOY)
    seen = drawn(document, tmp_path)

    assert (pdq_of(seen) ^ pdq_of(TARGET)).bit_count() <= THRESHOLD
    assert sight_of(document, seen).nearest <= NEAR_BITS


def any_function(
    rng: np.random.Generator, pdf: Document, inputs: int, outputs: int
) -> Value:
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
            Size=sizes,
            BitsPerSample=bits,
        )
    if kind == 4:
        text = b" ".join(bytes(rng.choice(MIXES)) for _ in range(2))
        keep = b"pop " * (inputs - 1)
        return program(
            pdf, inputs, outputs, b"{ " + keep + text + b" dup" * (outputs - 1) + b" }"
        )
    ends = [[round(float(v), 3) for v in rng.random(outputs)] for _ in "ab"]
    power = float(rng.choice([1, 2, 0.5]))
    ramp = function(pdf, 2, 1, outputs, C0=ends[0], C1=ends[1], N=power)
    if kind == 2:
        return ramp
    other = function(pdf, 2, 1, outputs, C0=ends[1], C1=ends[0], N=1)
    return function(
        *(pdf, 3, 1, outputs),
        Functions=[ramp, other],
        Bounds=[round(float(rng.uniform(0.2, 0.8)), 3)],
        Encode=[0, 1, 0, 1],
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

    def space(pdf: Document) -> Value:
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
def test_any_colours_are_seen_as_poppler_draws_them_or_have_a_reason(
    seed: int, tmp_path: Path
) -> None:
    """Whatever spaces, functions, decodings and masks are put together."""
    small = TARGET.resize((320, 240))
    document = tricks_papers.page_of(any_paper(seed), small, small)
    seen = drawn(document, tmp_path)
    plane = np.asarray(seen.convert("L"))
    picture = Picture(plane=plane, shape=Shape(height=240, width=320))
    speaks = pdq.qualities_of(pdq.plane_of(picture)[None])[0] >= QUALITY_FLOOR
    sight = sight_of(document, seen)

    assert sight.nearest <= NEAR_BITS or sight.reasons or not speaks


@pytest.mark.parametrize("part", range(4))
def test_any_spelling_that_poppler_shows_is_found_or_has_a_reason(
    part: int, tmp_path: Path
) -> None:
    """Where other readers show more than PDFium, there is a reason at least."""
    missed, visible = [], 0
    for seed in range(START + part, START + COUNT, 4):
        document = spelling.document(seed, SMALL)
        if is_wanted(drawn_if_any(document, tmp_path)):
            visible += 1
            sight = sight_of(document, SMALL)
            if not (sight.is_found or sight.reasons):
                missed.append(seed)

    assert not missed
    assert visible > COUNT // 8


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
