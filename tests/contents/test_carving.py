"""Every picture inside of a content is found, and little else."""

import itertools
import struct
from collections.abc import Iterator

import numpy as np
import pillow_jxl  # noqa: F401  # registers the encoder
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.carving import (
    _FORMS,
    PictureStart,
    TooMany,
    candidates,
)
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import STRETCH_BYTES, MemorySource

IMAGE = pictures.photograph(1, width=60, height=40)
HIDDEN = {
    Kind.JPEG: pictures.jpeg(IMAGE),
    Kind.PNG: pictures.png(IMAGE),
    Kind.GIF: pictures.gif(IMAGE),
    Kind.WEBP: pictures.webp(IMAGE),
    Kind.AVIF: pictures.encoded(IMAGE, "AVIF", speed=10),
    Kind.TIFF: pictures.encoded(IMAGE, "TIFF"),
    Kind.BMP: pictures.encoded(IMAGE, "BMP"),
    Kind.JP2: pictures.encoded(IMAGE, "JPEG2000"),
}
KINDS = pytest.mark.parametrize("kind", HIDDEN)
NOISE = np.random.default_rng(7).bytes(2 * STRETCH_BYTES + 1000)


DIB = HIDDEN[Kind.BMP][14:]
"""A bitmap without the header of a file."""


def bitmap(header_bytes: int, bits: int, *, is_top_down: bool = False) -> bytes:
    """Return a bitmap of 40 x 32 pixels, without the header of a file."""
    if header_bytes == 12:
        head = struct.pack("<IHHHH", 12, 40, 32, 1, bits)
    else:
        fields = (header_bytes, 40, -32 if is_top_down else 32, 1, bits, 0)
        head = struct.pack("<IiiHHI", *fields).ljust(header_bytes, b"\0")[:header_bytes]
    row_bytes = -(-40 * bits // 32) * 4
    return head + bytes(4 << bits if bits <= 8 else 0) + bytes(row_bytes * 32)


def found(content: bytes, *, start: int = 0, most: int = 100) -> list[tuple[int, Kind]]:
    """Return offset and kind of each candidate, none of which may be missing."""
    items = list(candidates(MemorySource(content), start=start, most=most))
    return [
        (item.offset, item.kind) for item in items if isinstance(item, PictureStart)
    ]


def slowly(content: bytes, *, start: int = 0) -> Iterator[tuple[int, Kind]]:
    """Look at every offset with every form: the obvious way."""
    source = MemorySource(content)
    for offset in range(start, len(content)):
        for form in _FORMS:  # the same forms, searched simply
            mark = content[offset + form.marks_at : offset + form.marks_at + 4]
            is_marked = not form.marks or mark in form.marks
            if is_marked and content.startswith(form.word, offset + form.back):
                kind = form.test(source, offset)
                if kind is not None:
                    yield offset, kind


@KINDS
@pytest.mark.parametrize(
    "outer", [HIDDEN[Kind.JPEG], HIDDEN[Kind.PNG], b"text. " * 99, NOISE[:9999]]
)
def test_picture_behind_other_content_is_found(outer: bytes, kind: Kind) -> None:
    """A picture appended to anything is found, with its kind, and nothing else."""
    assert found(outer + HIDDEN[kind], start=1) == [(len(outer), kind)]


@given(at=st.integers(0, len(NOISE)), kind=st.sampled_from(list(HIDDEN)))
def test_picture_is_found_at_every_offset(at: int, kind: Kind) -> None:
    """This also holds across the border of two stretches."""
    content = NOISE[:at] + HIDDEN[kind] + NOISE[at : at + 500]

    assert (at, kind) in found(content)


def test_more_than_the_most_is_said() -> None:
    """After the last allowed candidate comes an item that says that there are more."""
    content = HIDDEN[Kind.PNG] * 3
    source = MemorySource(content)

    assert list(candidates(source, most=3))[-1] != TooMany()
    assert list(candidates(source, most=2))[-1] == TooMany()
    assert list(candidates(source, most=0)) == [TooMany()]


BEGINNINGS = (
    *(content[:80] for content in HIDDEN.values()),
    *(DIB[:80], bitmap(12, 8)[:40], bitmap(12, 1), bitmap(40, 1)),
    *(b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0+", b"\xff\x0a", b"GIF89a", b"WEBPVP8 "),
    *(b"\0\0\0\x18ftypheic", b"\0\0\0\x0cJXL \r\n\x87\n", b"8BPS\0\1" + bytes(6)),
    *(b"p", b"\x87\n", b"PN", b"IF", b"yp", bytes(9), b" and prose "),
)


@given(
    parts=st.lists(st.sampled_from(BEGINNINGS) | st.binary(max_size=30), max_size=12),
    start=st.integers(0, 40),
    behind=st.sampled_from([0, 1 << 15]),
)
def test_search_finds_what_the_slow_way_finds(
    parts: list[bytes], start: int, behind: int
) -> None:
    """However beginnings are mixed, cut off and put together, in short and in long."""
    content = b"".join(parts) + bytes(behind)

    assert found(content, start=start) == list(slowly(content, start=start))


@given(
    before=st.integers(STRETCH_BYTES - 300, STRETCH_BYTES + 10),
    parts=st.lists(st.sampled_from(BEGINNINGS), max_size=5),
)
def test_borders_of_stretches_hide_nothing(before: int, parts: list[bytes]) -> None:
    """A search that begins elsewhere has its borders elsewhere, and finds the same."""
    content = bytes(before) + b"".join(parts)
    behind = [(at - before, kind) for at, kind in found(content)]

    assert behind == list(slowly(content[before:]))


@pytest.mark.parametrize(
    "filler",
    [b"p", b"\xff", b"MM", b"BM", b"\xff\n" + bytes(62), b"II*\0" + bytes(60)],
)
@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.TIFF, Kind.BMP, Kind.AVIF])
def test_stretch_full_of_beginnings_is_searched(kind: Kind, filler: bytes) -> None:
    """Bytes that would slow the fast search end it; nothing is missed."""
    noise = filler * (STRETCH_BYTES // len(filler))
    content = noise + HIDDEN[kind] + noise

    assert (len(noise), kind) in found(content, most=10)


def test_noise_holds_few_candidates() -> None:
    """In 32 MiB of random bytes, those of the two shortest magics."""
    content = np.random.default_rng(11).bytes(32 << 20)
    kinds = [kind for _, kind in found(content)]

    assert len(kinds) <= 8
    assert set(kinds) <= {Kind.JPEG, Kind.JXL}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xd8\xff" * 100_000, id="JPEGs"),
        pytest.param(b"II*\0\x08\0\0\0" * 40_000, id="TIFFs that hold no picture"),
        pytest.param(b"\xff\x0a" * 100_000, id="codestreams"),
    ],
)
def test_flood_of_beginnings_ends(content: bytes) -> None:
    """Bytes made to cost time are not searched to their end, and the scan says so."""
    assert list(candidates(MemorySource(content), most=50))[-1] == TooMany()


def test_camera_photo_holds_its_thumbnail_and_no_tiff() -> None:
    """The block of EXIF begins like a TIFF, and holds a picture with its own magic."""
    photo = pictures.jpeg(IMAGE, exif=exif_with(HIDDEN[Kind.JPEG]))
    (thumbnail,) = candidates(MemorySource(photo), start=1, most=9)

    assert isinstance(thumbnail, PictureStart)
    assert thumbnail.kind is Kind.JPEG
    assert thumbnail.is_thumbnail
    assert photo[thumbnail.offset :].startswith(HIDDEN[Kind.JPEG])


def exif_with(thumbnail: bytes) -> bytes:
    """Return a block of EXIF with an orientation and a thumbnail."""
    first = struct.pack("<H HHII I", 1, 0x0112, 3, 1, 1, 26)
    second = struct.pack("<H HHII HHII I", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, 0, 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + first + second
    return b"Exif\0\0" + tiff.ljust(56, b"\0") + thumbnail


def test_picture_behind_a_photo_is_no_thumbnail() -> None:
    """One in another content is not found, either."""
    for content in (HIDDEN[Kind.JPEG] + HIDDEN[Kind.PNG], b"text" + HIDDEN[Kind.PNG]):
        (item,) = candidates(MemorySource(content), start=1, most=9)

        assert isinstance(item, PictureStart)
        assert not item.is_thumbnail


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("PNG", {"exif": b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0"}), id="PNG"),
        pytest.param(("WEBP", {"exif": b"Exif\0\0" + b"MM\0*\0\0\0\x08"}), id="WebP"),
    ],
)
def test_blocks_that_begin_like_a_tiff_are_none(
    options: tuple[str, dict[str, object]],
) -> None:
    """Only a directory that describes a picture makes a TIFF."""
    content = pictures.encoded(IMAGE, options[0], **options[1])

    assert found(content, start=1) == []


def test_second_picture_of_a_camera_is_found_without_its_index() -> None:
    """The index of an MPO begins like a TIFF."""
    content = pictures.encoded(IMAGE, "MPO", save_all=True, append_images=[IMAGE])

    assert b"MPF\0II*\0" in content
    assert [kind for _, kind in found(content, start=1)] == [Kind.JPEG]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b" \xff\xd8\xff\x00", Kind.JPEG, id="JPEG with a stuffed byte"),
        pytest.param(b" \xff\xd8\xff\xff\xe0", Kind.JPEG, id="JPEG with a fill byte"),
        pytest.param(b" \xff\xd8\xff\xd3", Kind.JPEG, id="JPEG with a restart marker"),
        pytest.param(b" \xff\xd8 \xff", None, id="JPEG that no browser takes for one"),
        pytest.param(b" GIF89a is a format", Kind.GIF, id="text about GIF"),
        pytest.param(b" a WEBPVP8 is nice", None, id="WEBP outside of RIFF"),
        pytest.param(b" BM" + bytes(40), None, id="BM"),
        pytest.param(b" \0\0\0\x18ftypisom" + bytes(20), None, id="video"),
        pytest.param(b" \0\0\0\x18ftypheic" + bytes(20), Kind.HEIC, id="HEIC"),
        pytest.param(b" 8BPS\0\1" + bytes(6), Kind.PSD, id="PSD"),
        pytest.param(b" \0\0\0\x0cJXL \r\n\x87\n", Kind.JXL, id="JPEG XL"),
    ],
)
def test_beginning_is_a_candidate_if_plausible(
    content: bytes, kind: Kind | None
) -> None:
    """Magic that no picture can follow is chance."""
    assert found(content) == ([] if kind is None else [(1, kind)])


@pytest.mark.parametrize(
    ("header_bytes", "bits", "is_top_down"),
    [
        *((12, bits, False) for bits in (1, 4, 8, 24)),
        *itertools.product(
            (20, 40, 52, 56, 64, 108, 124), (1, 4, 8, 24, 32), (False, True)
        ),
    ],
)
def test_bitmap_without_the_header_of_a_file_is_found(
    header_bytes: int, bits: int, *, is_top_down: bool
) -> None:
    """With each header and depth, also after two letters that begin a file."""
    content = bitmap(header_bytes, bits, is_top_down=is_top_down)

    for before in (b"\1", NOISE[:2000], b"BM" + b"\xff" * 12):
        assert (len(before), Kind.BMP) in found(before + content, start=1)


def test_bitmap_of_a_file_is_found_once() -> None:
    """Its header is that of a bitmap, and the header of the file belongs to it."""
    assert found(b" " + HIDDEN[Kind.BMP]) == [(1, Kind.BMP)]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(0, b"\x29", id="a header of a length that there is not"),
        pytest.param(4, b"\x1f", id="31 pixels wide"),
        pytest.param(8, b"\0\2", id="more rows than there are bytes"),
        pytest.param(14, b"\x04", id="a depth that runs of bytes have not"),
        pytest.param(16, b"\x03", id="masks for 24 bits"),
    ],
)
def test_numbers_that_do_not_agree_are_no_bitmap(at: int, value: bytes) -> None:
    """Tables of programs are full of small numbers."""
    head = bytearray(struct.pack("<IiiHHI", 40, 40, 32, 1, 24, 1 if at == 14 else 0))
    head[at : at + len(value)] = value

    assert found(b"a" + bytes(head).ljust(40, b"\0") + bytes(120 * 32)) == []


def big_tiff(order: str) -> bytes:
    """Return the head and directory of a BigTIFF with one strip."""
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HHHQ", 43, 8, 0, 16)
    tags = [(256, 9), (257, 9), (273, 200)]
    entries = [struct.pack(order + "HHQQ", tag, 4, 1, value) for tag, value in tags]
    return head + struct.pack(order + "Q", len(tags)) + b"".join(entries)


@pytest.mark.parametrize("order", "<>")
def test_large_tiff_is_found(order: str) -> None:
    """Its numbers have eight bytes, in either order."""
    assert found(b"before" + big_tiff(order)) == [(6, Kind.TIFF)]


def test_bare_codestream_is_found_outside_of_its_own_container() -> None:
    """The one within a container that is decoded anyway is the same picture."""
    bare = codestream(use_container=False)
    boxed = codestream(use_container=True)

    assert found(HIDDEN[Kind.PNG] + bare, start=1) == [
        (len(HIDDEN[Kind.PNG]), Kind.JXL)
    ]
    assert found(boxed, start=1) == []


def codestream(*, use_container: bool) -> bytes:
    """Return a JPEG XL, bare or in boxes."""
    return pictures.encoded(IMAGE, "JXL", effort=1, use_container=use_container)
