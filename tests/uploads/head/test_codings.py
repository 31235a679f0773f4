"""A coding of a file that the first bytes do not tell is refused."""

import pytest

from uploadfilter.uploads.head.codings import claimed_type, is_told_by_bytes, unread_in


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
    said = {name.encode(): [b"identity", b"br"]}

    assert unread_in(lambda asked: said.get(asked, ()))
    assert unread_in(lambda asked: said.get(asked, ())[:1]) is None


def test_stored_gzip_is_opened_and_sent_gzip_is_not() -> None:
    """A body whose coding is undone on the way is not the inspected body."""
    stored = {b"x-ms-blob-content-encoding": [b"gzip"]}
    sent = {b"content-encoding": [b"gzip"]}

    assert unread_in(lambda asked: stored.get(asked, ())) is None
    assert unread_in(lambda asked: sent.get(asked, ()))


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
