"""Archives are told by their first bytes from contents that only begin alike."""

from collections.abc import Callable

import pytest

from tests.corpus.tricks import archives as made
from uploadfilter.contents.kinds import archivemagic

OLD_CPIO = b"\xc7\x71" + bytes(18) + b"\5\0" + bytes(4) + b"name\0"


@pytest.mark.parametrize(
    ("is_one", "head"),
    [
        (archivemagic.is_cpio, made.cpio(("a", b"b"))),
        (archivemagic.is_cpio, b"070707" + b"000000" * 12),
        (archivemagic.is_cpio, OLD_CPIO),
        (archivemagic.is_lha, made.lha(b"a")),
        (archivemagic.is_compress, made.compress(b"a")),
        (archivemagic.is_compress, b"\x1f\x9d\x0c"),
        (archivemagic.is_arj, b"\x60\xea\x2c\0" + bytes(6) + b"\2" + bytes(30)),
        (archivemagic.is_ace, bytes(7) + b"**ACE**"),
    ],
)
def test_archive_is_one(is_one: Callable[[bytes], bool], head: bytes) -> None:
    """Each form that programs write is known."""
    assert is_one(head)


@pytest.mark.parametrize(
    ("is_one", "head"),
    [
        (archivemagic.is_cpio, b"070707 is the number of a room"),
        (archivemagic.is_cpio, OLD_CPIO[:-1] + b"s"),
        (archivemagic.is_cpio, b"qu\xe9"),
        (archivemagic.is_lha, b"--lh5- and other switches"),
        (archivemagic.is_lha, b"a -lh5- is a method of LHA"),
        (archivemagic.is_compress, b"\x1f\x9d\xff"),
        (archivemagic.is_arj, b"`\xea" + bytes(40)),
        (archivemagic.is_ace, b"**ACE** is older"),
        (archivemagic.is_gzip, b"\x1f\x8b\x07\0"),
        (archivemagic.is_bzip2, b"BZh, they said"),
        (archivemagic.is_git_push, b"0000"),
        (archivemagic.is_tar, b"ustar"),
    ],
)
def test_what_only_begins_like_an_archive_is_none(
    is_one: Callable[[bytes], bool], head: bytes
) -> None:
    """A text or chance does not make an archive."""
    assert not is_one(head)
