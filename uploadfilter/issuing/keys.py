"""Keys of officers: a sealed private key in one file, its public key in another.

``issuing/tokens.py`` is for private keys in a token; their public halves are in files
of the same kind.

The private key is sealed with ChaCha20-Poly1305 (RFC 8439) under a key that scrypt (RFC
7914) derives from the passphrase. The command line asks for the passphrase.

Rules this module keeps: a private key leaves this module only as a signer; the memory
and time that a key file demands are bounded before they are spent; an existing file is
never overwritten, because a lost key cannot be made again.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurve,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import file_errors
from uploadfilter.signedsets.metadata import KEY_NAME, name_of, named

FORMAT: Final = 1

COST: Final = 1 << 17
"""N of scrypt: 128 MiB and half a second for each try at a passphrase."""

LEAST_PASSPHRASE: Final = 12
"""Characters: four random words have twenty, and a thief can guess for years."""

_BLOCK: Final = 8
_LANES: Final = 1
_MOST_COST: Final = 1 << 20
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
SEED_BYTES: Final = 32
"""The length of a private key, of either kind."""

_ED25519: Final = "ed25519"
_PUBLIC_HEX: Final = 64

_ECDSA: Final = "ecdsa"
_CURVES: Final[Mapping[str, type[EllipticCurve]]] = {
    "ecdsa-sha2-nistp256": SECP256R1,
    "ecdsa-sha2-nistp384": SECP384R1,
}
"""Curves and schemes of tokens, as ``HSMSigner`` of securesystemslib names them."""

_MOST_PEM: Final = 1024
"""Most characters of such a key in PEM: on P-384 it has 215."""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    public: dict[str, Any]
    cost: int
    salt: bytes
    nonce: bytes
    sealed: bytes


class _Plain(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    public: dict[str, Any]
    seed: bytes


def made_key(name: str, passphrase: str, *, cost: int = COST) -> tuple[bytes, bytes]:
    """Make a key.

    Args:
        name: The holder: an account or initials.
        passphrase: The passphrase that seals it.
        cost: N of scrypt, a power of 2.

    Returns:
        The contents of the file of the private key, and of the file of the public one,
        which is for everybody.
    """
    check_passphrase(passphrase)
    seed = secrets.token_bytes(SEED_BYTES)
    shape = public_shape(named(_signer(seed).public_key, name))
    salt, nonce, sealed = seal(seed, passphrase, bound=_bound(shape), cost=cost)
    file = _Sealed(
        format=FORMAT, public=shape, cost=cost, salt=salt, nonce=nonce, sealed=sealed
    )
    return document(file), document(shape)


def opened_key(data: bytes, passphrase: str) -> CryptoSigner:
    """Return a signer with a key."""
    file = _sealed_of(data)
    public = public_of(file.public)
    try:
        cipher = passphrase_cipher(passphrase, file.salt, file.cost)
        seed = cipher.decrypt(file.nonce, file.sealed, _bound(file.public))
        signer = _signer(seed, public)
    except (InvalidTag, ValueError) as exc:
        raise IssuerError(
            f"the passphrase of the key of {name_of(public)!r} is wrong, or its file "
            "is damaged",
            hint="Try again. A lost passphrase cannot be recovered: the holder "
            "gets a new key, see 'uploadfilter issuer rotate'.",
        ) from exc
    return signer


def made_plain_key(name: str) -> tuple[bytes, bytes]:
    """Make a key without a passphrase, for a timer that signs.

    Returns:
        The contents of a file for its owner alone, and of the file for everybody.
    """
    seed = secrets.token_bytes(SEED_BYTES)
    shape = public_shape(named(_signer(seed).public_key, name))
    return document(_Plain(format=FORMAT, public=shape, seed=seed)), document(shape)


def opened_plain_key(data: bytes) -> "CryptoSigner":
    """Return a signer with a key that has no passphrase."""
    try:
        file = msgspec.json.decode(data, type=_Plain)
        return _signer(file.seed, public_of(file.public))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
        raise IssuerError(
            "the file holds no private key without a passphrase",
            hint="Restore it from the backup, or make another one.",
        ) from exc


def public_key(data: bytes) -> SSlibKey:
    """Return the public key from either file of a key."""
    shape = _decoded(data)
    inner = shape.get("public")
    return public_of(inner if isinstance(inner, dict) else shape)


def _sealed_of(data: bytes) -> _Sealed:
    try:
        file = msgspec.json.decode(data, type=_Sealed)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise IssuerError(
            "the file holds no private key",
            hint="Name the file that 'uploadfilter issuer key' made, not the one that "
            "ends with '.pub'.",
        ) from exc
    is_power = file.cost > 1 and file.cost & (file.cost - 1) == 0
    if file.format != FORMAT or not is_power or file.cost > _MOST_COST:
        raise IssuerError(
            "the key file was made by another release, or is damaged",
            hint="Use the release that made it, or a copy of the file.",
        )
    return file


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        shape = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        shape = None
    if not isinstance(shape, dict):
        raise IssuerError(
            "the file holds no key",
            hint="Name a file that 'uploadfilter issuer key' made.",
        )
    return shape


def public_of(shape: dict[str, Any]) -> SSlibKey:
    """Return a public key, if its kind is allowed for an issuer."""
    value, name = shape.get("public"), shape.get("name")
    scheme = shape.get("scheme", _ED25519)
    kept = None
    if isinstance(value, str) and isinstance(scheme, str):
        kept = _ed25519(value) if scheme == _ED25519 else _ecdsa(value, scheme)
    if kept is None or not (isinstance(name, str) and KEY_NAME.fullmatch(name)):
        raise IssuerError(
            "the file holds no public key with the name of its holder",
            hint="Name a file that 'uploadfilter issuer key' made.",
        )
    keytype = _ED25519 if scheme == _ED25519 else _ECDSA
    keyval = {"public": kept}
    # The id is computed and not read, so that two keys never share one.
    fields = {"keytype": keytype, "scheme": scheme, "keyval": keyval}
    keyid = hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()
    return named(SSlibKey(keyid, keytype, scheme, keyval), name)


def _ed25519(value: str) -> str | None:
    is_key = len(value) == _PUBLIC_HEX and set(value) <= set("0123456789abcdef")
    return value if is_key else None


def _ecdsa(value: str, scheme: str) -> str | None:
    """Return a key in its only allowed form, so that no key has two ids."""
    if len(value) > _MOST_PEM or scheme not in _CURVES:
        return None
    try:
        key = load_pem_public_key(value.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, EllipticCurvePublicKey):
        return None
    if not isinstance(key.curve, _CURVES[scheme]):
        return None
    kind = PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(Encoding.PEM, kind).decode()


def public_shape(key: SSlibKey) -> dict[str, Any]:
    """Return the content of the file of a public key."""
    shape = {"name": name_of(key), "public": key.keyval["public"]}
    return shape if key.scheme == _ED25519 else {**shape, "scheme": key.scheme}


def _signer(seed: bytes, public: SSlibKey | None = None) -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed), public)


def check_passphrase(passphrase: str) -> None:
    """Refuse a passphrase that a thief of the file would guess."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise IssuerError(
            f"the passphrase has fewer than {LEAST_PASSPHRASE} characters",
            hint="Take four or five random words.",
        )


def seal(
    seed: bytes, passphrase: str, *, bound: bytes, cost: int
) -> tuple[bytes, bytes, bytes]:
    """Seal a private key; return the salt, the nonce, and the sealed key."""
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    cipher = passphrase_cipher(passphrase, salt, cost)
    return salt, nonce, cipher.encrypt(nonce, seed, bound)


def passphrase_cipher(passphrase: str, salt: bytes, cost: int) -> ChaCha20Poly1305:
    """Derive the cipher that a passphrase opens, by scrypt."""
    key = hashlib.scrypt(
        passphrase.encode(),
        salt=salt,
        n=cost,
        r=_BLOCK,
        p=_LANES,
        maxmem=2 * 128 * cost * _BLOCK,
        dklen=32,
    )
    return ChaCha20Poly1305(key)


def _bound(shape: dict[str, Any]) -> bytes:
    """Return the data that the seal also covers, so that the name cannot be changed."""
    return msgspec.json.encode(shape, order="sorted")


def document(shape: object) -> bytes:
    """Return the bytes of a file of keys."""
    return msgspec.json.format(msgspec.json.encode(shape), indent=1) + b"\n"


def public_file_of(file: Path) -> Path:
    """Return the path of the public half of a key: ``ann.pub`` beside ``ann.key``."""
    return file.with_name(file.name.removesuffix(".key") + ".pub")


def check_new(file: Path) -> None:
    """Refuse to write a key over an existing file."""
    for path in (file, public_file_of(file)):
        if path.exists():
            raise IssuerError(
                f"{str(path)!r} exists already",
                hint="Name another file: a key that is lost cannot be made again.",
            )


def keep(file: Path, private: bytes, public: bytes) -> None:
    """Write both halves of a key."""
    check_new(file)
    with file_errors(file, so="No key was made."):
        _create(file, private, 0o600)
        _create(public_file_of(file), public, 0o644)


def _create(path: Path, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
