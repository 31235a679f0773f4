"""Tar files give their plain files, in every dialect."""

import io
import tarfile
from collections.abc import Mapping

import pytest

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from tests.contents.archives.libraries import needs_libarchive
from uploadfilter.contents.archives.tars import TarContainer, is_header
from uploadfilter.contents.members import MOST_HEADERS
from uploadfilter.model import Reason

TAR = TarContainer()
TEXT = b"".join(b"%d sheep; " % number for number in range(200))
LONG = "folder/" * 40 + "a.txt"
MEMBERS = {"a.txt": TEXT, LONG: TEXT[:512], "é.bin": bytes(range(256)), "none": b""}
BLOCK = 512
OLD_TYPE = b"\0"


def tarred(
    members: Mapping[str, bytes],
    *,
    dialect: int = tarfile.GNU_FORMAT,
    kind: bytes = tarfile.REGTYPE,
    pax: Mapping[str, str] | None = None,
) -> bytes:
    """Make a tar file as Python does, with two zero blocks at its end."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=dialect) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), kind
            info.pax_headers = dict(pax or {})
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def header(name: bytes, size: bytes = b"", kind: bytes = OLD_TYPE) -> bytes:
    """Make a header as tar did before it had a magic."""
    block = bytearray(name.ljust(100, b"\0") + b"0000644\0" * 3)
    block += size.rjust(11, b"0") + b"\0" + b"0" * 11 + b"\0" + b" " * 8 + kind
    block += bytes(BLOCK - len(block))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    """Fill the last block."""
    return data + bytes(-len(data) % BLOCK)


END = bytes(2 * BLOCK)
SHEEP = header(b"sheep", b"%o" % len(TEXT)) + padded(TEXT)

SUBJECT = Subject(
    container=TAR,
    members={
        tarred(MEMBERS): tuple(MEMBERS.items()),
        tarred(MEMBERS, dialect=tarfile.PAX_FORMAT): tuple(MEMBERS.items()),
        tarred({"a": TEXT}, dialect=tarfile.USTAR_FORMAT): (("a", TEXT),),
        SHEEP + END: (("sheep", TEXT),),
    },
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_tar_conforms(check: Check) -> None:
    """Tar passes the suite of containers."""
    check(SUBJECT)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        pytest.param(SHEEP, [("sheep", TEXT, None)], id="no-end"),
        pytest.param(SHEEP[:-1], [("sheep", TEXT, None)], id="no-padding"),
        pytest.param(END + SHEEP, [("sheep", TEXT, None)], id="zeros-before"),
        pytest.param(SHEEP + END + SHEEP, [("sheep", TEXT, None)] * 2, id="joined"),
        pytest.param(SHEEP + END + b"rest" * 200, [("sheep", TEXT, None)], id="after"),
        pytest.param(header(b"dir/") + SHEEP, [("sheep", TEXT, None)], id="folder"),
        pytest.param(
            header(b"link", b"1000", b"1") + SHEEP, [("sheep", TEXT, None)], id="link"
        ),
        pytest.param(
            header(b"link", b"5", b"1") + padded(b"sheep") + SHEEP,
            [("link", b"sheep", None), ("sheep", TEXT, None)],
            id="link-with-data",
        ),
        pytest.param(
            SHEEP + b"?" * BLOCK + SHEEP,
            [("sheep", TEXT, None), ("", b"", Reason.TRUNCATED)],
            id="damaged",
        ),
        pytest.param(
            header(b"long", b"10000") + b"sheep",
            [("long", b"sheep", None), ("", b"", Reason.TRUNCATED)],
            id="broken-off",
        ),
        pytest.param(
            header(b"map", b"5", b"S") + padded(b"sheep") + SHEEP,
            [("map", b"sheep", None), ("sheep", TEXT, None)],
            id="map-of-nothing",
        ),
    ],
)
def test_old_tar_is_read_like_this(
    file: bytes, found: list[tuple[str, bytes, Reason | None]]
) -> None:
    """Intact members are given; others have a reason."""
    assert contents_of(TAR, file) == found


def test_extended_headers_outweigh_plain_ones() -> None:
    """A size in an extended header is the one that readers go by."""
    said = {"size": "5", "path": "other"}
    file = tarred({"a": TEXT}, dialect=tarfile.PAX_FORMAT, pax=said)

    assert contents_of(TAR, file)[0] == ("other", TEXT[:5], None)


@needs_libarchive
def test_files_with_holes_are_filled() -> None:
    """Unpacked holes are zeros."""
    holes = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": "99"}
    said = {**holes, "GNU.sparse.map": "9,5,90,4"}
    file = tarred({"a": b"sheepends"}, dialect=tarfile.PAX_FORMAT, pax=said)
    filled = bytes(9) + b"sheep" + bytes(76) + b"ends" + bytes(5)

    assert contents_of(TAR, file) == [("a", filled, None)]


@needs_libarchive
def test_holes_that_no_picture_has_are_not_filled() -> None:
    """Images of machines are mostly holes."""
    holes = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1"}
    said = {**holes, "GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,5"}
    file = tarred({"a": b"sheep"}, dialect=tarfile.PAX_FORMAT, pax=said)

    assert contents_of(TAR, file) == [("a", b"sheep", Reason.NOT_INSPECTED)]


def test_binary_sizes_are_read() -> None:
    """A size beyond eight gibibytes is written in binary."""
    block = bytearray(header(b"big"))
    block[124:136] = b"\x80" + (5).to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)

    assert contents_of(TAR, bytes(block) + b"sheep") == [("big", b"sheep", None)]


def test_folders_without_end_are_too_many() -> None:
    """An archive that has only folders ends with a reason."""
    file = header(b"dir/") * (MOST_HEADERS + 1)

    assert contents_of(TAR, file) == [("", b"", Reason.TOO_MANY_CONTENTS)]


def test_signed_checksums_are_accepted() -> None:
    """Some old archivers summed bytes up as if they had a sign."""
    block = bytearray(header("é".encode("latin-1")))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(block) - 256)

    assert is_header(bytes(block))
    assert not is_header(bytes(block)[:-1])
    assert not is_header(bytes(BLOCK))
