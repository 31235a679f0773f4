"""A body in a content coding is exactly one stream, or is refused."""

import contextlib
import functools
import gzip
import random
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.containers import CHECKS, Check, Subject
from uploadfilter.contents import framed, mailcoded
from uploadfilter.contents.coded import NAMES, CodedBody, is_common
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import (
    RATIO_GRACE_BYTES,
    Member,
    Shortfall,
    UnpackLimits,
    UnpackMeter,
)
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.streams import GZIPPED
from uploadfilter.model import Reason
from uploadfilter.scanners.wire.messages import COMMON_CODINGS

TEXT = b"".join(b"%d sheep; " % number for number in range(300))
ZEROS = bytes(9 * 1024 * 1024)


def bare(data: bytes) -> bytes:
    """Compress into a deflate stream without a wrapper."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def zstd(data: bytes) -> bytes:
    """Compress into one frame of zstd with a checksum."""
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd,
}


def strictly(coding: str, sent: bytes) -> bytes | None:
    """Undo a coding of one whole stream by the libraries: the slow twin."""
    with contextlib.suppress(zlib.error, brotli.error, zstandard.ZstdError):
        if coding == "br":
            found: bytes = brotli.decompress(sent)
            return found
        stream = (
            zstandard.ZstdDecompressor().decompressobj()
            if coding == "zstd"
            else zlib.decompressobj(zlib.MAX_WBITS + 16 * (coding == "gzip"))
        )
        data = stream.decompress(sent)
        is_reserved = coding == "gzip" and bool(sent[3:4]) and bool(sent[3] & 0xE0)
        if stream.eof and not stream.unused_data and not is_reserved:
            return data
    return None


def found_in(
    coding: str, sent: bytes, *, declared: str = ""
) -> tuple[list[bytes], list[Reason]]:
    """Return what the members hold, and every shortfall."""
    body = CodedBody(coding=coding, declared=declared)
    meter = UnpackMeter(UnpackLimits(), content_bytes=len(sent))
    contents: list[bytes] = []
    lacking: list[Reason] = []
    for item in body.members(MemorySource(sent), meter):
        if isinstance(item, Shortfall):
            lacking.append(item.reason)
            continue
        assert isinstance(item.content, Iterator)
        assert item.sent_as == declared
        chunks = list(item.content)
        contents.append(b"".join(each for each in chunks if isinstance(each, bytes)))
        lacking += [each.reason for each in chunks if isinstance(each, Shortfall)]
    return contents, lacking


def decoded(coding: str, sent: bytes) -> bytes | None:
    """Return the body without its coding; ``None`` if it is refused."""
    contents, lacking = found_in(coding, sent)
    return None if lacking else contents[0]


@functools.cache
def subject_of(coding: str) -> Subject:
    """Describe the container of a coding."""
    write = WRITERS[coding]
    return Subject(
        container=CodedBody(coding=coding),
        members={write(TEXT): (("decoded", TEXT),)},
        bomb=write(ZEROS),
    )


# Deflate has two readings.
@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {"deflate"}))
@pytest.mark.parametrize("check", CHECKS)
def test_coded_body_is_a_container(name: str, check: Check) -> None:
    """It keeps the rules of every container."""
    check(subject_of(name))


def test_each_coding_has_a_test() -> None:
    """A new coding is compared with the library that writes it."""
    others = {framed.NAME, *mailcoded.READERS}
    assert WRITERS.keys() == NAMES - others


@pytest.mark.parametrize("coding", WRITERS)
@given(data=st.binary(max_size=3000))
def test_body_is_what_was_coded(coding: str, data: bytes) -> None:
    """The decoded body has the bytes that the client coded."""
    assert decoded(coding, WRITERS[coding](data)) == data


@given(data=st.binary(max_size=3000))
def test_bare_deflate_is_read_too(data: bytes) -> None:
    """Some clients send it without the wrapper that RFC 9110 asks for."""
    assert decoded("deflate", bare(data)) == data


@pytest.mark.parametrize("coding", WRITERS)
@given(seed=st.integers(0, 1 << 20), changes=st.integers(1, 3))
def test_damaged_body_is_read_as_by_the_library_or_refused(
    coding: str, seed: int, changes: int
) -> None:
    """The slow twin: bytes are cut, changed, repeated and added at any place."""
    chance = random.Random(seed)  # noqa: S311 - a test's own bytes
    sent = bytearray(WRITERS[coding](TEXT[: chance.randrange(400)]))
    for _ in range(changes):
        at = chance.randrange(len(sent) + 1)
        new = chance.choice((b"", b"\0", chance.randbytes(2), bytes(sent[:at])))
        sent[at : at + chance.randrange(3)] = new
    got, twin = decoded(coding, bytes(sent)), strictly(coding, bytes(sent))

    if coding == "deflate" and twin is None:
        return  # it may be a bare stream
    assert got == twin


@pytest.mark.parametrize("coding", WRITERS)
def test_c1_truncated_stream_is_refused_at_every_cut(coding: str) -> None:
    """C1, "truncated stream": aiohttp and others accept it silently."""
    sent = WRITERS[coding](TEXT[:200])

    for end in range(len(sent)):
        assert decoded(coding, sent[:end]) is None


@pytest.mark.parametrize("coding", WRITERS)
@pytest.mark.parametrize("behind", [b"\0", b"x", bytes(512)])
def test_c1_bytes_behind_the_stream_are_refused(coding: str, behind: bytes) -> None:
    """C1: some readers ignore them, some fail, some read on."""
    assert decoded(coding, WRITERS[coding](TEXT) + behind) is None


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_c1_second_stream_is_refused_and_looked_at(coding: str) -> None:
    """C1: readers take the first alone, or both as one."""
    first, second = WRITERS[coding](b"first " * 9), WRITERS[coding](TEXT)
    contents, lacking = found_in(coding, first + second)

    assert Reason.UNSUPPORTED_CODING in lacking
    assert contents == [b"first " * 9, b"first " * 9 + TEXT]


def test_c1_skipped_frame_of_zstd_is_refused() -> None:
    """Some readers stop at it, and the next frame is the body for others."""
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"skip"

    assert decoded("zstd", skipped + zstd(TEXT)) is None


def test_c1_reserved_flag_of_gzip_is_refused() -> None:
    """RFC 1952, 2.3.1: a reader must fail; Python does not."""
    sent = bytearray(gzip.compress(TEXT, mtime=0))
    sent[3] |= 0x20

    assert decoded("gzip", bytes(sent)) is None


def test_c1_deflate_with_two_readings_is_looked_at_in_both() -> None:
    """A stream that is one body with its wrapper, and another one without it.

    The first two bytes of a wrapper are a stored block's head for a bare reader.
    """
    hidden = b"a listed picture " * 22
    length = 0x9C | (len(hidden) & 0xFF) << 8
    blocks = b"\x78" + length.to_bytes(2, "little")
    blocks += (length ^ 0xFFFF).to_bytes(2, "little")
    body = hidden.ljust(length, b"!")
    sent = blocks + body + bare(b"")
    contents, _ = found_in("deflate", sent)

    assert any(hidden in each for each in contents)


FAST: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "deflate": lambda data: zlib.compress(data, 1),
    "br": lambda data: brotli.compress(data, quality=1),
    "zstd": zstd,
}


@pytest.mark.parametrize("coding", FAST)
def test_c1_bomb_ends_at_its_ratio(coding: str) -> None:
    """C1, "bombs": a body that unpacks a thousandfold has the reason of a bomb."""
    whole = RATIO_GRACE_BYTES + (4 << 20)
    contents, lacking = found_in(coding, FAST[coding](bytes(whole)))

    assert set(lacking) == {Reason.TOO_COMPRESSED}
    assert all(len(each) < whole for each in contents)


@pytest.mark.parametrize("coding", WRITERS)
def test_c1_body_that_is_not_coded_is_refused(coding: str) -> None:
    """An origin that ignores the header would keep it as it is."""
    assert decoded(coding, b"\xff\xd8\xff\xe0 as it is") is None
    assert decoded(coding, b"") is None


def test_type_concerns_raw_bytes_only_in_a_format_without_magic() -> None:
    """An origin that ignores the coding may store a stream that is also a TGA."""
    tga = b"\x00\x00\x02" + bytes(9) + b"\x40\x00\x40\x00\x18\x00"
    source = MemorySource(tga + bytes(64 * 64 * 3))

    for declared, kept in (("image/x-tga", "image/x-tga"), ("image/png", "")):
        body = CodedBody(coding="br", declared=declared)
        assert body.claim_of_raw(source, Kind.DATA) == kept


def test_member_is_named_in_the_record() -> None:
    """The path tells that it is the body without its coding."""
    body = CodedBody(coding="gzip", declared="text/plain")
    meter = UnpackMeter(UnpackLimits())
    (member,) = body.members(MemorySource(gzip.compress(TEXT)), meter)

    assert isinstance(member, Member)
    assert member.name == "decoded"


def test_codings_that_a_common_process_undoes_are_those_of_the_messages() -> None:
    """The pool asks the messages, since it loads no unpacker."""
    bodies = {name: CodedBody(coding=name) for name in NAMES}

    assert {name for name in NAMES if is_common(bodies[name])} == COMMON_CODINGS
    assert not is_common(GZIPPED)
