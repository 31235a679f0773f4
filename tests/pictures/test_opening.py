"""A file is opened as one of the formats that were named, and as nothing else."""

import io
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from tests.corpus import grids
from tests.corpus.bombs import formats as bombs_formats
from tests.corpus.tricks.tones import with_map
from tests.fuzz import seeds
from tests.pictures.formats import format_of
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.formats import FORMATS, decoded, formats_named
from uploadfilter.pictures.limits import DecodeLimits
from uploadfilter.pictures.opening import open_reader

USUAL = formats_named(decoded())
LIMITS = DecodeLimits()
INTERPRETED = {
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    "WMF": b"\xd7\xcd\xc6\x9a\0\0" + bytes(34),
    "EMF": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(40),
    "XPM": b'/* XPM */\nstatic char *a[] = {"1 1 1 1",".c #000000","."};\n',
    "FITS": b"SIMPLE  =                    T",
    "GRIB": b"GRIB\0\0\0\1",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "PCX": b"\x0a\5\1\x08" + bytes(200),
    "ICNS": b"icns\0\0\0\x10ic07" + bytes(20),
    "DDS": b"DDS \x7c\0\0\0" + bytes(120),
}
"""The beginning of files that Pillow opens, and we do not."""


@pytest.mark.parametrize("name", seeds.NAMES)
def test_file_is_opened_as_its_own_format(name: str) -> None:
    """With its own format alone, a file is shown; without it, it is not."""
    content = seeds.seed(name)
    own = format_of(name)
    others = [item for item in FORMATS if item is not own]

    assert frames(content, formats=[own])
    assert lacks(content, formats=others) == [Reason.UNDECODABLE]


@pytest.mark.parametrize("name", INTERPRETED)
def test_other_formats_of_pillow_are_never_opened(name: str) -> None:
    """Pillow could open these; some of them run programs."""
    Image.init()
    assert name in Image.OPEN or name in {"EMF", "HDF5"}

    assert lacks(INTERPRETED[name]) == [Reason.UNDECODABLE]


def test_pillow_is_asked_for_nothing_that_is_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a file is, Pillow gets the names of one listed format at a time."""
    contents = (*map(seeds.seed, seeds.NAMES), *INTERPRETED.values())
    asked: set[tuple[str, ...]] = set()
    plain = Image.open

    def recording(file: io.BytesIO, *, formats: tuple[str, ...]) -> Image.Image:
        asked.add(formats)
        return plain(file, formats=formats)

    monkeypatch.setattr(Image, "open", recording)
    for content in contents:
        frames(content)

    assert asked <= {item.pillow for item in FORMATS if item.pillow}


@pytest.mark.parametrize(
    "name", [name for name in seeds.NAMES if not format_of(name).is_usual]
)
def test_format_that_nobody_switched_on_is_not_opened(name: str) -> None:
    """Unusual formats are only decoded if an operator switches them on."""
    assert lacks(seeds.seed(name), formats=USUAL) == [Reason.UNDECODABLE]


def test_heic_that_calls_itself_neither_is_tried_as_both() -> None:
    """The brand ``mif1`` is used for AVIF and for HEIC."""
    for name in ("heic", "avif"):
        content = bytearray(seeds.seed(name))
        content[8:12] = b"mif1"

        assert len(frames(bytes(content))) == 1


def test_file_that_would_be_held_too_often_is_refused() -> None:
    """Formats whose decoders want the whole file count its length."""
    content = seeds.seed("webp/lossless")
    limits = DecodeLimits(max_decoded_bytes=len(content))

    assert lacks(content, limits=limits) == [Reason.TOO_MANY_BYTES]


@pytest.mark.parametrize("name", ["png/moving", "tiff/pages"])
def test_file_is_read_from_its_beginning(name: str) -> None:
    """Where somebody left the file does not matter."""
    file = io.BytesIO(seeds.seed(name))
    file.seek(100)

    reader = open_reader(file, FORMATS, LIMITS)

    assert reader is not None
    assert len(reader.durations) == 4


def test_apng_that_contradicts_itself_is_not_whole() -> None:
    """Decoders show the claimed or the existing part: both are compared."""
    content = bytearray(seeds.seed("png/moving"))
    at = content.index(b"acTL")
    content[at + 4 : at + 8] = b"\0\0\0\2"
    content[at + 12 : at + 16] = struct.pack(">I", zlib.crc32(content[at : at + 12]))

    assert [frame.number for frame in frames(bytes(content))] == [0, 1, 2, 3]
    assert lacks(bytes(content)) == [Reason.KEY_FRAME_UNSEEN]


@pytest.mark.parametrize(
    "make", [bombs_formats.crowded_avif, bombs_formats.crowded_heic]
)
def test_picture_of_too_many_items_is_not_opened(make: Callable[[], bytes]) -> None:
    """Libraries look for each item among all the others."""
    assert lacks(make()) == [Reason.KEY_FRAME_UNSEEN]


@pytest.mark.parametrize("name", ["avif", "heic"])
def test_items_are_counted_where_they_are_listed(name: str) -> None:
    """The number of items in a box that no decoder reads does not matter (issue 10)."""
    name_of_item = b"infe" * 2001
    free = struct.pack(">I4s", 8 + len(name_of_item), b"free") + name_of_item
    content = seeds.seed(name) + free

    assert len(frames(content)) == 1
    assert lacks(content) == []


def hidden_second(content: bytes) -> bytes:
    """Return a HEIC whose second picture is not for display, as its flag says."""
    at = [found.start() for found in re.finditer(b"infe\2\0\0\0", content)][1]
    return content[: at + 7] + b"\1" + content[at + 8 :]


def with_unknown_maker() -> bytes:
    """Return an AVIF with a second item, which only an unknown item is made of."""
    content = with_map(photograph(1, 96, 64), photograph(2, 96, 64), b"\0")
    return content.replace(b"tmap", b"what")


def test_every_coded_item_is_a_frame() -> None:
    """A program may show any of them, whatever the file says."""
    heic = seeds.heic(photograph(1, 96, 64), photograph(2, 96, 64))
    plain = frames(heic)
    hidden = frames(hidden_second(heic))
    (first, second) = frames(with_unknown_maker())

    assert [item.image.tobytes() for item in hidden] == [
        item.image.tobytes() for item in plain
    ]
    assert len(plain) == 2
    assert near(first.image, photograph(1, 96, 64))
    assert near(second.image, photograph(2, 96, 64))


@pytest.mark.parametrize("brand", [b"avis", b"avif"])
def test_items_beside_a_sequence_are_frames(brand: bytes) -> None:
    """A decoder shows a sequence where the brand says so, whatever item is primary."""
    moving = bytearray(seeds.moving("AVIF").replace(b"meta", b"free", 1))
    moving[8:12] = brand
    pictures = with_unknown_maker()
    length = int.from_bytes(pictures[:4], "big")
    places = bytearray(pictures[length:])
    for item in range(3):
        at = places.index(b"iloc") + 18 + 14 * item
        start = int.from_bytes(places[at : at + 4], "big") + len(moving) - length
        places[at : at + 4] = start.to_bytes(4, "big")

    shown = [item.image for item in frames(bytes(moving + places))]

    for seed in (1, 2):
        expected = photograph(seed, 96, 64)
        assert any(
            image.size == expected.size and near(image, expected) for image in shown
        )


def test_thumbnail_of_a_heic_is_a_frame() -> None:
    """File managers show it in place of the picture."""
    file = pillow_heif.from_pillow(photograph(1, 192, 128))
    out = io.BytesIO()
    file.save(out, enc_params=grids.FAST, thumbnails=[96])

    _, thumbnail = frames(out.getvalue())

    assert thumbnail.full == (96, 64)
    assert lacks(out.getvalue()) == []


@pytest.mark.parametrize("kind", list(grids.CODED))
def test_tiles_and_alpha_are_no_frames(kind: bytes) -> None:
    """They are parts of what is shown."""
    tiles = [photograph(number, 64, 64) for number in range(3)]
    both = photograph(1, 64, 64).copy()
    both.putalpha(Image.linear_gradient("L").resize((64, 64)))
    alone = grids.packed(both, kind)

    assert len(frames(grids.grid(tiles, size=(192, 64), kind=kind))) == 1
    assert len(frames(alone)) == 1


def test_more_items_than_are_opened_are_a_lack() -> None:
    """Each is opened by itself, with all that lies around it."""
    content = seeds.heic(*(photograph(number, 64, 64) for number in range(70)))
    first, *rest = re.split(b"(?=infe\2\0\0\0)", content)
    hidden = rest[0] + b"".join(rest[1:]).replace(b"infe\2\0\0\0", b"infe\2\0\0\1")

    assert Reason.KEY_FRAME_UNSEEN in lacks(first + hidden)


def near(one: Image.Image, other: Image.Image) -> bool:
    """Return whether two pictures are the same apart from their coding."""
    difference = np.asarray(one.convert("L"), np.int16) - np.asarray(other.convert("L"))
    return bool(np.abs(difference).mean() < 8)
