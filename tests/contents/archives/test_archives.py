"""Archives that libarchive reads give their members, or reasons."""

import base64
import functools
import gzip
import zlib
from collections.abc import Callable

import pytest

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from tests.contents.archives import zips
from tests.contents.archives.libraries import needs_libarchive
from tests.corpus import pictures
from tests.corpus.bombs import archives as bombs_archives
from tests.corpus.tricks import archives as made
from uploadfilter.contents.archives import archives
from uploadfilter.contents.archives.archives import ARCHIVES, ISO, archives_inside
from uploadfilter.contents.archives.zipping import ZipContainer
from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.contents.members import Container, UnpackLimits, UnpackMeter
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

pytestmark = needs_libarchive

SENTENCE = b"To be packed, and to be the same again. "
TEXT = SENTENCE * 60
ZEROS = bytes(9 * 1024 * 1024)
NAMED = (("a.bmp", TEXT),)
PHOTO = pictures.jpeg(pictures.photograph(3, width=96, height=72))
PAPER = b"%PDF-1.4\n%%EOF\n"


def container_of(kind: Kind) -> Container:
    """Return the reader of a kind."""
    return next(each for each in ARCHIVES if kind in each.kinds)


TWO = (("a", TEXT), ("b", b"b"))

FILES: dict[Kind, dict[bytes, tuple[tuple[str, bytes], ...]]] = {
    Kind.SEVEN_ZIP: {made.seven_zip(TEXT): NAMED},
    Kind.RAR: {made.rar5(TEXT): NAMED, made.rar4(TEXT): NAMED},
    Kind.CAB: {made.cab(TEXT): NAMED},
    Kind.LHA: {made.lha(TEXT): NAMED},
    Kind.XAR: {made.xar(TEXT): NAMED},
    Kind.AR: {made.ar(*TWO): TWO},
    Kind.CPIO: {made.cpio(*TWO): TWO},
    Kind.RPM: {made.rpm(*TWO): TWO},
    Kind.COMPRESS: {made.compress(TEXT): (("data", TEXT),)},
    Kind.LZIP: {made.lzip(TEXT): (("data", TEXT),)},
    Kind.LZ4: {made.lz4(TEXT): (("data", TEXT),)},
}
BOMBS: dict[Kind, Callable[[], bytes]] = {
    Kind.SEVEN_ZIP: lambda: made.seven_zip(ZEROS),
    Kind.CAB: lambda: made.cab(ZEROS),
    Kind.XAR: lambda: made.xar(ZEROS),
    Kind.RPM: lambda: made.rpm(("a", ZEROS)),
    Kind.LZIP: lambda: made.lzip(ZEROS),
}


@functools.cache
def subject_of(kind: Kind) -> Subject:
    """Describe a kind of archive."""
    bomb = BOMBS[kind]() if kind in BOMBS else None
    return Subject(container=container_of(kind), members=FILES[kind], bomb=bomb)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_archive_conforms(kind: Kind, check: Check) -> None:
    """Every archive keeps the rules of containers."""
    check(subject_of(kind))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_disc_conforms(check: Check) -> None:
    """The image of a disc keeps the rules of containers."""
    disc = made.iso("A.BMP", TEXT)

    check(Subject(container=ISO, members={disc: (("A.BMP", TEXT),)}))


@pytest.mark.parametrize("kind", FILES)
def test_archive_is_told_by_its_first_bytes(kind: Kind) -> None:
    """An archive is recognised without a name."""
    assert {sniff(file) for file in FILES[kind]} == {kind}


@pytest.mark.parametrize(
    ("kind", "file", "reason"),
    [
        pytest.param(
            Kind.SEVEN_ZIP,
            made.seven_zip(TEXT, is_encrypted=True),
            Reason.ENCRYPTED,
            id="7z-encrypted",
        ),
        pytest.param(
            Kind.RAR,
            made.rar4(TEXT, is_encrypted=True),
            Reason.ENCRYPTED,
            id="rar-encrypted",
        ),
        pytest.param(
            Kind.SEVEN_ZIP,
            made.seven_zip(TEXT)[:99],
            Reason.UNDECODABLE,
            id="first-volume-of-7z",
        ),
        pytest.param(
            Kind.RAR,
            made.rar5(TEXT)[:-900],
            Reason.TRUNCATED,
            id="first-volume-of-rar",
        ),
    ],
)
def test_what_cannot_be_read_has_a_reason(
    kind: Kind, file: bytes, reason: Reason
) -> None:
    """Nothing that needs a password or another volume passes for empty."""
    assert contents_of(container_of(kind), file)[-1][2] is reason


def inside(content: bytes) -> list[tuple[str, bytes, Reason | None]]:
    """Return the members of the archives that begin in the middle of a content."""
    source = MemorySource(content)
    return [
        item
        for container in archives_inside(source, sniff(content), outside_pixels(source))
        for item in contents_of(container, content)
    ]


@pytest.mark.parametrize(
    "archive", [made.seven_zip(TEXT), made.rar5(TEXT), made.rar4(TEXT), made.cab(TEXT)]
)
@pytest.mark.parametrize("before", [b"MZ" + bytes(99), PHOTO, PAPER, b"a\n" * 200_000])
def test_archive_inside_another_content_is_read(before: bytes, archive: bytes) -> None:
    """Programs that unpack themselves name the magic before it comes."""
    before += archive[:8] + bytes(5000)

    assert inside(before + archive + bytes(99)) == [("a.bmp", TEXT, None)]
    assert inside(before) == []


def test_members_of_an_archive_in_an_archive_are_found_once() -> None:
    """A stored member is a separate content."""
    assert inside(zips.zipped({"a": made.seven_zip(TEXT)}, method=0)) == []


def test_name_in_another_encoding_is_kept_readable() -> None:
    """A name is decoded as well as it goes, as that of a zip is."""
    file = made.ar(("name", TEXT)).replace(b"name", b"n\x84me")

    assert contents_of(container_of(Kind.AR), file) == [("näme", TEXT, None)]


def test_headers_without_end_are_too_many() -> None:
    """Folders are counted, too, although they are not contents."""
    folder = made.cpio(("d", b""))
    end = folder.rindex(b"070701")
    file = folder[:end].replace(b"000081a4", b"000041ed") * 5001 + folder[end:]

    assert contents_of(container_of(Kind.CPIO), file) == [
        ("", b"", Reason.TOO_MANY_CONTENTS)
    ]


def test_archive_ends_with_the_member_that_is_too_much() -> None:
    """The rest of a solid archive cannot be read without unpacking it."""
    limits = UnpackLimits(max_output_bytes=1024 * 1024)
    items = list(
        container_of(Kind.CAB).members(
            MemorySource(made.cab(ZEROS)), UnpackMeter(limits)
        )
    )

    assert len(items) == 1


def test_what_begins_like_no_disc_is_none() -> None:
    """Most contents are shorter than where the mark of a disc stands."""
    assert not archives.is_iso(MemorySource(gzip.compress(TEXT)))
    assert archives.is_iso(MemorySource(made.iso("A", TEXT)))


def test_zip_in_a_program_is_none_of_these() -> None:
    """Zip archives after programs are found by their end."""
    assert inside(b"MZ" + zips.zipped({"a": TEXT})) == []


PACKED_BY_PPMD = base64.b64decode(
    "BQBUHM25dRHCWk/Ap1zJYCwmdLhMDcoUcNv7GpolTVwXAiCaAAAAFdmhTl4A"
)
"""Six times a sentence, as pyppmd packs it for a zip."""


def test_member_of_a_zip_that_only_the_library_unpacks_is_read() -> None:
    """PPMd is a method of zip that WinZip and 7-Zip offer."""
    text = TEXT[: 6 * len(SENTENCE)]
    said = zips.Said(method=98, size=len(text), crc=zlib.crc32(text))
    member = zips.Made(data=PACKED_BY_PPMD, local=said, listed=said)

    assert contents_of(ZipContainer(), zips.made(member)) == [("a", text, None)]


def test_table_that_is_too_long_is_not_read() -> None:
    """The library would make a tree of all of it first."""
    assert contents_of(container_of(Kind.XAR), bombs_archives.crowded_xar()) == [
        ("", b"", Reason.TOO_COMPRESSED)
    ]
