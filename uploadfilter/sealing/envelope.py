"""Seal a text to several public keys, and open it with k of the n private keys.

A random key encrypts the text (ChaCha20-Poly1305, RFC 8439). For each choice of k
recipients, the random key is split into k shares whose XOR it is, and each share is
sealed to its recipient's key (HPKE, RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305).
Fewer than k shares of a choice are uniformly random, so they say nothing about the key.
Five recipients have at most ten choices, so no arithmetic of secret sharing is needed.

Rules this module keeps: every part is bound to the header, so that no part of one file
can be moved into another; the length of the text is hidden up to ``PAD_BYTES``; a file
that cannot be opened is an error that names the cause.
"""

import hashlib
import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from uploadfilter.errors import EvidenceError

FORMAT: Final = 1

MOST_RECIPIENTS: Final = 5
"""Most public keys: at most 30 sealed shares, which take 3 ms and 5 KB."""

MOST_BYTES: Final = 64 * 1024
"""Longest file in bytes: the longest text and 30 shares take a third of it."""

MOST_TEXT: Final = 16 * 1024
"""Longest text in bytes: an address, an account of 1,024 characters, and entries."""

PAD_BYTES: Final = 2048
"""Texts are padded to a multiple, so that a size does not reveal an account."""

_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_MOST_NAME: Final = 64
_KEY_BYTES: Final = 32
_NONCE: Final = bytes(12)  # each key encrypts one text only
_INFO: Final = b"uploadfilter sealed evidence\x00"
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A public key, and the name of its holder.

    Attributes:
        key: The public key: 32 bytes of X25519.
    """

    name: str
    key: bytes

    @property
    def text(self) -> str:
        """``NAME:KEY``, as ``parse_recipient`` reads it."""
        return f"{self.name}:{self.key.hex()}"


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a file that everybody can read."""

    format: int
    decision: str
    needed: int
    recipients: tuple[str, ...]


class _Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed shares of k recipients, which open a file together."""

    recipients: tuple[int, ...]
    shares: tuple[bytes, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed file."""

    header: _Header
    choices: tuple[_Choice, ...]
    text: bytes


def parse_recipient(text: str) -> Recipient:
    """Parse ``NAME:KEY``, with 64 hex digits.

    Raises:
        ValueError: The text has another form, or nothing can be sealed to this key.
    """
    name, _, digits = text.partition(":")
    if not name or len(name) > _MOST_NAME or not set(name) <= _NAME_CHARACTERS:
        raise ValueError(
            f"recipients: {text[:_MOST_NAME]!r} does not begin with a name of small "
            "letters, digits, '-', '_' and '.', and a colon"
        )
    try:
        key = bytes.fromhex(digits)
        if len(key) != _KEY_BYTES or digits != digits.lower():
            raise ValueError(digits)  # noqa: TRY301 -- the same answer
        # A point of low order is refused here, and not at the first rejected upload.
        _SUITE.encrypt(b"", X25519PublicKey.from_public_bytes(key))
    except ValueError as exc:
        raise ValueError(
            f"recipients: the key of {name!r} is not 64 hex digits of a public key"
        ) from exc
    return Recipient(name=name, key=key)


def seal(
    text: bytes, recipients: Sequence[Recipient], *, needed: int, decision: str
) -> bytes:
    """Seal a text, so that any ``needed`` of the recipients can open it together.

    Args:
        text: The text, at most ``MOST_TEXT`` bytes; it must not end with a space.
        recipients: 1 to ``MOST_RECIPIENTS`` public keys.
        needed: 1 to the number of recipients.
        decision: The id of the decision, which everybody can read.

    Raises:
        ValueError: An argument is out of its bounds.
    """
    if len(text) > MOST_TEXT or not 1 <= needed <= len(recipients) <= MOST_RECIPIENTS:
        raise ValueError("a text, or a number of recipients, is out of bounds")
    header = _Header(
        format=FORMAT,
        decision=decision,
        needed=needed,
        recipients=tuple(it.text for it in recipients),
    )
    key, bound = secrets.token_bytes(_KEY_BYTES), _bound(header)
    public = [X25519PublicKey.from_public_bytes(it.key) for it in recipients]
    choices = tuple(
        _Choice(
            recipients=chosen,
            shares=tuple(
                _SUITE.encrypt(share, public[number], info=bound)
                for number, share in zip(chosen, _shares(key, needed), strict=True)
            ),
        )
        for chosen in itertools.combinations(range(len(recipients)), needed)
    )
    padded = text.ljust(-(-max(1, len(text)) // PAD_BYTES) * PAD_BYTES)
    sealed = ChaCha20Poly1305(key).encrypt(_NONCE, padded, bound)
    return msgspec.json.encode(_File(header=header, choices=choices, text=sealed))


def recipients_of(data: bytes) -> tuple[tuple[str, ...], int]:
    """Return who can open a sealed file: the recipients as texts, and how many.

    Raises:
        EvidenceError: It is not a sealed file.
    """
    header = _parsed(data).header
    return header.recipients, header.needed


def opened(data: bytes, keys: Mapping[bytes, X25519PrivateKey]) -> tuple[str, bytes]:
    """Open a sealed file.

    Args:
        data: The bytes of the file.
        keys: Private keys, by their public keys.

    Returns:
        The id of the decision, and the text.

    Raises:
        EvidenceError: It is not a sealed file, is damaged, or needs other keys.
    """
    file = _parsed(data)
    header = file.header
    mine = {
        number: keys[recipient.key]
        for number, recipient in enumerate(_recipients(header))
        if recipient.key in keys
    }
    if len(mine) < header.needed:
        have = ", ".join(it.partition(":")[0] for it in header.recipients)
        raise EvidenceError(
            f"the file needs {header.needed} of the keys of {have}, and "
            f"{len(mine)} of them are here",
            hint="Give the private keys with --key. The key must be the one that the "
            "operator's settings named on that day: keep replaced keys until the last "
            "file that was sealed to them is deleted.",
        )
    chosen = next((it for it in file.choices if set(it.recipients) <= set(mine)), None)
    if chosen is None or len(chosen.shares) != len(chosen.recipients):
        raise _damaged()
    bound = _bound(header)
    try:
        shares = [
            _SUITE.decrypt(share, mine[number], info=bound)
            for number, share in zip(chosen.recipients, chosen.shares, strict=True)
        ]
        text = ChaCha20Poly1305(_joined(shares)).decrypt(_NONCE, file.text, bound)
    except (InvalidTag, ValueError) as exc:
        raise _damaged() from exc
    return header.decision, text.rstrip(b" ")


def _parsed(data: bytes) -> _File:
    if len(data) > MOST_BYTES:
        raise EvidenceError(
            f"a file of {len(data)} bytes is no sealed evidence: it has at most "
            f"{MOST_BYTES}",
            hint="Name a file from the operator's folder 'evidence'.",
        )
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise EvidenceError(
            f"the file is no sealed evidence, or is cut off: {exc}",
            hint="Ask the operator for another copy, and compare its SHA-256 with that "
            "of the decision.",
        ) from exc
    if file.header.format != FORMAT:
        raise EvidenceError(
            f"the file has format {file.header.format}, but this version knows "
            f"{FORMAT}",
            hint="Use the release that sealed it, or a newer one.",
        )
    return file


def _recipients(header: _Header) -> list[Recipient]:
    try:
        return [parse_recipient(it) for it in header.recipients[: MOST_RECIPIENTS + 1]]
    except ValueError as exc:
        raise _damaged() from exc


def _damaged() -> EvidenceError:
    return EvidenceError(
        "the file is damaged, or was changed: its parts do not belong together",
        hint="Ask the operator for another copy, and compare its SHA-256 with that of "
        "the decision.",
    )


def _bound(header: _Header) -> bytes:
    """Return the bytes that bind every part of a file to its header."""
    return _INFO + hashlib.sha256(msgspec.json.encode(header)).digest()


def _shares(key: bytes, number: int) -> list[bytes]:
    shares = [secrets.token_bytes(len(key)) for _ in range(number - 1)]
    return [*shares, _joined([key, *shares])]


def _joined(shares: Sequence[bytes]) -> bytes:
    """Return the XOR of shares of the same length.

    Raises:
        ValueError: A share has another length.
    """
    joined = 0
    for share in shares:
        if len(share) != _KEY_BYTES:
            raise ValueError("a share of another length")
        joined ^= int.from_bytes(share)
    return joined.to_bytes(_KEY_BYTES)
