"""A coding of a file that the first bytes do not tell is refused."""

import pytest

from uploadfilter.contents import coded, mailcoded
from uploadfilter.uploads.head import awschunked, codings
from uploadfilter.uploads.head.codings import (
    claimed_type,
    is_told_by_bytes,
    of_body,
    unread_in,
)


@pytest.mark.parametrize("coding", ["", "identity", "GZIP", " gzip ", "zstd"])
def test_coding_with_a_magic_is_told_by_bytes(coding: str) -> None:
    """A scanner opens it, whatever the client states."""
    assert is_told_by_bytes(coding)


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "gzip, br", "x"])
def test_other_codings_are_not(coding: str) -> None:
    """They have no magic bytes, or are two codings in one."""
    assert not is_told_by_bytes(coding)


@pytest.mark.parametrize(
    "name", ["content-encoding", "x-ms-blob-content-encoding", "x-content-encoding"]
)
def test_coding_is_refused_wherever_it_is_named(name: str) -> None:
    """It may be the coding of the body, or of the file that an origin keeps."""
    said = {name.encode(): [b"identity", b"compress"]}

    assert unread_in(lambda asked: said.get(asked, ()))
    assert unread_in(lambda asked: said.get(asked, ())[:1]) is None


@pytest.mark.parametrize("coding", ["br", "deflate"])
def test_stored_coding_needs_a_magic(coding: str) -> None:
    """A scanner undoes a body's coding by its name, that of a file by its bytes."""
    stored = {b"x-ms-blob-content-encoding": [coding.encode()]}
    sent = {b"content-encoding": [coding.encode()]}

    assert unread_in(lambda asked: stored.get(asked, ()))
    assert unread_in(lambda asked: sent.get(asked, ())) is None


@pytest.mark.parametrize(
    ("named", "coding"),
    [
        (["gzip"], "gzip"),
        (["X-GZIP"], "gzip"),
        (["Br"], "br"),
        (["zstd"], "zstd"),
        (["deflate"], "deflate"),
        (["identity"], None),
        ([], None),
    ],
)
def test_coding_of_a_body_has_one_name(named: list[str], coding: str | None) -> None:
    """Names are of any case, and gzip has an old one (RFC 9110, section 8.4.1.3)."""
    said = {b"content-encoding": [name.encode() for name in named]}

    assert unread_in(lambda asked: said.get(asked, ())) is None
    assert of_body(lambda asked: said.get(asked, ())) == coding


@pytest.mark.parametrize(
    "named",
    [
        ["gzip, gzip"],
        ["identity, gzip"],
        ["gzip", "gzip"],
        ["identity", "gzip"],
        ["gzip;q=1"],
        ["aws-chunked"],
        ["compress"],
        [""],
    ],
)
def test_c1_double_coding_is_refused(named: list[str]) -> None:
    """C1, "double coding": some origins undo one of two, and some none."""
    said = {b"content-encoding": [name.encode() for name in named]}

    assert unread_in(lambda asked: said.get(asked, ()))


def test_every_coding_of_a_body_is_undone_by_a_scanner() -> None:
    """The names here and in the scanner are the same."""
    said = {*codings._OF_A_BODY.values(), awschunked.WORD.decode()}  # noqa: SLF001

    assert said - {None} == coded.NAMES - mailcoded.READERS.keys()


@pytest.mark.parametrize(
    ("declared", "name", "claimed"),
    [
        (None, "/a/b.jpg.BR", "application/x-brotli"),
        ("text/plain", "a.lzma", "application/x-lzma"),
        ("image/png", "a.br", "image/png"),
        ("application/octet-stream", "a.PCT", "application/x-pct"),
        ("text/plain", "br", "text/plain"),
        (None, None, None),
    ],
)
def test_name_claims_a_coding_without_a_magic(
    declared: str | None, name: str | None, claimed: str | None
) -> None:
    """The ending of a file's name, or of the path that it is sent to."""
    assert claimed_type(declared, name) == claimed
