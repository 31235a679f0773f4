"""The headers of a RAR file tell why it cannot be read."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.tricks import archives as made
from uploadfilter.contents.archives.rarheaders import obstacles
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

TEXT = b"To be packed."
SOUND = made.rar5(TEXT)
MAGIC = SOUND[:8]


def block(body: bytes) -> bytes:
    """Write a header of version 5."""
    sized = bytes((len(body),)) + body
    return struct.pack("<L", zlib.crc32(sized)) + sized


ENCRYPTED_FILE = block(b"\2\3\3\4\0\0\0\0\0\1\1a" + b"\2\1\0") + b"data"
PLAIN_FILE = block(b"\2\3\3\4\0\0\0\0\0\1\1a" + b"\2\3\0") + b"data"
ENCRYPTED_HEADERS = block(b"\4\0\0\0\x0f" + bytes(16))
OLD = made.rar4(TEXT).replace(b"\x1d\x33", b"\x14\x33", 1)
OLD_STORED = made.rar4(TEXT).replace(b"\x1d\x33", b"\x14\x30", 1)


@pytest.mark.parametrize(
    ("file", "reasons"),
    [
        pytest.param(SOUND, [], id="sound"),
        pytest.param(MAGIC + PLAIN_FILE, [], id="another-record"),
        pytest.param(
            MAGIC + PLAIN_FILE + ENCRYPTED_FILE, [Reason.ENCRYPTED], id="second-file"
        ),
        pytest.param(MAGIC + ENCRYPTED_HEADERS, [Reason.ENCRYPTED], id="headers"),
        pytest.param(made.rar4(TEXT), [], id="version-3"),
        pytest.param(OLD, [Reason.NOT_INSPECTED], id="version-2"),
        pytest.param(OLD_STORED, [], id="version-2-stored"),
    ],
)
def test_headers_tell_what_the_library_does_not(
    file: bytes, reasons: list[Reason]
) -> None:
    """Members that need a password or an older program are known before unpacking."""
    assert list(obstacles(MemorySource(file), 100)) == reasons


@given(st.binary(max_size=200))
def test_headers_may_be_anything(rest: bytes) -> None:
    """Whatever follows the magic, reading the headers ends."""
    for magic in (MAGIC, made.rar4(TEXT)[:7]):
        assert len(list(obstacles(MemorySource(magic + rest), 50))) <= 50
