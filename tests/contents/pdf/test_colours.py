"""Colour spaces have the names of decoders, or none."""

import pikepdf
import pytest

from uploadfilter.contents.pdf.colours import Colours, colours_of
from uploadfilter.contents.pdf.rasters import CMYK, GREY, RGB


@pytest.mark.parametrize(
    ("space", "colours"),
    [
        (b"/DeviceGray", Colours(GREY)),
        (b"/RGB", Colours(RGB)),
        (b"[/DeviceCMYK]", Colours(CMYK)),
        (b"[/CalRGB << >>]", Colours(RGB)),
        (b"[/ICCBased << /N 4 >>]", Colours(CMYK)),
        (b"[/ICCBased << /N 2 >>]", None),
        (b"[/ICCBased]", None),
        (b"[/Separation /Red /DeviceRGB 1]", Colours(GREY, is_ink=True)),
        (b"[/DeviceN [/A /B /C] /DeviceRGB 1]", Colours(RGB, is_ink=True)),
        (b"[/DeviceN [/A /B /C /D] /DeviceCMYK 1]", Colours(CMYK)),
        (b"[/DeviceN [/A /B] /DeviceRGB 1]", None),
        (b"[/Indexed /DeviceRGB 1 <010203040506>]", Colours(GREY, b"\1\2\3\4\5\6")),
        (b"[/Indexed /DeviceRGB 1 <01020304>]", Colours(GREY, b"\1\2\3")),
        (b"[/I /G 1 <0102>]", Colours(GREY, b"\1\1\1\2\2\2")),
        (b"[/I /CMYK 0 <00ff0080>]", Colours(GREY, b"\x7f\0\x7f")),
        (b"[/I [/Separation /A /B 1] 0 <01>]", Colours(GREY, b"\xfe\xfe\xfe")),
        (b"[/I /RGB 0 5]", Colours(GREY, b"\0\0\0")),
        (b"[/Indexed /Pattern 0 <00>]", None),
        (b"[/Indexed]", None),
        (b"[/Lab << >>]", None),
        (b"/Pattern", None),
        (b"[]", None),
        (b"[5]", None),
        (b"5", None),
        (b"null", None),
    ],
)
def test_colour_space_is_read_like_this(space: bytes, colours: Colours | None) -> None:
    """Colour spaces that decoders know are read; others are refused."""
    parsed = pikepdf.Object.parse(b"[" + space + b"]")

    assert colours_of(list(parsed)[0]) == colours  # noqa: RUF015 - may hold a null


def test_palette_may_be_a_stream() -> None:
    """A long palette is kept as a stream, packed or not."""
    with pikepdf.new() as pdf:
        lookup = pikepdf.Stream(pdf, b"010203>", Filter=pikepdf.Name.ASCIIHexDecode)
        space = pikepdf.Array([pikepdf.Name.Indexed, pikepdf.Name.RGB, 0, lookup])

        assert colours_of(space) == Colours(GREY, b"\1\2\3")
