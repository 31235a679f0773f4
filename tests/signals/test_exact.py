"""Exact digests of content that arrives in pieces."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.model import SignalType
from uploadfilter.signals.exact import Digests, digests_of_bytes


@given(chunks=st.lists(st.binary(max_size=200)))
def test_digests_do_not_depend_on_the_pieces(chunks: list[bytes]) -> None:
    """However content is cut, its digests are those of the whole."""
    digests = Digests()
    for index, chunk in enumerate(chunks):
        digests.update(memoryview(chunk) if index % 2 else chunk)

    whole = b"".join(chunks)
    md5, sha1, sha256 = digests.signals()
    assert md5.value == hashlib.md5(whole, usedforsecurity=False).digest()
    assert sha1.value == hashlib.sha1(whole, usedforsecurity=False).digest()
    assert sha256.value == hashlib.sha256(whole).digest()
    assert digests.size == len(whole)
    assert digests_of_bytes(whole) == digests.signals()


def test_digests_come_in_their_order() -> None:
    """md5, sha1, sha256: the order of ``Scan.exact``."""
    types = [signal.type for signal in Digests().signals()]

    assert types == [SignalType.MD5, SignalType.SHA1, SignalType.SHA256]


def test_digests_can_be_read_before_the_end() -> None:
    """Reading the digests does not end them."""
    digests = Digests()
    digests.update(b"one")
    digests.signals()
    digests.update(b"two")

    assert digests.signals()[2].value == hashlib.sha256(b"onetwo").digest()
