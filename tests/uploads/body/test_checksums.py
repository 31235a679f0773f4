"""Checksums in lanes are those of a loop over the bytes."""

import base64
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.body.checksums import (
    CRC32C,
    CRC64NVME,
    LANE_BYTES,
    Polynomial,
    advanced,
    checksum,
    plain,
)
from uploadfilter.uploads.head.awschunked import CHECKSUMS

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("md5", hashlib.md5(CHECK, usedforsecurity=False).hexdigest()),
        ("sha1", hashlib.sha1(CHECK, usedforsecurity=False).hexdigest()),
        ("sha256", hashlib.sha256(CHECK).hexdigest()),
        ("sha512", hashlib.sha512(CHECK).hexdigest()),
    ],
)
def test_check_values(name: str, digest: str) -> None:
    """The published checksums of nine digits."""
    found = checksum(name)
    for byte in CHECK:
        found.update(bytes([byte]))

    assert found.digest().hex() == digest


def test_each_checksum_that_a_head_may_name_is_computed() -> None:
    """An unknown one would be an error in the middle of a body."""
    for name in CHECKSUMS:
        checksum(name).update(b"")
    with pytest.raises(ValueError, match="unsupported"):
        checksum("xxh128")


@pytest.mark.parametrize("polynomial", [CRC32C, CRC64NVME])
@given(
    data=st.binary(max_size=300),
    size=st.integers(0, 40 * LANE_BYTES),
    cut=st.integers(0, 40 * LANE_BYTES),
    begin=st.integers(0, (1 << 32) - 1),
)
def test_lanes_agree_with_the_loop(
    polynomial: Polynomial, data: bytes, size: int, cut: int, begin: int
) -> None:
    """The slow twin, for every length and every cut in two."""
    whole = (data * (size // max(len(data), 1) + 1))[:size]
    slow = plain(polynomial, begin, whole)
    fast = advanced(polynomial, advanced(polynomial, begin, whole[:cut]), whole[cut:])

    assert advanced(polynomial, begin, whole) == slow
    assert fast == slow


def test_lanes_agree_with_the_library() -> None:
    """The same code with the polynomial of zlib is zlib's checksum."""
    own = Polynomial(0xEDB8_8320, 32)
    data = bytes(range(256)) * 300
    begin = (1 << 32) - 1

    assert advanced(own, begin, data) ^ begin == zlib.crc32(data)


def test_captured_checksum_of_a_client() -> None:
    """As boto3 1.44 sends it behind ``hello world``."""
    found = checksum("crc32")
    found.update(b"hello world")

    assert base64.b64encode(found.digest()) == b"DUoRhQ=="
