"""Zip files give the members that any reader would find in them."""

import io
import lzma
import zipfile
import zlib
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.containers import (
    CHECKS,
    Check,
    Subject,
    Unpacked,
    contents_of,
    unpack,
)
from tests.contents.archives.zips import (
    DESCRIPTOR,
    ENCRYPTED,
    STORED,
    UTF8,
    Made,
    Said,
    deflated,
    end,
    made,
    streamed,
    zipped,
)
from uploadfilter.contents.archives.zipping import ZipContainer, hides_archive
from uploadfilter.contents.members import (
    MOST_HEADERS,
    RATIO_GRACE_BYTES,
    Member,
    Shortfall,
    UnpackLimits,
    UnpackMeter,
)
from uploadfilter.contents.source import MemorySource, PartSource
from uploadfilter.model import Reason

ZIP = ZipContainer()
TEXT = b"".join(b"%d sheep; " % number for number in range(100))
MEMBERS = {"a.txt": TEXT, "b/c.txt": TEXT[::-1], "é.bin": bytes(range(256))}
EXPECTED = tuple(MEMBERS.items())
PACKED = deflated(TEXT)
SHEEP: Unpacked = ("a", TEXT, None)
PLAIN = Made(data=PACKED, size=len(TEXT))
KEPT = Said(method=STORED)
TOO_LONG = Said(method=STORED, packed=9999, size=9999)
UNREADABLE: Unpacked = ("", b"", Reason.UNDECODABLE)
PICTURE = b"\xff\xd8\xff"
DAMAGE: Unpacked = ("", b"", Reason.TRUNCATED)

SUBJECT = Subject(
    container=ZIP,
    members={
        zipped(MEMBERS): EXPECTED,
        zipped(MEMBERS, zipfile.ZIP_STORED): EXPECTED,
        zipped(MEMBERS, zipfile.ZIP_BZIP2): EXPECTED,
        zipped(MEMBERS, zipfile.ZIP_LZMA): EXPECTED,
        streamed(MEMBERS): EXPECTED,
        made(PLAIN): (("a", TEXT),),
        zipped({}): (),
    },
    bomb=zipped({f"{n}": bytes(3 * 1024 * 1024) for n in range(3)}),
)


@given(flags=st.integers(0, 0x7FFF).map(lambda number: 2 * number & ~DESCRIPTOR))
def test_flags_other_than_the_first_lock_nothing(flags: int) -> None:
    """A member is encrypted by the lowest of them; the others belong to that one."""
    says = Said(flags=flags, crc=zlib.crc32(TEXT))
    file = made(Made(data=PACKED, size=len(TEXT), local=says, listed=says))
    ((_, content, reason),) = contents_of(ZIP, file)

    assert (content, reason) == (TEXT, None)


@pytest.mark.parametrize(
    ("method", "data"),
    [pytest.param(0, TEXT, id="stored"), pytest.param(8, PACKED, id="packed")],
)
def test_member_that_only_a_flag_locks_is_looked_at(method: int, data: bytes) -> None:
    """What unpacks without a password is not encrypted, whatever its headers say."""
    says = Said(method=method, flags=ENCRYPTED, crc=zlib.crc32(TEXT))
    file = made(Made(data=data, size=len(TEXT), local=says, listed=says))

    assert [(content, reason) for _, content, reason in contents_of(ZIP, file)] == [
        (TEXT, None)
    ]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_zip_conforms(check: Check) -> None:
    """Zip passes the suite of containers."""
    check(SUBJECT)


def said(header: Said, member: Made = PLAIN) -> Made:
    """Let both headers of a member say the same."""
    return replace(member, local=header, listed=header)


def packed_zip() -> Made:
    """Pack a zip so that it stands there unchanged, as archivers do with dense data.

    Its members are there for all to see, but not whole: they are longer than a block.
    """
    inner = zipped(MEMBERS, zipfile.ZIP_STORED)
    blocks = [inner[at : at + 500] for at in range(0, len(inner), 500)]
    packed = b"".join(
        bytes([block is blocks[-1]])
        + len(block).to_bytes(2, "little")
        + (len(block) ^ 0xFFFF).to_bytes(2, "little")
        + block
        for block in blocks
    )
    return Made(data=packed, size=len(inner))


def kept(data: bytes, *, name: bytes = b"a") -> Made:
    """Store a member without packing."""
    return said(Said(method=STORED, name=name), Made(data=data, size=len(data)))


HIDDEN = Made(data=PACKED, size=len(TEXT), listed=None)
NO_SIZES = Said(flags=DESCRIPTOR, packed=0, size=0)
LZMA_RAW = lzma.compress(
    TEXT, format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1}]
)
LZMA_HEAD = b"\x09\x04\x05\0\x5d" + (1 << 23).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("file", "found"),
    [
        pytest.param(made(PLAIN, prefix=b"MZ program"), [SHEEP], id="prefix"),
        pytest.param(made(PLAIN) + b"behind it", [SHEEP], id="after"),
        pytest.param(made(PLAIN, comment=b"PK\5\6" * 9), [SHEEP], id="false-ends"),
        pytest.param(
            made(PLAIN, comment=end(0, 0)), [SHEEP], id="end-record-in-the-comment"
        ),
        pytest.param(made(HIDDEN), [SHEEP], id="not-listed"),
        pytest.param(made(PLAIN)[: 30 + 1 + len(PACKED)], [SHEEP], id="no-directory"),
        pytest.param(made(replace(PLAIN, local=None)), [DAMAGE], id="no-local-header"),
        pytest.param(
            made(said(Said(packed=1, size=1))), [SHEEP], id="sizes-of-packed-are-wrong"
        ),
        pytest.param(made(said(Said(crc=99))), [SHEEP], id="wrong-checksum"),
        pytest.param(
            made(kept(TEXT), kept(TEXT)), [("a", TEXT, None)] * 2, id="name-twice"
        ),
        pytest.param(
            made(
                replace(
                    PLAIN,
                    local=Said(flags=DESCRIPTOR, packed=0, size=0),
                    behind=b"PK\7\x08" + bytes(12),
                )
            ),
            [SHEEP],
            id="descriptor",
        ),
        pytest.param(
            made(
                said(
                    Said(method=STORED, flags=DESCRIPTOR, packed=0, size=0),
                    Made(data=TEXT, behind=b"PK\7\x08" + bytes(12), listed=None),
                )
            ),
            [SHEEP],
            id="stored-with-descriptor",
        ),
        pytest.param(
            made(
                Made(
                    data=TEXT,
                    local=Said(method=STORED, packed=5, size=5),
                    listed=Said(method=STORED, packed=9, size=9),
                )
            ),
            [("a", TEXT[:9], None), ("a", TEXT[:5], None)],
            id="two-lengths",
        ),
        pytest.param(
            made(Made(data=PACKED, local=Said(), listed=Said(method=STORED, size=9))),
            [("a", PACKED, None), ("a", PACKED[:9], None), SHEEP],
            id="two-methods",
        ),
        pytest.param(
            made(said(TOO_LONG)),
            [
                (
                    "a",
                    made(said(TOO_LONG))[31:],
                    None,
                ),
                DAMAGE,
            ],
            id="longer-than-the-file",
        ),
        pytest.param(
            made(said(Said(flags=ENCRYPTED), Made(data=bytes(range(256)))), PLAIN),
            [("", b"", Reason.ENCRYPTED), SHEEP],
            id="encrypted",
        ),
        pytest.param(
            made(said(Said(method=99, flags=ENCRYPTED)), PLAIN),
            [("", b"", Reason.ENCRYPTED), SHEEP],
            id="encrypted-with-aes",
        ),
        pytest.param(
            made(replace(PLAIN, listed=Said(flags=ENCRYPTED))),
            [SHEEP],
            id="encrypted-by-one-header",
        ),
        pytest.param(
            made(said(Said(method=1)), PLAIN),
            [("", b"", Reason.NOT_INSPECTED), SHEEP],
            id="unknown-method",
        ),
        pytest.param(
            made(said(Said(method=93), Made(data=zstandard.compress(TEXT)))),
            [SHEEP],
            id="zstd",
        ),
        pytest.param(
            made(said(Said(method=95), Made(data=lzma.compress(TEXT)))),
            [SHEEP],
            id="xz",
        ),
        pytest.param(
            made(said(Said(method=14), Made(data=LZMA_HEAD + LZMA_RAW, size=990))),
            [SHEEP],
            id="lzma-without-end-mark",
        ),
        pytest.param(made(kept(b"", name=b"folder/"), PLAIN), [SHEEP], id="folder"),
        pytest.param(
            made(said(Said(name=b"\xe9"))), [("Θ", TEXT, None)], id="old-name"
        ),
        pytest.param(
            made(said(Said(name=b"\xe9", flags=UTF8))),
            [("\N{REPLACEMENT CHARACTER}", TEXT, None)],
            id="broken-name",
        ),
        pytest.param(
            made(kept(made(PLAIN))), [("a", made(PLAIN), None)], id="zip-in-zip"
        ),
        pytest.param(
            made(packed_zip()),
            [("a", zipped(MEMBERS, zipfile.ZIP_STORED), None)],
            id="zip-in-packed-zip",
        ),
        pytest.param(
            made(replace(packed_zip(), local=NO_SIZES)),
            [("a", zipped(MEMBERS, zipfile.ZIP_STORED), None)],
            id="zip-in-streamed-zip",
        ),
        pytest.param(
            made(
                said(Said(packed=len(PACKED) + 40), replace(PLAIN, behind=made(PLAIN)))
            ),
            [SHEEP, SHEEP],
            id="member-after-packed-data",
        ),
        pytest.param(
            made(replace(said(TOO_LONG), listed=None), PLAIN),
            [
                SHEEP,
                ("a", made(replace(said(TOO_LONG), listed=None), PLAIN)[31:], None),
            ],
            id="header-without-sizes",
        ),
        pytest.param(b"PK\3\4", [UNREADABLE], id="magic-only"),
        pytest.param(b"PK", [UNREADABLE], id="nothing"),
    ],
)
def test_zip_is_read_like_this(file: bytes, found: list[Unpacked]) -> None:
    """Whatever a reader may go by is gone by; each reading is given once."""
    assert contents_of(ZIP, file) == found


def test_member_that_breaks_off_is_given_as_far_as_it_goes() -> None:
    """Members before the end of a truncated file can be read."""
    ((name, data, reason),) = contents_of(ZIP, made(PLAIN)[: 31 + len(PACKED) // 2])

    assert (name, reason) == ("a", Reason.TRUNCATED)
    assert data == TEXT[: len(data)]
    assert len(data) > len(TEXT) // 4


@pytest.mark.parametrize("missing", range(1, 60))
def test_zip_without_its_beginning_is_read(missing: int) -> None:
    """Members that would begin before the file do not count."""
    found = contents_of(ZIP, made(kept(TEXT), kept(TEXT))[missing:])

    assert ("a", TEXT, None) in found
    assert found[0] == DAMAGE


def test_member_of_another_name_is_not_broken_for_the_directory() -> None:
    """In a backup with an archive, an offset may lead to another member by chance."""
    first, second = (
        zipped({name: TEXT * count}) for name, count in (("a", 1), ("b", 9))
    )
    # The directory of the last archive says 0 for its member; there lies that of the
    # first, whose data are shorter and of another method.
    first = made(Made(data=TEXT[:9], size=9, local=Said(name=b"a", method=STORED)))

    found = contents_of(ZIP, first + second)

    assert ("b", TEXT * 9, None) in found
    assert all(reason is None for _, _, reason in found)


def wide(data: bytes) -> bytes:
    """Let a zip file of one stored member say its sizes and places in 64 bits."""
    extra = b"\1\0\x10\0" + len(data).to_bytes(8, "little") * 2
    narrow = Said(method=STORED, packed=0xFFFFFFFF, size=0xFFFFFFFF, extra=extra)
    file = made(said(narrow, Made(data=data)))
    place = file.rindex(b"PK\5\6")
    directory = file.index(b"PK\1\2")
    record = b"PK\6\6" + (44).to_bytes(8, "little") + bytes(28)
    record += (place - directory).to_bytes(8, "little")
    record += directory.to_bytes(8, "little")
    locator = b"PK\6\7" + bytes(4) + place.to_bytes(8, "little") + bytes(4)
    return file[:place] + record + locator + end(0xFFFFFFFF, 0xFFFFFFFF)


def test_sizes_of_64_bits_are_read() -> None:
    """Zip files beyond four gibibytes say their sizes elsewhere."""
    assert contents_of(ZIP, wide(TEXT)) == [SHEEP]


def test_stored_members_are_not_copied() -> None:
    """A stored member can be read in place."""
    (member,) = ZIP.members(MemorySource(made(kept(TEXT))), UnpackMeter(UnpackLimits()))

    assert isinstance(member, Member)
    assert isinstance(member.content, PartSource)


def overlapping(data: bytes, count: int) -> bytes:
    """Let members share their data: each begins with the next one's header, quoted.

    Source:
        David Fifield, "A better zip bomb", WOOT 2019, section 3.
    """
    header = b"PK\3\4" + Said().fields(b"", 0) + b"a"
    length = len(header).to_bytes(2, "little")
    quote = b"\0" + length + bytes(255 - byte for byte in length)
    return (header + quote) * (count - 1) + header + data


SHARED_BYTES = 8 * 1024 * 1024


def test_overlapping_members_are_a_bomb_together() -> None:
    """Members that share their data are recognised by their total size."""
    file = overlapping(deflated(bytes(SHARED_BYTES)), 9)
    meter = UnpackMeter(UnpackLimits(), content_bytes=len(file))
    contents = list(unpack(ZIP, MemorySource(file), meter))

    assert len(contents) == RATIO_GRACE_BYTES // SHARED_BYTES + 1
    assert sum(len(data) for _, data, _ in contents) < RATIO_GRACE_BYTES + SHARED_BYTES
    assert contents[-1] == ("", b"", Reason.TOO_COMPRESSED)


METHODS = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])


@given(
    st.lists(
        st.tuples(
            st.text("abé", min_size=1, max_size=9), st.binary(max_size=5), METHODS
        ),
        unique_by=lambda member: member[0],
        max_size=9,
    ),
    st.binary(max_size=300),
)
def test_members_are_those_of_another_reader(
    members: list[tuple[str, bytes, int]], before: bytes
) -> None:
    """Cheap cases: empty members, equal headers, bytes between members."""
    file = io.BytesIO(before)
    file.seek(len(before))
    with zipfile.ZipFile(file, "a") as archive:
        for name, data, method in members:
            archive.writestr(name, data, compress_type=method)
    with zipfile.ZipFile(file) as archive:
        expected = [(name, archive.read(name), None) for name in archive.namelist()]

    assert contents_of(ZIP, file.getvalue()) == expected


@pytest.mark.parametrize("far", [200, 252, 253, 254, 255, 256, 257, 70_000])
def test_header_is_found_however_far_it_is(far: int) -> None:
    """Headers are looked for near the last one at first, then further on."""
    one = zipped({"a": b"a"}, zipfile.ZIP_STORED)
    head = one[: one.index(b"PK\1\2")]

    found = contents_of(ZIP, bytes(far) + head + bytes(far) + head)

    assert found == [("a", b"a", None)] * 2


def test_members_that_no_directory_lists_are_counted() -> None:
    """A few were replaced; an archive that broke off has as many as its length says."""
    one = zipped({"a": b"a"}, zipfile.ZIP_STORED)
    head = one[: one.index(b"PK\1\2")]
    file = head * 4000

    found = list(ZIP.members(MemorySource(file), UnpackMeter(UnpackLimits())))
    assert found[-1] == Shortfall(reason=Reason.TOO_MANY_CONTENTS)
    meter = UnpackMeter(UnpackLimits(), content_bytes=4 << 20)
    assert (
        sum(isinstance(each, Member) for each in ZIP.members(MemorySource(file), meter))
        == 4000
    )


def test_folders_without_end_are_too_many() -> None:
    """An archive that has only folders ends with a reason."""
    folder = kept(b"", name=b"d/")
    file = made(*[folder] * (MOST_HEADERS // 2 + 1))

    assert contents_of(ZIP, file) == [("", b"", Reason.TOO_MANY_CONTENTS)]


@pytest.mark.parametrize(
    ("file", "hides"),
    [
        pytest.param(PICTURE + made(PLAIN), True, id="after-a-picture"),
        pytest.param(PICTURE + made(PLAIN) + bytes(99), True, id="in-the-middle"),
        pytest.param(PICTURE + made(PLAIN) + bytes(70000), False, id="far-off"),
        pytest.param(b"PK\5\6", False, id="broken-off"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_archives_behind_something_else_are_told_by_their_end(
    file: bytes,
    hides: bool,
) -> None:
    """A look at the end tells whether a content is a zip file too."""
    assert hides_archive(MemorySource(file)) is hides
