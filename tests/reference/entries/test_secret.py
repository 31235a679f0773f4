"""A stored exact signal discloses nothing without the secret."""

import hashlib

import pytest

from uploadfilter.model import SignalType
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES, SECRET_BYTES, Secret

ONE = Secret(bytes(SECRET_BYTES))
OTHER = Secret(b"\x01" * SECRET_BYTES)
VALUE = bytes(range(16))


def test_key_of_an_exact_signal_depends_on_secret_type_and_value() -> None:
    """The same digest has another key elsewhere, and as a signal of another type."""
    keys = {
        ONE.exact_key(SignalType.MD5, VALUE),
        OTHER.exact_key(SignalType.MD5, VALUE),
        ONE.exact_key(SignalType.MD5, VALUE[::-1]),
        ONE.exact_key(SignalType.SHA1, VALUE + bytes(4)),
        ONE.exact_key(SignalType.SHA256, VALUE + bytes(16)),
    }

    assert len(keys) == 5
    assert {len(key) for key in keys} == {EXACT_KEY_BYTES}


def test_stored_format_of_exact_signals_does_not_change() -> None:
    """A signal that one version stored is found by every later version."""
    derived = hashlib.blake2b(
        key=bytes(SECRET_BYTES), person=b"exact signals", digest_size=32
    ).digest()
    expected = hashlib.blake2b(b"\x01" + VALUE, key=derived, digest_size=16).digest()

    assert ONE.exact_key(SignalType.MD5, VALUE) == expected


def test_opaque_id_is_stable_and_says_nothing_of_the_value() -> None:
    """A signal gets the same id at every import, and another one elsewhere."""
    name = ONE.opaque_id(SignalType.MD5, VALUE)

    assert name == Secret(bytes(SECRET_BYTES)).opaque_id(SignalType.MD5, VALUE)
    assert name != OTHER.opaque_id(SignalType.MD5, VALUE)
    assert name.startswith("auto-")
    assert ONE.exact_key(SignalType.MD5, VALUE).hex()[:20] not in name


def test_uses_have_keys_of_their_own() -> None:
    """A key for one purpose discloses nothing about the key for another."""
    assert ONE.derive(b"addresses") != ONE.derive(b"exact signals")
    assert ONE.derive(b"addresses") == ONE.derive(b"addresses")
    assert ONE.check_value() != OTHER.check_value()


@pytest.mark.parametrize("purpose", [b"", b"x" * 17])
def test_purpose_has_1_to_16_bytes(purpose: bytes) -> None:
    """A purpose that BLAKE2b would not keep whole is refused."""
    with pytest.raises(ValueError, match="1 to 16 bytes"):
        ONE.derive(purpose)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_secret_has_32_bytes(length: int) -> None:
    """A secret of another length is refused."""
    with pytest.raises(ValueError, match=f"32 bytes, not {length}"):
        Secret(bytes(length))
