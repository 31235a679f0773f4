"""The streams of a page are one, and those of a form are texts."""

import base64
import itertools
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.containers import contents_of
from tests.contents.pdf.test_documents import HEIGHT, PHOTO, WIDTH, jpeg
from tests.corpus.tricks.sheets import form_with, in_streams
from uploadfilter.contents.pdf.documents import PDFContainer
from uploadfilter.contents.pdf.inlineimages import left_open
from uploadfilter.model import Reason

PDF = PDFContainer()
SIZE = (WIDTH, HEIGHT)

WORDS = (
    *(b"q", b"BI", b"/W", b"%d" % WIDTH, b"/H", b"%d" % HEIGHT, b"/CS", b"/RGB"),
    *(b"/BPC", b"8", b"/F", b"/AHx", b"ID"),
)
"""The operators that begin an inline image."""

DATA = PHOTO.tobytes().hex().encode() + b">"


def found(document: bytes) -> list[bytes]:
    """Return the contents of a document."""
    return [content for _, content, _ in contents_of(PDF, document)]


@given(cuts=st.sets(st.integers(1, len(WORDS) + 1), max_size=4))
@settings(max_examples=40)
def test_picture_is_found_wherever_streams_are_cut(cuts: set[int]) -> None:
    """Between any two words, as a standard allows it, into as many as one likes."""
    words = [*WORDS, DATA, b"EI Q"]
    places = [0, *sorted(cuts), len(words)]
    parts = [b" ".join(words[start:stop]) for start, stop in itertools.pairwise(places)]
    (whole,) = found(in_streams(b" ".join(words), size=SIZE))

    assert whole in found(in_streams(b"/A Do", *parts, b"/B Do", size=SIZE))


@pytest.mark.parametrize("filtered", [b"/AHx", b"[ /AHx /Fl ]"])
def test_data_of_a_picture_are_found_in_two_streams(filtered: bytes) -> None:
    """Readers go on where text stands for bytes."""
    samples = PHOTO.tobytes()
    data = (zlib.compress(samples) if b"Fl" in filtered else samples).hex().encode()
    head = b" ".join(WORDS).replace(b"/AHx", filtered)
    whole = head + b" " + data + b"> EI Q"
    middle = len(head) + len(data) // 4 * 2 + 1
    (expected,) = found(in_streams(whole, size=SIZE))

    assert expected in found(in_streams(whole[:middle], whole[middle:], size=SIZE))


@pytest.mark.parametrize(
    "content",
    [b"", b"(Power BI is a program) Tj", b"BI /W 9 /H 9 ID abc EI Q", b"BINGO"],
)
def test_text_that_speaks_of_it_opens_nothing(content: bytes) -> None:
    """Only possible beginnings of a picture are inspected again."""
    assert left_open(content) is None


@pytest.mark.parametrize(
    "content", [b"q BI", b"BI\n", b"BI /W 9", b"BI % a\n/W", b"BI/W"]
)
def test_beginning_of_a_picture_is_open(content: bytes) -> None:
    """Whatever of it is there."""
    assert left_open(b"0 Tc " + content) is not None


def test_letters_without_end_are_taken_for_a_beginning() -> None:
    """The search back ends before a million of them."""
    assert left_open(b"BI" * 1_000_000) == 2 * (1_000_000 - 1000)
    assert left_open(b"BI" * 900) is None


def test_pictures_that_never_end_are_bounded() -> None:
    """Streams are joined a limited number of times."""
    streams = [b"BI /W 9 /H 9"] * 80

    reasons = [
        reason for _, _, reason in contents_of(PDF, in_streams(*streams, size=SIZE))
    ]

    assert reasons[-1:] == [Reason.TOO_MANY_CONTENTS]


def test_form_gives_its_pictures() -> None:
    """Firefox and Acrobat draw by the form, others by the page."""
    image = jpeg()

    assert any(base64.b64encode(image) in each for each in found(form_with(image)))
