"""Which pictures inside something may be there by chance."""

import base64
import gzip
import hashlib
import struct

import pytest

from tests.scanners.scans import scanned
from uploadfilter.contents.carving import PictureStart
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.files import EncodedFile
from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking.chance import (
    is_usual_photo,
    may_be_chance,
    most_bytes,
)
from uploadfilter.scanners.wire.budgets import Budgets


@pytest.mark.parametrize(
    ("name", "kind", "begins_as", "is_chance"),
    [
        pytest.param("base64:1", Kind.DATA, Kind.JXL, True, id="letters-in-a-program"),
        pytest.param("base64:1", Kind.TEXT, Kind.JXL, False, id="letters-in-a-text"),
        pytest.param("data:1", Kind.DATA, Kind.JXL, False, id="uri"),
        pytest.param("base64:1", Kind.DATA, Kind.ZIP, False, id="archive"),
    ],
)
def test_letters_in_a_program_may_be_chance(
    name: str, kind: Kind, begins_as: Kind, *, is_chance: bool
) -> None:
    """Strings in a text, and URIs, are written on purpose."""
    item = EncodedFile(name=name, data=b"")

    assert may_be_chance(item, kind, begins_as) is is_chance


def test_webp_is_as_long_as_it_says() -> None:
    """Bytes after it are not given to its decoder."""
    source = MemorySource(b"junkRIFF" + (100).to_bytes(4, "little") + bytes(999))

    assert most_bytes(source, PictureStart(offset=4, kind=Kind.WEBP)) == 109
    assert most_bytes(source, PictureStart(offset=4, kind=Kind.PNG)) == source.size


def test_photo_without_a_profile_is_usual() -> None:
    """All views of such a one are cheap."""
    names = frozenset({"jpeg"})

    assert is_usual_photo(MemorySource(b"\xff\xd8\xff"), names)
    assert not is_usual_photo(MemorySource(b"\xff\xd8\xffICC_PROFILE"), names)
    assert not is_usual_photo(MemorySource(b"\xff\xd8\xff"), frozenset({"png"}))


@pytest.mark.parametrize(
    ("content", "is_too_deep"),
    [
        pytest.param(b"\0" + gzip.compress(b"a text in it"), True, id="sound"),
        pytest.param(b"\0\x1f\x8b\x08" + bytes(7) + b"\xff" * 90, False, id="chance"),
    ],
)
def test_only_what_holds_something_is_too_deep(
    content: bytes, *, is_too_deep: bool
) -> None:
    """A magic after a stray byte may be chance, as in modules of GRUB."""
    scan = scanned(content, budgets=Budgets(max_depth=0))

    assert (Reason.TOO_DEEP in scan.reasons) is is_too_deep


def broken_animation(side: int) -> bytes:
    """Return a GIF that ends in noise, in which a second frame begins by chance."""
    noise = hashlib.shake_256(b"noise").digest(200)
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x91, 0, 0) + bytes(12)
    frames = [
        b"," + struct.pack("<HHHHB", *box, 0) + b"\x02\xc8" + noise + b"\0"
        for box in ((0, 0, side, side), (34439, 29402, 11080, 59810))
    ]
    return head + b"".join(frames)


@pytest.mark.parametrize(("side", "is_told"), [(9, False), (15, False), (40, True)])
def test_broken_icon_in_something_is_no_picture(side: int, *, is_told: bool) -> None:
    """Style sheets that read otherwise begin with an icon and go on with letters."""
    found = scanned(b"\xff" * 64 + broken_animation(side))

    reasons = {reason for each in found.walk() for reason in each.reasons}
    assert reasons == ({Reason.KEY_FRAME_UNSEEN} if is_told else set())
    assert found.dropped > 0


def test_header_that_is_not_understood_says_nothing_of_its_size() -> None:
    """A stray byte that decoders step over does not make a GIF an icon."""
    data = broken_animation(40)
    stray = data[:25] + b"!\xfe\1c\0" + b"x" + data[25:]

    reasons = {each.reason for each in scanned(b"\xff" * 64 + stray).walk()}

    assert Reason.KEY_FRAME_UNSEEN in reasons


@pytest.mark.parametrize(("length", "is_told"), [(52, False), (99, False), (500, True)])
def test_beginning_of_a_document_is_none(length: int, *, is_told: bool) -> None:
    """As in comments in the source of libraries."""
    head = b"%PDF-1.7\n%\x81\x81\x81\x81\n\n5 0 obj\n<<\n/Filter /FlateDecode\n/Len"
    data = head.ljust(length, b"x")[:length]
    text = b"const base64 = '" + base64.b64encode(data) + b"' // and so on\n" * 20

    reasons = {reason for each in scanned(text).walk() for reason in each.reasons}

    assert bool(reasons & {Reason.UNDECODABLE, Reason.TRUNCATED}) is is_told
