"""Inline images are found, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.images import Sight
from uploadfilter.contents.pdf.inlineimages import Drawn, InlineImage, inline_images
from uploadfilter.model import Reason

HEAD = b"BI /W 2 /H 3 /BPC 8 /CS /G /L 0 "


def drawn(document_bytes: int = 0) -> Drawn:
    """Return the pictures that were read in a document of a length: none."""
    return Drawn(document_bytes, Sight(document_bytes))


def data_of(content: bytes) -> list[bytes]:
    """Return the data of the pictures in a content stream."""
    return [
        found.data
        for found in inline_images(content, drawn())
        if not isinstance(found, Shortfall)
    ]


@pytest.mark.parametrize(
    ("content", "data"),
    [
        pytest.param(HEAD + b"ID abcdef\nEI Q", [b"abcdef"], id="one"),
        pytest.param(b"q\n" + HEAD + b"ID abcdef EI", [b"abcdef"], id="at-the-end"),
        pytest.param(HEAD + b"ID a EI f\nEI Q", [b"a EI f"], id="end-in-the-data"),
        pytest.param(HEAD + b"ID abc", [b"abc"], id="broken-off"),
        pytest.param(
            b"".join(HEAD + b"ID abcde%d\nEI " % n for n in range(3)),
            [b"abcde0", b"abcde1", b"abcde2"],
            id="three",
        ),
        pytest.param((HEAD + b"ID abcdef\nEI ") * 3, [b"abcdef"], id="three-times"),
        pytest.param(HEAD + b"/F /Fl ID \x78\x9c\nEI Q", [b"\x78\x9c"], id="packed"),
        pytest.param(
            b"BI/W 2/H 3/BPC 8/CS/G/F[/DCT]ID abc\nEI Q", [b"abc"], id="tight"
        ),
        pytest.param(b"BI /W 1 /W 2 /H 3 ID abc\nEI", [b"abc"], id="key-twice"),
        pytest.param(b"BI /W 1 /\xff /H 3 ID abc\nEI", [b"abc"], id="no-text"),
        pytest.param(b"(A BI ID word) Tj", [], id="words"),
        pytest.param(b"BI /W 2 ID abcdef EI", [], id="no-height"),
        pytest.param(b"BI /W << ID abcdef EI", [], id="no-dictionary"),
        pytest.param(b"BI " + bytes(5000) + b" ID a EI", [], id="too-long"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_content_is_read_like_this(content: bytes, data: list[bytes]) -> None:
    """The data begin after ``ID``, and end before ``EI`` or by their length."""
    assert data_of(content) == data


@given(st.lists(st.sampled_from([HEAD, b"BI ", b"ID ", b" EI", b"<<", b"/F", b"("])))
def test_content_may_be_anything(pieces: list[bytes]) -> None:
    """Whatever is drawn, the search ends with values."""
    content = b" ".join(pieces)

    assert all(len(data) <= len(content) for data in data_of(content))


def test_pictures_without_end_are_too_many() -> None:
    """A page that has only beginnings ends with a reason."""
    assert list(inline_images(b"BI " * 3000, drawn())) == [
        Shortfall(reason=Reason.TOO_MANY_CONTENTS)
    ]


SPECK = b"q 9 0 0 1 0 0 cm\nBI\n/IM true\n/W 1\n/H 1\n/BPC 1\nID \x00\nEI Q\n"


def test_specks_hide_no_picture_behind_them() -> None:
    """Drawing programs fill areas with thousands of pictures of one sample."""
    picture = HEAD.replace(b"2 /H 3", b"20 /H 16") + b"/F /Fl ID abc\nEI Q"

    assert data_of(SPECK * 3000 + picture) == [b"abc"]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(b"/W 1 /W 20 /H 20", id="width-twice"),
        pytest.param(b"/W 1 /H 20 /F /DCT", id="packed"),
        pytest.param(b"/W 1 /H 20 /#57 20", id="another-name-for-the-same"),
        pytest.param(b"/W 1 /H 20 /Width 20", id="long-name"),
        pytest.param(b"/W 1 /H 20 % /W 20", id="comment"),
        pytest.param(b"/W 1", id="no-height"),
    ],
)
def test_speck_says_nothing_but_that_it_is_one(entries: bytes) -> None:
    """Data that a reader may take for a larger picture are read whole and counted."""
    content = b"".join(b"BI %s ID %d\nEI " % (entries, n) for n in range(2001))

    *_, last = inline_images(content, drawn())

    assert last == Shortfall(reason=Reason.TOO_MANY_CONTENTS)


def test_little_pictures_are_few() -> None:
    """Letters of a scanned font are looked at, up to a number; larger ones always."""
    little = [b"BI /W 20 /H 31 /BPC 8 /CS /G ID %0620d EI " % n for n in range(300)]
    large = b"BI /W 32 /H 32 /BPC 8 /CS /G ID %01024d EI " % 7
    counted = drawn(100 * 2048)

    found = [
        image
        for image in inline_images(b"".join(little) + large, counted)
        if isinstance(image, InlineImage)
        and not counted.sight.passes_over_picture(image.picture)
    ]

    assert len(found) == 32 + 100 + 1
    assert found[-1].data == b"%01024d" % 7
    assert counted.sight.is_short


def test_different_pictures_are_counted_in_the_whole_document() -> None:
    """Their number grows with the document; those that come again do not count."""
    images = [HEAD + b"/F /Fl ID %d EI " % n for n in range(250)]
    content = b"".join(image * 20 for image in images)
    again = drawn(50 * 256)
    end = Shortfall(reason=Reason.TOO_MANY_CONTENTS)

    assert list(inline_images(content, drawn(49 * 256)))[-1] == end
    assert len(list(inline_images(content, again))) == 250
    assert list(inline_images(images[0], again)) == []
    assert list(inline_images(b"BI /W 9 /H 9 /CS /G /F /Fl ID a EI ", again)) == [end]


@given(
    st.lists(
        st.tuples(st.integers(14, 40), st.integers(14, 40), st.integers(0, 3)),
        max_size=20,
    )
)
def test_pictures_that_come_again_hide_no_other(
    pictures: list[tuple[int, int, int]],
) -> None:
    """Each different picture that is larger than a speck is yielded, in order."""
    content = b"".join(
        b"BI /W %d /H %d /BPC 8 /CS /G ID %s EI "
        % (width, height, bytes([data]) * 1600)
        for width, height, data in pictures
    )
    expected = dict.fromkeys(each for each in pictures if min(each[:2]) >= 16)

    found = list(inline_images(content, drawn()))

    assert len(found) == len(expected)
    for image, (width, height, data) in zip(found, expected, strict=True):
        assert isinstance(image, InlineImage)
        assert image.picture.raster is not None
        assert (image.picture.raster.width, image.picture.raster.height) == (
            width,
            height,
        )
        assert image.data[: width * height] == bytes([data]) * (width * height)
