"""The beginnings of videos, and the tables of frames in an MP4."""

import io
import struct

import pytest
from typing_extensions import override

from uploadfilter.pictures.headers.videoheads import entries_of, form_of


def box(name: bytes, body: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(body), name) + body


def table(count: int) -> bytes:
    """Return a table that announces so many frames of one size."""
    return box(b"stsz", struct.pack(">III", 0, 1, count))


TYPE = box(b"ftyp", b"isom\0\0\0\0")
RUN = box(b"trun", struct.pack(">II", 0, 9))


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        pytest.param(TYPE + box(b"moov", table(500_000_000)), 500_000_000, id="one"),
        pytest.param(TYPE + box(b"moov", table(2) + table(3)), 5, id="two"),
        pytest.param(TYPE + box(b"moof", RUN + bytes(8)), 9, id="fragment"),
        pytest.param(TYPE + box(b"mdat", table(7)), 0, id="chance"),
        pytest.param(
            TYPE + box(b"mdat", table(7)) + box(b"moov", table(3)), 3, id="behind"
        ),
        pytest.param(
            TYPE + b"\0\0\0\1mdat" + struct.pack(">Q", 24) + bytes(8) + table(4),
            4,
            id="long-box",
        ),
        pytest.param(TYPE + b"\xff\xff\xff\xffmdat" + table(7), 7, id="lying-box"),
        pytest.param(TYPE + bytes((1 << 20) - 27) + table(5), 5, id="between-reads"),
        pytest.param(b"", 0, id="nothing"),
    ],
)
def test_tables_are_counted_outside_of_media_data(content: bytes, entries: int) -> None:
    """FFmpeg allocates memory by these numbers, whatever the file holds."""
    assert entries_of(io.BytesIO(content)) == entries


class CountedFile(io.BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    @override
    def read(self, size: int | None = -1) -> bytes:
        """Return bytes, and count it."""
        self.reads += 1
        return super().read(size)


def test_whole_file_is_walked_once() -> None:
    """The walk ends with the last box: it took a tenth of a second more at its end."""
    file = CountedFile(TYPE + box(b"mdat", table(7)) + box(b"moov", table(3)))
    entries_of(file)

    assert file.reads < 10


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"\0\0\0\x10ftypisom", "mov"),
        (b"\x1a\x45\xdf\xa3webm", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WEBPVP8 ", None),
        (b"#EXTM3U\nhttp://a/", None),
        (b"", None),
    ],
)
def test_first_bytes_name_the_demuxer(head: bytes, form: str | None) -> None:
    """No other demuxer is tried, above all none that opens other files."""
    assert form_of(io.BytesIO(head)) == form
