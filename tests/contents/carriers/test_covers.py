"""Covers that do not lie in a sound file as they are."""

import struct
import zlib

import pytest

from tests.conformance.containers import contents_of
from uploadfilter.contents.carriers.covers import ID3Container, OggContainer
from uploadfilter.model import Reason

COVER = b"\xff\xd8\xff\xe0 and \xff\0 so on, \xff\xff\0\0" * 9
SPREAD = COVER.replace(b"\xff", b"\xff\0")
TAG = ID3Container()
OGG = OggContainer()


def synchsafe(number: int) -> bytes:
    """Write seven bits in each byte."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def tag(version: int, flags: int, frames: bytes) -> bytes:
    """Write a tag."""
    head = b"ID3" + bytes((version, 0, flags)) + synchsafe(len(frames))
    return head + frames + b"sound" * 9


def frame(body: bytes, flags: int = 0) -> bytes:
    """Write a frame of version 2.4."""
    return b"APIC" + synchsafe(len(body)) + bytes((0, flags)) + body


def old_frame(body: bytes, flags: int = 0) -> bytes:
    """Write a frame of version 2.3."""
    return b"APIC" + struct.pack(">L", len(body)) + bytes((0, flags)) + body


@pytest.mark.parametrize(
    ("file", "members"),
    [
        pytest.param(
            tag(3, 0x80, old_frame(COVER).replace(b"\xff", b"\xff\0")),
            [("tag", old_frame(COVER), None)],
            id="spread",
        ),
        pytest.param(
            tag(4, 0, frame(SPREAD, 2)), [("APIC", COVER, None)], id="spread-frame"
        ),
        pytest.param(
            tag(4, 0x80, frame(SPREAD)), [("APIC", COVER, None)], id="all-frames"
        ),
        pytest.param(
            tag(3, 0, old_frame(bytes(4) + zlib.compress(COVER), 0x80)),
            [("APIC", COVER, None)],
            id="packed",
        ),
        pytest.param(
            tag(4, 0, frame(b"g" + bytes(4) + zlib.compress(COVER), 0x49)),
            [("APIC", COVER, None)],
            id="packed-and-grouped",
        ),
        pytest.param(
            tag(4, 0x40, synchsafe(6) + b"\1\0" + frame(SPREAD, 2)),
            [("APIC", COVER, None)],
            id="extended-header",
        ),
        pytest.param(tag(4, 0, frame(COVER)), [], id="as-it-is"),
        pytest.param(b"ID3", [], id="nothing"),
        pytest.param(
            tag(3, 0, old_frame(bytes(4) + b"junk", 0x80)),
            [("APIC", b"", Reason.TRUNCATED)],
            id="broken",
        ),
    ],
)
def test_tag_gives_what_is_not_there_as_it_is(
    file: bytes, members: list[tuple[str, bytes, Reason | None]]
) -> None:
    """A cover that carving would not find is a member."""
    assert contents_of(TAG, file) == members


def page(serial: int, body: bytes) -> bytes:
    """Write a page of Ogg."""
    lengths = [255] * (len(body) // 255) + [len(body) % 255]
    head = struct.pack("<4sBBqLLL", b"OggS", 0, 0, 0, serial, 0, 0)
    return head + bytes((len(lengths), *lengths)) + body


def test_pages_are_put_together() -> None:
    """A stream that pages cut in pieces is joined, for each stream."""
    file = page(1, b"one, ") + page(2, b"apart") + page(1, COVER) + page(1, b" end")

    assert contents_of(OGG, file) == [("stream", b"one, " + COVER + b" end", None)]
