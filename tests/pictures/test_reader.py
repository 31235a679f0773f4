"""Frames of the formats that Pillow reads, and their cost."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.corpus import pictures
from tests.corpus.bombs import formats as bombs_formats
from tests.fuzz import seeds
from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.limits import DecodeLimits

GREY = np.asarray(seeds.image().convert("L")).astype(int)


def mean_error(image: Image.Image, expected: Image.Image) -> float:
    """Return by how many grey steps two images differ on the average."""
    ours = np.asarray(image.convert("RGB").convert("L")).astype(int)
    theirs = np.asarray(expected.convert("L")).astype(int)
    return float(np.abs(ours - theirs).mean())


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        pytest.param("jpeg", "L", id="colours that nobody needs"),
        pytest.param("jpeg/progressive", "L", id="progressive"),
        pytest.param("jpeg/grey", "L", id="grey"),
        pytest.param("jpeg/cmyk", "CMYK", id="four colours are kept"),
        pytest.param("png/palette", "P", id="palette is kept"),
        pytest.param("png/16", "I;16", id="16 bits are kept"),
        pytest.param("png/alpha", "RGBA", id="alpha is kept"),
        pytest.param("tiff/lab", "LAB", id="lab is kept"),
        pytest.param("tiff/cmyk", "CMYK", id="cmyk is kept"),
        pytest.param("tiff/tiles", "L", id="tiles"),
        pytest.param("webp", "RGB", id="webp"),
    ],
)
def test_frame_is_in_the_mode_in_which_it_is_stored(name: str, mode: str) -> None:
    """The meaning of samples is tested elsewhere."""
    (frame,) = frames(seeds.seed(name))

    assert frame.mode == mode


def test_profile_comes_with_the_frame() -> None:
    """The bytes of the profile are handed on."""
    (frame,) = frames(seeds.seed("jpeg/profile"))

    assert frame.profile is not None
    assert frame.profile[36:40] == b"acsp"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *[("jpeg", 0.8), ("jpeg/progressive", 0.8), ("jpeg/cmyk", 0.8)],
        *[("png", 0.8), ("gif", 0.8), ("bmp", 0.8), ("tiff", 0.8), ("webp", 0.9)],
        *[("webp/lossless", 0.9), ("ico/bitmap", 0.9), ("tga", 0.8), ("qoi", 0.8)],
    ],
)
def test_truncated_file_shows_what_arrived(name: str, kept: float) -> None:
    """The beginning is the picture's, and the frame says that there was more."""
    (whole, *_) = frames(seeds.seed(name))
    (shown, *_) = frames(pictures.truncated(seeds.seed(name), kept=kept))

    assert shown.is_truncated
    assert shown.full == whole.full
    upper = slice(0, whole.full[1] // 4)
    ours = np.asarray(shown.image.convert("RGB").convert("L")).astype(int)[upper]
    theirs = np.asarray(whole.image.convert("RGB").convert("L")).astype(int)[upper]
    # Icons and bitmaps are stored from the bottom upwards.
    if name not in {"bmp", "ico/bitmap", "tga"}:
        assert np.abs(ours - theirs).mean() < 40


@pytest.mark.parametrize(
    "name", ["gif/moving", "png/moving", "webp/moving", "tiff/pages"]
)
def test_every_frame_is_its_own_picture(name: str) -> None:
    """Frames come in order, each as it would be shown."""
    shown = frames(seeds.seed(name))

    assert [frame.number for frame in shown] == [0, 1, 2, 3]
    for frame in shown:
        assert mean_error(frame.image, seeds.image(frame.number + 1)) < 12
        assert frame.count == 4


@pytest.mark.parametrize(
    ("brand", "seeds_shown"),
    [
        pytest.param(b"avis", [1, 2, 3, 4, 1], id="sequence, then picture"),
        pytest.param(b"avif", [1, 1, 2, 3, 4], id="picture, then sequence"),
    ],
)
def test_avif_is_shown_as_picture_and_as_sequence(
    brand: bytes, seeds_shown: list[int]
) -> None:
    """Viewers do not agree on which of both such a file is."""
    content = bytearray(seeds.seed("avif/moving"))
    content[8:12] = brand

    shown = frames(bytes(content))

    assert [frame.number for frame in shown] == [0, 1, 2, 3, 4]
    for frame, seed in zip(shown, seeds_shown, strict=True):
        assert mean_error(frame.image, seeds.image(seed)) < 12


def test_default_image_of_an_apng_is_a_frame() -> None:
    """The picture for viewers without animation is not part of the animation."""
    shown = frames(seeds.seed("png/default"))

    for frame in shown:
        assert mean_error(frame.image, seeds.image(frame.number + 1)) < 12


def test_one_strip_counts_as_memory() -> None:
    """A compressed page in one strip is unpacked beside the picture."""
    limits = DecodeLimits(max_decoded_bytes=6 * 640 * 480)
    image = pictures.flat(width=640, height=480)
    packed = {"compression": "tiff_adobe_deflate"}
    strips = pictures.encoded(image, "TIFF", **packed, tiffinfo={278: 16})
    one = pictures.encoded(image, "TIFF", **packed, tiffinfo={278: 480})
    plain = pictures.encoded(image, "TIFF", tiffinfo={278: 480})

    assert lacks(strips, limits=limits) == []
    assert lacks(one, limits=limits) == [Reason.TOO_MANY_PIXELS]
    assert lacks(plain, limits=limits) == []


def test_pages_are_limited_one_by_one() -> None:
    """A page that is too large does not keep the others from being shown."""
    content = pictures.encoded(
        pictures.flat(width=10, height=10),
        "TIFF",
        save_all=True,
        append_images=[
            pictures.flat(width=500, height=500),
            pictures.flat(width=11, height=10),
        ],
    )
    limits = DecodeLimits(max_pixels=1000, max_large_bytes=0)

    assert [frame.number for frame in frames(content, limits=limits)] == [0, 2]
    assert lacks(content, limits=limits) == [Reason.TOO_MANY_PIXELS]


def test_huge_piece_is_refused_before_it_is_unpacked() -> None:
    """A frame of a GIF may be larger than its visible part."""
    content = bytearray(seeds.seed("gif/moving"))
    at = content.rindex(b",\0\0\0\0", 0, len(content))
    content[at + 5 : at + 9] = b"\xff\xff\xff\xff"

    assert lacks(bytes(content)) == [Reason.KEY_FRAME_UNSEEN]


@pytest.mark.parametrize(
    "make", [bombs_formats.stripped_tiff, bombs_formats.tiled_tiff]
)
def test_picture_of_too_many_pieces_is_not_decoded(make: Callable[[], bytes]) -> None:
    """Strips and tiles have a separate cost."""
    assert lacks(make()) == [Reason.TOO_MANY_PIXELS]


def test_tiff_of_strips_and_tiles_is_undecodable() -> None:
    """Each of them may be another picture, and programs choose one."""
    content = bytearray(tiff_of(photograph(3, 64, 64)))
    add_tag(content, TiffImagePlugin.TILEOFFSETS, 8)

    assert len(frames(bytes(content))) == 1
    assert Reason.UNDECODABLE in lacks(bytes(content))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_samples_of_unknown_meaning_are_tried_as_alpha(mode: str) -> None:
    """Programs that show them as alpha show another picture."""
    image = photograph(3, 64, 64).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize((64, 64)))
    content = tiff_of(image)
    entry = struct.pack("<HHIH", TiffImagePlugin.EXTRASAMPLES, 3, 1, 2)
    assert content.count(entry) == 1

    (frame,) = frames(content.replace(entry, entry[:-2] + b"\0\0"))

    np.testing.assert_array_equal(np.asarray(frame.image), np.asarray(image))


def tiff_of(image: Image.Image) -> bytes:
    """Return a picture as a TIFF in strips."""
    return pictures.encoded(image, "TIFF")


def add_tag(content: bytearray, tag: int, value: int) -> None:
    """Give the only page of a TIFF one more tag, in a directory at its end."""
    at = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[at : at + 2], "little")
    entries = content[at + 2 : at + 2 + 12 * count]
    content[4:8] = struct.pack("<I", len(content))
    content += struct.pack("<H", count + 1) + entries
    content += struct.pack("<HHII", tag, 4, 1, value) + bytes(4)


def test_unknown_sample_that_is_not_read_is_a_lack() -> None:
    """Samples of a packed TIFF in planes of their own: it is alpha to some programs."""
    out = io.BytesIO()
    photograph(2, 40, 30).convert("RGBA").save(out, "TIFF", compression="tiff_lzw")
    content = bytearray(out.getvalue())
    for tag, value in ((338, 0), (284, 2)):
        at = content.index(struct.pack("<HHI", tag, 3, 1))
        struct.pack_into("<H", content, at + 8, value)

    assert set(lacks(bytes(content))) & {Reason.UNDECODABLE, Reason.TRUNCATED}
