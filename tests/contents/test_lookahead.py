"""What stands in content beside what it seems to be is noticed."""

import base64
import mmap
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsets.demo import pictures
from uploadfilter.contents.lookahead import holds_more
from uploadfilter.contents.magic import HEAD_BYTES, Kind, sniff

IMAGE = pictures.photograph(1, width=120, height=90)
JPEG = pictures.jpeg(IMAGE)
PNG = pictures.png(IMAGE)
GIF = pictures.gif(IMAGE)
WEBP = pictures.webp(IMAGE)
NOISE = np.random.default_rng(7).bytes(3 << 20)
"""Three stretches of bytes without any picture, checked below."""

PROSE = b"It was the best of times, it was the worst of times, and so on. " * 400
BASE64 = base64.b64encode(JPEG)


def more(content: bytes) -> bool:
    """Say what the search says of content of the kind that it seems to be."""
    return holds_more(content, kind=sniff(content[:HEAD_BYTES]))


@pytest.mark.parametrize("content", [JPEG, PNG, GIF, WEBP], ids=lambda c: c[:4].hex())
def test_single_picture_holds_no_more(content: bytes) -> None:
    """The magic at the first byte is the picture itself."""
    assert not more(content)


@pytest.mark.parametrize("content", [NOISE, PROSE, b"", b"x"], ids=["noise", *"pex"])
def test_ordinary_content_holds_no_more(content: bytes) -> None:
    """Random bytes, prose and nothing hold nothing else."""
    assert not more(content)


@pytest.mark.parametrize("hidden", [JPEG, PNG, GIF, WEBP], ids=lambda c: c[:4].hex())
@pytest.mark.parametrize("outer", [JPEG, PNG, NOISE, PROSE], ids=lambda c: c[:4].hex())
def test_picture_behind_other_content_is_noticed(outer: bytes, hidden: bytes) -> None:
    """A picture appended to anything is found."""
    assert more(outer + hidden)


@given(at=st.integers(0, 3 << 20), hidden=st.sampled_from([JPEG, PNG, GIF, WEBP]))
def test_picture_is_noticed_at_every_offset(at: int, hidden: bytes) -> None:
    """Also across the border of two stretches, and one byte from the beginning."""
    content = b"\0" + NOISE[:at] + hidden + NOISE[at : at + 500]

    assert holds_more(content, kind=Kind.DATA)


@given(before=st.integers(0, 1 << 20), length=st.integers(64, 400))
def test_string_is_noticed_at_every_offset(before: int, length: int) -> None:
    """64 characters of base64 suffice, wherever they stand."""
    content = NOISE[:before] + b'"' + BASE64[:length] + b'"' + PROSE

    assert holds_more(content, kind=Kind.TEXT)


def test_string_across_the_border_of_two_stretches_is_noticed() -> None:
    """Stretches overlap by more than the shortest string."""
    for start in range((1 << 20) - 600, (1 << 20) + 10, 7):
        assert holds_more(b" " * start + BASE64[:64] + b" " * 600, kind=Kind.DATA)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(BASE64, id="standard"),
        pytest.param(base64.urlsafe_b64encode(JPEG), id="URL alphabet"),
        pytest.param(base64.encodebytes(JPEG), id="wrapped lines"),
        pytest.param(BASE64.replace(b"/", b"\\/"), id="JSON escapes"),
        pytest.param(BASE64.replace(b"/", b"%2F"), id="percent escapes"),
        pytest.param("".join(f"%{b:02x}" for b in JPEG).encode(), id="percent bytes"),
        pytest.param(JPEG.hex().encode(), id="hexadecimal"),
    ],
)
def test_encoded_picture_in_json_is_noticed(encoded: bytes) -> None:
    """However a string encodes a picture, the content is not called complete."""
    assert more(b'{"note": "hello", "file": "' + encoded + b'"}')


@pytest.mark.parametrize("scheme", [b"data:image/png,", b"DATA:Image/PNG,"])
def test_data_uri_in_text_is_noticed(scheme: bytes) -> None:
    """The scheme alone suffices, whatever its case and however short its data."""
    assert more(b"<html><img src='" + scheme + b"x'></html>")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"-" * 100 + b"\n" + PROSE, id="ruler"),
        pytest.param(b"=" * 100, id="padding"),
        pytest.param(b"\r\n" * 100, id="empty lines"),
        pytest.param(b" ".join([BASE64[:63]] * 9), id="63 characters"),
    ],
)
def test_monotonous_or_short_runs_are_no_strings(text: bytes) -> None:
    """Rulers and short words do not make a text incomplete."""
    assert not more(text)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b" \xff\xd8\xff\x00", id="JPEG with an impossible marker"),
        pytest.param(b" \xff\xd8\xff\xe0\0\x04abcd", id="JPEG without a next marker"),
        pytest.param(b" \x89PNG\r\n\x1a\nIHDR", id="PNG without a header chunk"),
        pytest.param(b" GIF88a", id="GIF of no version"),
        pytest.param(b" a WEBP is nice", id="WEBP outside of RIFF"),
        pytest.param(b"BM BM BM BM", id="BM"),
        pytest.param(b" \xff\xd8\xff", id="JPEG that ends at once"),
    ],
)
def test_implausible_magic_is_passed_over(content: bytes) -> None:
    """Magic that no picture follows is chance."""
    assert not holds_more(content, kind=Kind.DATA)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xd8\xff" * 400_000, id="beginnings of JPEGs"),
        pytest.param((b"-" * 64 + b" ") * 30_000, id="rulers"),
        pytest.param(b"-" * 3_000_000, id="one ruler"),
    ],
)
def test_flood_of_candidates_ends_as_incomplete(content: bytes) -> None:
    """Bytes made to cost time are called incomplete instead of being searched on."""
    assert holds_more(content, kind=Kind.DATA)


def test_mapped_file_can_be_searched_and_closed() -> None:
    """No view of a mapped file outlives the search."""
    with tempfile.TemporaryFile() as file:
        file.write(PROSE + JPEG)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert holds_more(mapped, kind=Kind.TEXT)


def test_memoryview_can_be_searched() -> None:
    """A part of a spool is searched without being copied first."""
    whole = memoryview(b"12345" + JPEG + PNG)

    assert not holds_more(whole[5 : 5 + len(JPEG)], kind=Kind.JPEG)
    assert holds_more(whole[5:], kind=Kind.JPEG)
