"""Compressed files are unpacked up to the first damage."""

import bz2
import gzip
import lzma
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.containers import (
    CHECKS,
    Check,
    Subject,
    contents_of,
)
from uploadfilter.contents.members import (
    MOST_HEADERS,
    RATIO_GRACE_BYTES,
    Member,
    Shortfall,
    UnpackLimits,
    UnpackMeter,
)
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.streams import (
    BROTLI,
    BZIPPED,
    GZIPPED,
    XZ,
    ZSTD,
    StreamContainer,
)
from uploadfilter.contents.unpackers import STEP_BYTES
from uploadfilter.model import Reason

TEXT = b"".join(b"%d sheep; " % number for number in range(300))
ZEROS = bytes(9 * 1024 * 1024)


def zstd(data: bytes, level: int = 3) -> bytes:
    """Compress with zstd, with a checksum."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


def skipped(data: bytes) -> bytes:
    """Make a frame that decoders of zstd skip."""
    return b"\x53\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def subject(container: StreamContainer, *files: bytes, bomb: bytes) -> Subject:
    """Describe a container of which every file holds ``TEXT``."""
    members = dict.fromkeys(files, (("", TEXT),))
    return Subject(container=container, members=members, bomb=bomb)


HALF = len(TEXT) // 2

SUBJECTS = {
    "gzip": subject(
        GZIPPED,
        gzip.compress(TEXT, mtime=0),
        gzip.compress(TEXT[:HALF], mtime=0) + gzip.compress(TEXT[HALF:], mtime=0),
        gzip.compress(TEXT, mtime=0) + bytes(512),
        gzip.compress(TEXT, mtime=0) + b"behind it",
        bomb=gzip.compress(ZEROS, mtime=0),
    ),
    "bzip2": subject(
        BZIPPED,
        bz2.compress(TEXT),
        bz2.compress(TEXT[:HALF]) + bz2.compress(TEXT[HALF:]),
        bomb=bz2.compress(ZEROS),
    ),
    "xz": subject(
        XZ,
        lzma.compress(TEXT),
        lzma.compress(TEXT, format=lzma.FORMAT_ALONE),
        lzma.compress(TEXT[:HALF]) + bytes(8) + lzma.compress(TEXT[HALF:]),
        bomb=lzma.compress(ZEROS, preset=0),
    ),
    "zstd": subject(
        ZSTD,
        zstd(TEXT),
        zstd(TEXT[:HALF]) + skipped(b"not this") + zstd(TEXT[HALF:]),
        skipped(b"") + zstd(TEXT),
        zstd(TEXT) + zstd(b""),
        bomb=zstd(ZEROS),
    ),
    "brotli": subject(
        BROTLI,
        brotli.compress(TEXT),
        brotli.compress(TEXT) + b"behind it",
        bomb=brotli.compress(ZEROS, quality=1),
    ),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", SUBJECTS)
def test_streams_conform(name: str, check: Check) -> None:
    """Each coding passes the suite of containers."""
    check(SUBJECTS[name])


def spoilt(file: bytes, place: int) -> bytes:
    """Turn the bits of one byte round."""
    place %= len(file)
    return file[:place] + bytes([file[place] ^ 255]) + file[place + 1 :]


@pytest.mark.parametrize(
    ("container", "file"),
    [
        pytest.param(GZIPPED, spoilt(gzip.compress(TEXT, mtime=0), -5), id="gzip"),
        pytest.param(BZIPPED, bz2.compress(TEXT) + b"BZh91AY&SY?", id="bzip2"),
        pytest.param(BZIPPED, spoilt(bz2.compress(TEXT), -2), id="bzip2-checksum"),
        pytest.param(XZ, spoilt(lzma.compress(TEXT), -30), id="xz"),
        pytest.param(XZ, spoilt(lzma.compress(TEXT), -1), id="xz-end"),
        pytest.param(ZSTD, spoilt(zstd(TEXT), -1), id="zstd"),
    ],
)
def test_damage_takes_nothing_away_that_came_before(
    container: StreamContainer, file: bytes
) -> None:
    """A wrong checksum, or a broken stream after an intact one, loses no content."""
    assert contents_of(container, file) == [("", TEXT, Reason.TRUNCATED)]


@pytest.mark.parametrize("name", SUBJECTS)
def test_stream_that_breaks_off_is_given_as_far_as_it_goes(name: str) -> None:
    """The bytes of a truncated stream are the beginning of its content."""
    for file in SUBJECTS[name].members:
        for length in range(20, len(file) - 1, 13):
            ((_, data, reason),) = contents_of(SUBJECTS[name].container, file[:length])

            assert data == TEXT[: len(data)]
            assert reason is Reason.TRUNCATED or data in {TEXT, TEXT[:HALF]}


@given(
    data=st.binary(max_size=3000).map(lambda data: data * 30),
    place=st.integers(0, 5000),
    piece=st.integers(0, 255),
)
@settings(max_examples=100, deadline=None)
def test_damaged_deflate_gives_what_inflating_byte_by_byte_does(
    data: bytes, place: int, piece: int
) -> None:
    """Unpacking in large steps loses nothing against the slowest way."""
    file = bytearray(gzip.compress(data, mtime=0))
    file[place % len(file)] = piece
    ((_, found, _),) = contents_of(GZIPPED, bytes(file))

    assert found == inflated_slowly(bytes(file))


def inflated_slowly(file: bytes) -> bytes:
    """Inflate the members of a gzip file byte by byte, up to the first error.

    Flags that do not exist mean nothing.
    """
    given, stream, start = b"", zlib.decompressobj(31), 0
    for place in range(len(file)):
        byte = file[place] & 0x1F if place == start + 3 else file[place]
        try:
            given += stream.decompress(bytes((byte,)))
        except zlib.error:
            break
        if stream.eof and not file[place + 1 :].startswith(b"\x1f\x8b\x08"):
            break
        if stream.eof:
            stream, start = zlib.decompressobj(31), place + 1
    return given


@given(flags=st.integers(0, 7), second=st.integers(0, 7))
def test_gzip_is_read_as_python_reads_it(flags: int, second: int) -> None:
    """Flags that do not exist are passed over, in each member."""
    file = b""
    for odd in (flags, second):
        member = bytearray(gzip.compress(TEXT, mtime=0))
        member[3] |= odd << 5
        file += member
    ((_, found, reason),) = contents_of(GZIPPED, file)

    assert (found, reason) == (gzip.decompress(file), None)


BOMB_BYTES = 64 * 1024 * 1024
"""Bytes of each bomb; large enough to tell bounded memory from unbounded."""


@pytest.mark.parametrize(
    ("container", "compress"),
    [
        pytest.param(GZIPPED, gzip.compress, id="gzip"),
        pytest.param(BZIPPED, bz2.compress, id="bzip2"),
        pytest.param(XZ, lzma.compress, id="xz", marks=pytest.mark.slow),
        pytest.param(ZSTD, zstd, id="zstd"),
        pytest.param(BROTLI, brotli.compress, id="brotli", marks=pytest.mark.slow),
    ],
)
def test_bomb_ends_with_its_ratio_at_bounded_memory(
    container: StreamContainer, compress: Callable[[bytes], bytes]
) -> None:
    """A bomb is cut off soon after the grace, and never held as a whole."""
    file = compress(bytes(BOMB_BYTES))
    (member,) = container.members(MemorySource(file), UnpackMeter(UnpackLimits()))
    assert isinstance(member, Member)
    assert isinstance(member.content, Iterator)
    tracemalloc.start()
    given = [
        item.reason if isinstance(item, Shortfall) else len(item)
        for item in member.content
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert given[-1] is Reason.TOO_COMPRESSED
    assert sum(size for size in given if isinstance(size, int)) <= 2 * RATIO_GRACE_BYTES
    assert peak < 16 * STEP_BYTES


def test_stream_of_nothing_but_members_ends() -> None:
    """Many empty streams in a row are one content, and cost a step each."""
    empty = gzip.compress(b"", mtime=0)

    assert contents_of(GZIPPED, empty * 2000) == [("", b"", None)]
    assert contents_of(GZIPPED, empty * (MOST_HEADERS + 1)) == [
        ("", b"", Reason.TOO_MANY_CONTENTS)
    ]


def test_any_number_of_zeros_stands_between_streams() -> None:
    """Python and tapes read on after them; no program does after other bytes."""
    one = gzip.compress(TEXT, mtime=0)

    assert contents_of(GZIPPED, one + bytes(99_999) + one) == [("", TEXT + TEXT, None)]
    assert contents_of(GZIPPED, one + bytes(99_999)) == [("", TEXT, None)]
    assert contents_of(GZIPPED, one + b"junk" + one) == [("", TEXT, None)]
