"""Sealed files: who can open them, and what each damage leads to."""

import itertools

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.sealing.rings import ID, TEXT, holders, ring
from uploadfilter.errors import EvidenceError
from uploadfilter.sealing.envelope import (
    MOST_RECIPIENTS,
    MOST_TEXT,
    PAD_BYTES,
    opened,
    parse_recipient,
    recipients_of,
    seal,
)


@pytest.mark.parametrize("number", range(1, MOST_RECIPIENTS + 1))
def test_exactly_the_choices_of_k_keys_open_a_file(number: int) -> None:
    """Each choice of k of the n keys opens it, and no choice of fewer."""
    public, private = holders(number)
    for needed in range(1, number + 1):
        sealed = seal(TEXT, public, needed=needed, decision=ID)
        assert recipients_of(sealed) == (tuple(it.text for it in public), needed)
        for chosen in itertools.combinations(private, needed):
            assert opened(sealed, ring(*chosen)) == (ID, TEXT)
        for fewer in itertools.combinations(private, needed - 1):
            with pytest.raises(EvidenceError, match=f"needs {needed} of the keys"):
                opened(sealed, ring(*fewer))


def test_another_key_does_not_open_a_file() -> None:
    """The message names the holders of the right keys."""
    public, _ = holders(1)
    sealed = seal(TEXT, public, needed=1, decision=ID)
    other = X25519PrivateKey.generate()
    with pytest.raises(EvidenceError, match="keys of h0, and 0 of them are here"):
        opened(sealed, ring(other))


@given(st.integers(0, 3000), st.integers(1, 255))
def test_every_changed_byte_is_found(place: int, by: int) -> None:
    """A file with any changed byte is refused, or says the same as before."""
    public, private = holders(2)
    sealed = bytearray(seal(TEXT, public, needed=2, decision=ID))
    sealed[place % len(sealed)] ^= by
    try:
        found = opened(bytes(sealed), ring(*private))
    except EvidenceError:
        return
    assert found == (ID, TEXT)


@given(st.binary(max_size=300))
def test_other_bytes_are_no_sealed_file(data: bytes) -> None:
    """Whatever is given, the answer is an error that a person can act on."""
    with pytest.raises(EvidenceError) as caught:
        opened(data, {})
    assert caught.value.hint


def test_parts_of_two_files_do_not_open() -> None:
    """The shares of one decision do not open the text of another one."""
    public, private = holders(1)
    first = msgspec.json.decode(seal(TEXT, public, needed=1, decision=ID))
    second = msgspec.json.decode(seal(b"x", public, needed=1, decision=ID[:-1] + "4"))
    mixed = {**first, "header": second["header"]}
    with pytest.raises(EvidenceError, match="do not belong together"):
        opened(msgspec.json.encode(mixed), ring(*private))
    newer = {**first, "header": {**first["header"], "format": 2}}
    with pytest.raises(EvidenceError, match="format 2, but this version knows 1"):
        opened(msgspec.json.encode(newer), ring(*private))


def test_cut_files_are_refused() -> None:
    """A file that was cut off, or is far too long, is refused."""
    public, private = holders(1)
    sealed = seal(TEXT, public, needed=1, decision=ID)
    for end in range(0, len(sealed), 97):
        with pytest.raises(EvidenceError, match="or is cut off"):
            opened(sealed[:end], ring(*private))
    with pytest.raises(EvidenceError, match="has at most"):
        opened(sealed + b" " * 2**16, ring(*private))


def test_size_says_little_about_the_text() -> None:
    """Texts of an account and of none have one size; the bounds are kept."""
    public, _ = holders(1)
    sizes = {
        len(seal(b"x" * n, public, needed=1, decision=ID)) for n in (1, 9, PAD_BYTES)
    }
    assert len(sizes) == 1
    for text, needed in ((b"x" * (MOST_TEXT + 1), 1), (TEXT, 2), (TEXT, 0)):
        with pytest.raises(ValueError, match="out of bounds"):
            seal(text, public, needed=needed, decision=ID)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not begin with a name"),
        ("Unit:" + "01" * 32, "does not begin with a name"),
        ("a" * 65 + ":" + "01" * 32, "does not begin with a name"),
        ("unit7", "64 hex digits"),
        ("unit7:" + "01" * 31, "64 hex digits"),
        ("unit7:" + "AB" * 32, "64 hex digits"),
        ("unit7:" + "zz" * 32, "64 hex digits"),
        ("unit7:" + "00" * 32, "64 hex digits"),  # a point of low order
    ],
)
def test_unusable_recipients_are_refused(text: str, words: str) -> None:
    """A recipient that nothing can be sealed to is refused before it is used."""
    with pytest.raises(ValueError, match=words):
        parse_recipient(text)
