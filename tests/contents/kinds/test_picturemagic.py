"""The magic that stands here is the one that encoders write."""

import io

import pillow_heif
import pytest
from PIL import Image

from uploadfilter.contents.kinds import magic, picturemagic
from uploadfilter.contents.kinds.magic import Kind

PICTURE = Image.new("RGB", (16, 16), (200, 30, 60))


def written(name: str, **options: object) -> bytes:
    """Return a picture as Pillow writes it."""
    file = io.BytesIO()
    if name == "HEIF":
        # Without telling Pillow of it, which would last until the process ends.
        pillow_heif.from_pillow(PICTURE).save(file, format=name, **options)
    else:
        PICTURE.save(file, name, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "magics"),
    [
        ("JPEG", (picturemagic.JPEG,)),
        ("PNG", (picturemagic.PNG,)),
        ("GIF", picturemagic.GIFS),
        ("GIF", (picturemagic.GIF_LETTERS,)),
        ("TIFF", picturemagic.TIFFS),
        ("ICO", picturemagic.ICONS),
    ],
)
def test_files_begin_with_their_magic(name: str, magics: tuple[bytes, ...]) -> None:
    """Pillow's encoders and we mean the same formats."""
    assert written(name).startswith(magics)


@pytest.mark.parametrize(
    ("name", "brands", "kind"),
    [
        ("AVIF", picturemagic.AVIF_OPENED_BRANDS, Kind.AVIF),
        ("HEIF", picturemagic.HEIC_OPENED_BRANDS, Kind.HEIC),
    ],
)
def test_boxes_have_their_brands(
    name: str, brands: frozenset[bytes], kind: Kind
) -> None:
    """What the kind is told by is also opened."""
    content = written(name)

    assert content[4:8] == b"ftyp"
    assert content[8:12] in brands
    assert magic.sniff(content[: magic.HEAD_BYTES]) is kind


def test_swapped_magics_lead_to_right_ones() -> None:
    """Each reads as the same number in the other byte order."""
    for wrong, right in picturemagic.SWAPPED_TIFFS.items():
        assert right in picturemagic.TIFFS
        assert wrong not in picturemagic.TIFFS
        assert wrong[2:] == right[:1:-1]
