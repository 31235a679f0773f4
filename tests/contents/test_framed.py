"""A scanner cuts the framing of S3 out as the proxy reads it."""

from collections.abc import Iterator

import pytest

from tests.corpus import pictures
from tests.scanners.scans import scanned
from uploadfilter.contents.coded import CodedBody
from uploadfilter.contents.framed import NAME
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import (
    Member,
    Shortfall,
    UnpackLimits,
    UnpackMeter,
)
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

PHOTO = pictures.jpeg(pictures.photograph(3, width=160, height=120))
END = b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"


def framed(content: bytes, size: int) -> bytes:
    """Cut a content into chunks of a size."""
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + END


def read(sent: bytes) -> tuple[list[bytes], list[Reason]]:
    """Return the data of the members, and the shortfalls."""
    contents: list[bytes] = []
    lacking: list[Reason] = []
    body = CodedBody(coding=NAME, declared="image/jpeg")
    for item in body.members(MemorySource(sent), UnpackMeter(UnpackLimits())):
        if isinstance(item, Shortfall):
            lacking.append(item.reason)
            continue
        assert isinstance(item, Member)
        assert item.sent_as == "image/jpeg"
        assert not isinstance(item.content, Iterator)
        contents.append(item.content.read(0, item.content.size))
    return contents, lacking


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_object_is_what_was_framed(size: int) -> None:
    """However it is cut, also into chunks of one byte."""
    content = bytes(range(256)) * 3

    assert read(framed(content, size)) == ([content], [])


@pytest.mark.parametrize("end", range(1, 40))
def test_broken_framing_is_read_as_far_as_it_goes(end: int) -> None:
    """The proxy refuses it before; here it has a reason of its own."""
    sent = framed(b"one two three four five", 5)[:end]
    contents, lacking = read(sent)

    assert lacking in ([], [Reason.UNSUPPORTED_CODING])
    assert all(b"one two three four five".startswith(each) for each in contents)


def test_listed_picture_in_chunks_is_looked_at_whole() -> None:
    """Its digests and views are those of the object."""
    plain = scanned(PHOTO, "image/jpeg", digests=True)
    scan = scanned(framed(PHOTO, 1000), "image/jpeg", coding=NAME)
    (decoded,) = scan.contents

    assert decoded.exact == plain.exact
    assert len(decoded.views) == len(plain.views) == 1
    assert [reason for each in scan.walk() for reason in each.reasons] == []


def test_framing_claims_nothing_for_the_bytes_as_sent() -> None:
    """They are a content of their own, which begins with a number."""
    body = CodedBody(coding=NAME, declared="image/x-tga")

    assert body.claim_of_raw(MemorySource(b"4\r\n"), Kind.TEXT) == ""
    assert (body.kinds, body.undone, body.is_looked_at) == (frozenset(), (), False)
