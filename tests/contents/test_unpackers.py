"""Unpackers give a bounded amount at each step, and reasons for missing bytes."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable

import brotli
import inflate64
import pytest
import zstandard

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.unpackers import (
    BZIP2,
    DAMAGED,
    GZIP,
    LZMA,
    STEP_BYTES,
    TOO_BIG,
    UNKNOWN,
    WINDOW_BYTES,
    Brotli,
    Deflate,
    Deflate64,
    Unpacker,
    Zstandard,
)

ZEROS = bytes(5 * STEP_BYTES)


def deflated64(data: bytes) -> bytes:
    """Pack by the method of Windows for long files."""
    packer = inflate64.Deflater()
    return bytes(packer.deflate(data) + packer.flush())


CODINGS: dict[str, tuple[Callable[[], Unpacker], bytes]] = {
    "deflate": (Deflate, zlib.compress(ZEROS, wbits=-15)),
    "deflate64": (Deflate64, deflated64(ZEROS)),
    "gzip": (GZIP, gzip.compress(ZEROS)),
    "bzip2": (BZIP2, bz2.compress(ZEROS)),
    "lzma": (LZMA, lzma.compress(ZEROS, preset=0)),
    "brotli": (Brotli, brotli.compress(ZEROS, quality=1)),
    "zstd": (Zstandard, zstandard.compress(ZEROS)),
}


def steps(unpacker: Unpacker, packed: bytes, piece: int) -> list[bytes | Shortfall]:
    """Unpack a stream, with a number of bytes at a time."""
    given: list[bytes | Shortfall] = []
    position = 0
    while not unpacker.finished and (position < len(packed) or not unpacker.hungry):
        fed = packed[position : position + piece] if unpacker.hungry else b""
        position += len(fed)
        given.append(unpacker.step(fed))
        if isinstance(given[-1], Shortfall):
            break
    return given


def whole(given: list[bytes | Shortfall]) -> bytes:
    """Join the outputs of steps."""
    return b"".join(step for step in given if isinstance(step, bytes))


@pytest.mark.parametrize("name", CODINGS)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_steps_are_bounded_however_a_stream_comes(name: str, piece: int) -> None:
    """No step gives more than its bound, and together they give everything."""
    make, packed = CODINGS[name]
    unpacker = make()
    given = steps(unpacker, packed, piece)

    assert max(len(step) for step in given if isinstance(step, bytes)) <= STEP_BYTES
    assert whole(given) == ZEROS
    assert unpacker.finished


@pytest.mark.parametrize("name", [name for name in CODINGS if name != "brotli"])
def test_what_comes_behind_a_stream_is_left_over(name: str) -> None:
    """Bytes after the end are not lost."""
    make, packed = CODINGS[name]
    unpacker = make()
    given = steps(unpacker, packed + b"behind", 1 << 20)

    assert whole(given) == ZEROS
    # The Deflate64 unpacker does not tell its end within the last few bytes.
    lost = 6 if name == "deflate64" else 0
    assert unpacker.leftover in {b"behind", b"behind"[lost:]}


@pytest.mark.parametrize("name", CODINGS)
def test_bytes_that_are_no_stream_are_damage(name: str) -> None:
    """Bytes that do not begin like a stream are refused at once."""
    make, _ = CODINGS[name]

    assert steps(make(), b"\xff" * 64, 64)[-1] == DAMAGED


def huge_window_xz() -> bytes:
    """Compress a byte, and ask for a gibibyte to unpack it."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    small = lzma.compress(b"a", filters=filters)
    head = bytearray(small[12:24])
    head[head.index(b"\x21\x01") + 2] = 36
    head[-4:] = zlib.crc32(head[:-4]).to_bytes(4, "little")
    return small[:12] + bytes(head) + small[24:]


def frame(head: bytes, *blocks: bytes) -> bytes:
    """Write a frame of zstd by hand."""
    return b"\x28\xb5\x2f\xfd" + head + b"".join(blocks)


def block(size: int, kind: int, data: bytes, *, last: bool = True) -> bytes:
    """Write a block of zstd by hand."""
    return (size << 3 | kind << 1 | last).to_bytes(3, "little") + data


@pytest.mark.parametrize(
    ("unpacker", "packed", "reason"),
    [
        pytest.param(LZMA(), huge_window_xz(), TOO_BIG, id="xz-window"),
        pytest.param(
            LZMA(b"\x5d" + (1 << 31).to_bytes(4, "little") + b"\xff" * 8),
            b"\0" * 32,
            TOO_BIG,
            id="lzma-window",
        ),
        pytest.param(
            Zstandard(), frame(b"\0\x88", block(1, 1, b"a")), TOO_BIG, id="zstd-window"
        ),
        pytest.param(
            Zstandard(),
            frame(b"\x01\x30\x07", block(1, 1, b"a")),
            UNKNOWN,
            id="zstd-dictionary",
        ),
        pytest.param(Zstandard(), frame(b"\x08\x30"), DAMAGED, id="zstd-reserved-bit"),
        pytest.param(
            Zstandard(),
            frame(b"\0\x30", block(1 << 20, 1, b"a")),
            DAMAGED,
            id="zstd-long-block",
        ),
        pytest.param(
            Zstandard(),
            frame(b"\0\x30", block(1, 3, b"a")),
            DAMAGED,
            id="zstd-reserved-block",
        ),
    ],
)
def test_what_a_stream_asks_for_may_be_refused(
    unpacker: Unpacker, packed: bytes, reason: Shortfall
) -> None:
    """A head that needs too much memory, or unknown features, is refused."""
    assert steps(unpacker, packed, 1 << 20)[-1] == reason


def test_largest_windows_are_unpacked() -> None:
    """Files of usual programs with their strongest settings can be read."""
    strongest = lzma.compress(b"a", preset=9 | lzma.PRESET_EXTREME)
    window = WINDOW_BYTES.bit_length() - 1
    params = zstandard.ZstdCompressionParameters(window_log=window)
    stream = zstandard.ZstdCompressor(compression_params=params).compressobj()
    wide = stream.compress(b"a") + stream.flush()

    assert whole(steps(LZMA(), strongest, 1 << 20)) == b"a"
    assert whole(steps(Zstandard(), wide, 1 << 20)) == b"a"


def test_repeated_blocks_of_zstd_are_told_apart() -> None:
    """A block of one repeated byte takes one byte, whatever its size."""
    packed = frame(
        b"\0\x30", block(3, 1, b"a", last=False), block(2, 0, b"bc", last=True)
    )

    assert whole(steps(Zstandard(), packed, 1 << 20)) == b"aaabc"


def test_checksum_of_zstd_is_compared_last() -> None:
    """The bytes before a wrong checksum are kept."""
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(b"content")
    given = steps(Zstandard(), packed[:-1] + bytes([packed[-1] ^ 1]), 1 << 20)

    assert whole(given) == b"content"
    assert given[-1] == DAMAGED
