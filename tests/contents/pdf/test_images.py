"""Dictionaries of pictures are read, and the pictures written, as they allow.

That each way of packing gives the picture that was packed is tested with whole
documents, in ``test_documents.py``.
"""

import pikepdf
import pytest

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.images import described, written
from uploadfilter.contents.pdf.rasters import GREY, RGB, Raster

SIZE = b"/Width 9 /Height 5 "


def test_masks_are_pictures_of_one_bit() -> None:
    """A mask has no colours; its number of bits does not count."""
    mask = pikepdf.Object.parse(
        b"<<" + SIZE + b"/ImageMask true /BitsPerComponent 8 /Decode [1 0] >>"
    )

    assert described(mask).raster == Raster(width=9, height=5, bits=1, is_inverted=True)


@pytest.mark.parametrize(
    ("entries", "raster"),
    [
        (b"/ColorSpace /DeviceRGB", Raster(width=9, height=5, channels=RGB)),
        (
            b"/CS /G /BPC 4 /D [0 1]",
            Raster(width=9, height=5, bits=4, channels=GREY),
        ),
        (b"/ColorSpace /DeviceRGB /BitsPerComponent 3", None),
        (b"/ColorSpace /DeviceRGB /BitsPerComponent -8", None),
        (b"", None),
    ],
)
def test_samples_are_described_like_this(entries: bytes, raster: Raster | None) -> None:
    """The meaning of samples is read, or unknown."""
    dictionary = pikepdf.Object.parse(b"<<" + SIZE + entries + b">>")

    assert described(dictionary).raster == raster


@pytest.mark.parametrize("size", [b"/Width 2000000 /Height 5", b"/Width 9 /Height 0"])
def test_sizes_must_be_possible(size: bytes) -> None:
    """A picture has rows and columns, and not more than any decoder takes."""
    entries = b"<< /ColorSpace /DeviceRGB " + size + b" >>"

    assert described(pikepdf.Object.parse(entries)).raster is None


def test_file_needs_no_description() -> None:
    """A stream that is itself a file needs no description."""
    picture = described(pikepdf.Object.parse(b"<< /Filter /DCTDecode >>"))

    assert picture.is_file
    assert list(written(picture, b"file")) == [b"file"]


@pytest.mark.parametrize(
    "parameters",
    [
        b"<< /K -1 >>",
        b"<< /K 0 >>",
        b"<< /K 4 /EndOfLine true /EncodedByteAlign true >>",
        b"<< /K 0 /Columns -5 >>",
        b"5",
    ],
)
def test_fax_data_are_taken_as_they_are(parameters: bytes) -> None:
    """With any parameters, the data stand unchanged after a head."""
    picture = described(
        pikepdf.Object.parse(
            b"<<"
            + SIZE
            + b"/ImageMask true /Filter /CCF /DecodeParms "
            + parameters
            + b">>"
        )
    )
    head, data = written(picture, b"data")

    assert isinstance(head, bytes)
    assert head.startswith(b"MM\0*")
    assert data == b"data"
    assert not isinstance(data, Shortfall)
