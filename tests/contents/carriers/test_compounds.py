"""Compound files give their streams, in whatever order their sectors lie."""

import struct
import zlib

import pytest

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from tests.corpus.tricks import pieces as made
from uploadfilter.contents.carriers.compounds import CompoundContainer
from uploadfilter.contents.members import Shortfall, UnpackLimits, UnpackMeter
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

TEXT = b"In sectors from the last to the first. " * 200
OLE = CompoundContainer()
SUBJECT = Subject(
    container=OLE,
    members={
        made.ole(("one", TEXT)): (("one", TEXT),),
        made.ole(("a", TEXT), ("b", TEXT[::-1])): (("a", TEXT), ("b", TEXT[::-1])),
    },
)
NOT_METERED = {"check_unpacks_nothing_unasked"}
"""Streams are counted when they are found, since others may share their sectors."""


@pytest.mark.parametrize(
    "check",
    [check for check in CHECKS if check.__name__ not in NOT_METERED],
    ids=lambda check: check.__name__,
)
def test_compound_file_conforms(check: Check) -> None:
    """It keeps the rules of containers."""
    check(SUBJECT)


def test_small_streams_lie_in_sectors_of_their_own_kind() -> None:
    """Streams that are shorter than 4 KiB are in a stream of small sectors."""
    small = bytes(range(256)) * 2

    assert contents_of(OLE, with_small_stream(small)) == [("small", small, None)]


def with_small_stream(data: bytes) -> bytes:
    """Write one short stream by hand: table, directory, small table, small sectors."""
    count = -(-len(data) // 64)
    follow = struct.pack("<128L", 0xFFFF_FFFD, *[0xFFFF_FFFE] * 3, *[0xFFFF_FFFF] * 124)
    small = [*range(1, count), 0xFFFF_FFFE]
    small_follow = struct.pack("<128L", *small, *[0xFFFF_FFFF] * (128 - count))
    directory = made.ole_entry("Root Entry", 5, 3, len(data))
    directory += made.ole_entry("small", 2, 0, len(data))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<LLLLLLLLL", 0, 1, 1, 0, 4096, 2, 1, 0xFFFF_FFFE, 0)
    head += struct.pack("<109L", 0, *[0xFFFF_FFFF] * 108)
    return head + follow + directory.ljust(512, b"\0") + small_follow + data


@pytest.mark.parametrize(
    "streams",
    [
        [("EncryptedPackage", TEXT)],
        [("WordDocument", bytes(10) + b"\0\1" + TEXT)],
        [("Current User", bytes(12) + b"\xdf\xc4\xd1\xf3" + TEXT)],
        [("Workbook", b"\x09\x08\4\0abcd" + b"\x2f\0\2\0ab" + TEXT)],
    ],
    ids=lambda streams: streams[0][0],
)
def test_document_with_a_password_is_encrypted(
    streams: list[tuple[str, bytes]],
) -> None:
    """Each program says in its own way that a password is needed."""
    reasons = [reason for _, _, reason in contents_of(OLE, made.ole(*streams))]

    assert reasons[0] is Reason.ENCRYPTED


def test_document_without_a_password_is_not() -> None:
    """The same streams without the mark are read."""
    streams = [("WordDocument", bytes(12) + TEXT), ("Current User", bytes(16) + TEXT)]
    reasons = {reason for _, _, reason in contents_of(OLE, made.ole(*streams))}

    assert reasons == {None}


def test_packed_pictures_of_a_document_are_members() -> None:
    """PowerPoint and Word pack the drawings of Windows."""
    packed = b"before" + b"\0\xfe" + zlib.compress(TEXT) + TEXT
    found = contents_of(OLE, made.ole(("Pictures", packed)))

    assert ("Pictures-picture", TEXT, None) in found


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(0x00EB, id="MsoDrawingGroup"),
        pytest.param(0x00EC, id="MsoDrawing"),
        pytest.param(0x00E9, id="BkHim"),
        pytest.param(0x007F, id="ImData"),
    ],
)
def test_drawings_of_a_workbook_are_put_together(kind: int) -> None:
    """Excel cuts them in records of 8 KB."""
    pieces = [b"first, ", b"second, ", b"third"]
    kinds = [kind, 0x003C, 0x003C]
    records = b"".join(
        struct.pack("<HH", kind, len(piece)) + piece
        for kind, piece in zip(kinds, pieces, strict=True)
    )
    other = struct.pack("<HH", 0x003C, 4) + b"text"
    workbook = other + records + struct.pack("<HH", 1, 0) + other
    found = contents_of(OLE, made.ole(("Workbook", workbook.ljust(4096, b"\0"))))

    assert ("Workbook-drawings", b"first, second, third", None) in found


def test_chain_that_comes_back_to_itself_ends() -> None:
    """A stream is no longer than its file."""
    file = made.ole(("one", TEXT))
    table_at = len(file) - 512
    looped = file[:table_at] + struct.pack("<L", 1) + file[table_at + 4 :]
    big = file.replace(
        struct.pack("<LQ", 15, len(TEXT)), struct.pack("<LQ", 15, 1 << 31)
    )
    assert contents_of(OLE, big)[-1][2] is Reason.TRUNCATED
    for _, data, _ in contents_of(OLE, looped):
        assert len(data) <= len(file)


def test_streams_that_share_their_sectors_are_counted() -> None:
    """A thousand streams may be one and the same."""
    file = made.ole(*[(f"{n}", TEXT) for n in range(9)])
    limits = UnpackLimits(max_output_bytes=5 * len(TEXT))
    items = list(OLE.members(MemorySource(file), UnpackMeter(limits)))

    assert items[-1] == Shortfall(reason=Reason.TOO_MANY_BYTES)
    assert len(items) == 6
