"""Compressed files give what was compressed, as far as it goes."""

import bz2
import gzip
import lzma

import brotli
import pytest
import zstandard

from tests.conformance.containers import (
    CHECKS,
    Check,
    Subject,
)
from uploadfilter.contents.streams import (
    BROTLI,
    BZIPPED,
    GZIPPED,
    XZ,
    ZSTD,
    StreamContainer,
)

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
        bomb=lzma.compress(ZEROS),
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
        bomb=brotli.compress(ZEROS),
    ),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", SUBJECTS)
def test_streams_conform(name: str, check: Check) -> None:
    """Each coding passes the suite of containers."""
    check(SUBJECTS[name])
