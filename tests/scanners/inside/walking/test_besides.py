"""Whatever a usual reader opens as a picture, the scan shows or gives a reason for."""

import bz2
import gzip
import io
import lzma
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.contents.archives.libraries import needs_libarchive
from tests.corpus import pictures
from tests.corpus.tricks import kinds as tricks_kinds
from tests.corpus.tricks.archives import seven_zip
from tests.scanners.inside.walking.samples import (
    IMAGE,
    LEAST_SIDE,
    NAMES,
    STRAY,
    sample,
    says_something,
)
from tests.scanners.scans import scanned
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason
from uploadfilter.pictures import formats
from uploadfilter.scanners.inside.walking.besides import besides

LEAST_SHADES = 20
"""Values of 64 pixels: fewer do not make a picture."""


bytes_of_a_head = st.lists(
    st.tuples(st.integers(0, 39), st.integers(0, 255)), max_size=12
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decorated:
    """A picture with some bytes of its head changed, and others put in.

    It is named by how it is made: hypothesis shows no values of many kilobytes.
    """

    name: str
    changes: tuple[tuple[int, int], ...] = ()
    put_in_at: int = 0
    put_in: bytes = b""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        content = bytearray(sample(self.name))
        for at, value in self.changes:
            content[at] = value
        return bytes(content[: self.put_in_at] + self.put_in) + bytes(
            content[self.put_in_at :]
        )


def decorated() -> st.SearchStrategy[Decorated]:
    """Draw a picture that was changed."""
    return st.builds(
        Decorated,
        name=st.sampled_from(NAMES),
        changes=bytes_of_a_head.map(tuple),
        put_in_at=st.integers(0, 60),
        put_in=st.sampled_from((b"", b"", *STRAY)),
    )


def is_shown_by_pillow(content: bytes) -> bool:
    """Say whether Pillow, with all its formats, opens a content as a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content)) as image:
                if min(image.size) < LEAST_SIDE or max(image.size) > 10 * IMAGE.width:
                    return False
                shades = image.convert("L").resize((8, 8)).tobytes()
        except Exception:  # noqa: BLE001 - whatever a plugin raises, it shows nothing
            return False
    return len(set(shades)) >= LEAST_SHADES


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_pictures(name: str) -> None:
    """Formats that Pillow cannot write are missing here; it shows all except HEIC."""
    assert name == "HEIC" or is_shown_by_pillow(sample(name))
    assert says_something(scanned(sample(name)))


@settings(max_examples=150)
@example(content=Decorated(name="DIB", changes=((12, 0),)))
@given(content=decorated())
def test_what_pillow_shows_is_never_passed_over(content: Decorated) -> None:
    """Pillow tries every format on any name; none of them gets past without a word."""
    if is_shown_by_pillow(content.data):
        assert says_something(scanned(content.data))


def tarred(content: bytes) -> bytes:
    """Return an archive of one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    *(gzip.compress, bz2.compress, lzma.compress, zstandard.compress, tarred),
)


@pytest.mark.parametrize("stray", [b"x", *STRAY, bytes(64)], ids=range(8))
@pytest.mark.parametrize("pack", PACKERS)
def test_container_is_opened_behind_stray_bytes(
    pack: Callable[[bytes], bytes], stray: bytes
) -> None:
    """Without these bytes it is the archive; each picture in it is found once."""
    scan = scanned(stray + pack(sample("JPEG")))

    assert [part.kind for part in scan.walk() if part.views] == ["jpeg"]
    assert scan.reason is None


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "ICO", "AVIF", "HEIC", "TIFF"])
def test_picture_is_found_behind_a_stray_byte(name: str) -> None:
    """Every format that is decoded, also where carving wants a sounder beginning."""
    assert any(part.views for part in scanned(b"x" + sample(name)).walk())


@pytest.mark.parametrize("start", [b"\x04\x22\x4d\x18", b"PACK\0\0\0\2"])
def test_archive_that_is_not_opened_is_a_reason_behind_a_byte(start: bytes) -> None:
    """It is what it is without the byte."""
    whole = scanned(start + bytes(99)).reason

    assert scanned(b"x" + start + bytes(99)).reason in {whole, Reason.NOT_INSPECTED}


@pytest.mark.parametrize(
    "start",
    [b"\x1f\x8b\x08\0", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"GIF89a"],
)
def test_magic_by_chance_is_no_reason(start: bytes) -> None:
    """A guess that comes to nothing says nothing."""
    scan = scanned(b"x" + start + np.random.default_rng(1).bytes(5000))

    assert [part.reason for part in scan.walk()] == [None]


def test_prose_about_pictures_is_no_picture() -> None:
    """Words that begin like a picture give no reason, whatever follows."""
    for text in (
        b"GIF87a format, as it was, is old.\n",
        b"BMW, a car.\n",
        b"P1, P2.\n",
    ):
        assert [part.reason for part in scanned(text * 50).walk()] == [None]


def test_tiff_with_its_number_swapped_is_seen() -> None:
    """As Pillow sees it."""
    content = tricks_kinds.KIND_TRICKS[1].make(IMAGE, IMAGE)

    assert is_shown_by_pillow(content)
    assert any(part.views for part in scanned(content).walk())


@pytest.mark.parametrize("declared", [None, "image/x-tga"])
def test_targa_is_told_apart_by_who_says_so(declared: str | None) -> None:
    """Declared a picture it is undecodable; else it is not looked into."""
    reason = Reason.UNDECODABLE if declared else Reason.NOT_INSPECTED

    assert scanned(sample("TGA"), declared).reason is reason


def test_rarity_is_undecodable_where_it_is_declared_a_picture() -> None:
    """A tool of an origin may show it under the name of a photo."""
    assert scanned(sample("DDS")).reason is Reason.NOT_INSPECTED
    assert scanned(sample("DDS"), "image/jpeg").reason is Reason.UNDECODABLE


def readers_of(content: bytes, *claims: str) -> tuple[Container, ...]:
    """Return what reads a content besides."""
    decoded = formats.decoded()
    source = MemorySource(content)
    spans = (range(source.size),)
    found = besides(source, Kind.DATA, claims=claims, decoded=decoded, spans=spans)
    return found.containers


def test_first_claim_that_means_something_counts() -> None:
    """Of names and types, one is believed."""
    assert len(readers_of(b"\1\2", "x.txt", "a.br", "application/x-lzma")) == 1
    assert not readers_of(b"\1\2", "x.txt")


@needs_libarchive
def test_archive_behind_a_photo_is_opened_once() -> None:
    """Its password is reported, and an archive after a byte is not a second one."""
    photo = pictures.jpeg(pictures.photograph(3, width=96, height=72))
    hidden = pictures.png(pictures.photograph(4, width=96, height=72))
    closed = scanned(photo + seven_zip(hidden, is_encrypted=True))
    opened = scanned(b"\1" + seven_zip(hidden))

    assert closed.reasons == (Reason.ENCRYPTED,)
    assert len(opened.contents) == 1
