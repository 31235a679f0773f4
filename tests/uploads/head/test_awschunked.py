"""Heads that announce the framing of S3."""

from collections.abc import Callable, Sequence

import pytest

from uploadfilter.uploads.head import codings
from uploadfilter.uploads.head.awschunked import Framing, framing_in

LENGTH = {"x-amz-decoded-content-length": "12"}
UNSIGNED = {
    **LENGTH,
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32",
}
SIGNED = {**LENGTH, "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}


def values_of(head: dict[str, str]) -> Callable[[bytes], Sequence[bytes]]:
    """Return a function from a name to its values."""
    return lambda name: [head[name.decode()].encode()] if name.decode() in head else []


@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (UNSIGNED, Framing(decoded_length=12, is_signed=False, checksum="crc32")),
        (SIGNED, Framing(decoded_length=12, is_signed=True)),
        (
            {
                **UNSIGNED,
                "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                "x-amz-trailer": "X-Amz-Checksum-Crc64nvme",
            },
            Framing(decoded_length=12, is_signed=True, checksum="crc64nvme"),
        ),
        (
            {
                **SIGNED,
                "x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            },
            Framing(decoded_length=12, is_signed=True),
        ),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, None),
        ({"x-amz-content-sha256": "0" * 64}, None),
        ({}, None),
    ],
)
def test_framing_is_what_the_digest_says(
    head: dict[str, str], framing: Framing | None
) -> None:
    """S3 goes by this header; minio's client leaves the coding out."""
    assert framing_in(values_of(head)) == framing


@pytest.mark.parametrize(
    "changed",
    [
        {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD"},
        {"x-amz-content-sha256": "streaming-unsigned-payload-trailer"},
        {"x-amz-content-sha256": "STREAMING-OTHER-PAYLOAD-TRAILER"},
        {"x-amz-trailer": "x-amz-checksum-xxhash64"},
        {"x-amz-trailer": "x-amz-checksum-crc32,x-amz-checksum-sha1"},
        {"x-amz-trailer": "crc32"},
        {"x-amz-trailer": ""},
        {"x-amz-decoded-content-length": "-1"},
        {"x-amz-decoded-content-length": "1_0"},
        {"x-amz-decoded-content-length": ""},
    ],
)
def test_c1_framing_that_is_not_proven_is_refused(changed: dict[str, str]) -> None:
    """The length and a checksum are the proof that both sides decode alike."""
    assert isinstance(framing_in(values_of({**UNSIGNED, **changed})), str)


@pytest.mark.parametrize("name", ["x-amz-trailer", "x-amz-decoded-content-length"])
def test_unsigned_chunks_need_length_and_checksum(name: str) -> None:
    """Nothing else tells that the origin takes the same bytes."""
    head = {key: value for key, value in UNSIGNED.items() if key != name}

    assert isinstance(framing_in(values_of(head)), str)


def test_trailer_that_is_not_announced_by_the_digest_is_refused() -> None:
    """The signed kind without trailers has none."""
    head = {**SIGNED, "x-amz-trailer": "x-amz-checksum-crc32"}

    assert isinstance(framing_in(values_of(head)), str)


@pytest.mark.parametrize(
    ("coding", "is_read"),
    [
        (None, True),
        ("aws-chunked", True),
        ("gzip,aws-chunked", True),
        ("aws-chunked, GZIP", True),
        ("zstd", True),
        ("identity, aws-chunked", True),
        ("br,aws-chunked", False),
        ("aws-chunked,aws-chunked", False),
        ("gzip,zstd,aws-chunked", False),
    ],
)
def test_coding_of_the_object_stands_beside_the_framing(
    coding: str | None, *, is_read: bool
) -> None:
    """An object may be stored in a coding that its first bytes tell."""
    head = UNSIGNED if coding is None else {**UNSIGNED, "content-encoding": coding}

    assert (codings.unread_in(values_of(head)) is None) is is_read
    assert codings.of_body(values_of(head)) == "aws-chunked"


def test_word_without_the_digest_is_refused() -> None:
    """Some stores go by the coding, S3 by the digest."""
    assert codings.unread_in(values_of({"content-encoding": "aws-chunked"}))
