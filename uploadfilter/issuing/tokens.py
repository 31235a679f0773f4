"""Keys of officers in tokens: smart cards and others that use PKCS#11.

A token signs, and never gives its key away. In place of the private key, a file names
the token and the key in it. Signing is done by ``HSMSigner`` of ``securesystemslib``,
with the package ``python-pkcs11``, which is an extra.

Rules this module keeps: a PIN is tried once, because a token locks itself after a few
wrong ones; a file never names the library for a token, because the library is loaded
into this process; a signature of a token is verified before it is used.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from securesystemslib.exceptions import (
    UnverifiedSignatureError,
)
from securesystemslib.signer import HSMSigner, Signature, Signer, SSlibKey
from typing_extensions import override

from uploadfilter.errors import IssuerError
from uploadfilter.extras import load_extra
from uploadfilter.issuing.keys import document, opened_key, public_of, public_shape
from uploadfilter.signedsets.metadata import named

FORMAT: Final = 1

MOST_LABEL: Final = 32
"""Characters of a token's label, as limited by PKCS#11."""

PIV_SIGNATURE: Final = 2
"""The key of a PIV card that is meant for signatures (slot 9c)."""

_RAISED: Final = (RuntimeError, ValueError, OSError)
"""The exceptions of ``python-pkcs11`` (the first) and ``HSMSigner``."""

_LIBRARY_VARIABLE: Final = "PYKCS11LIB"
"""The environment variable in which ``HSMSigner`` looks for the library."""

_CAREFULLY: Final = (
    "Nothing was signed. Try again with care: a token locks itself after a few "
    "wrong PINs."
)
_PLUG_IN: Final = (
    "Plug it in and try again; 'pkcs11-tool --list-slots' or the tool of its maker "
    "shows its label."
)

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("PinIncorrect", "PinInvalid", "PinLenRange"),
        ("the PIN of the token {label!r} is wrong", _CAREFULLY),
    ),
    "PinLocked": (
        "the token {label!r} is locked after too many wrong PINs",
        "Unlock it with its PUK and its maker's tool; others may sign meanwhile.",
    ),
    **dict.fromkeys(
        ("PinExpired", "UserPinNotInitialized"),
        (
            "the PIN of the token {label!r} is not set, or has expired",
            "Set one with the tool of its maker.",
        ),
    ),
    **dict.fromkeys(
        (
            "NoSuchToken",
            "TokenNotPresent",
            "TokenNotRecognised",
            "DeviceRemoved",
            "SlotIDInvalid",
        ),
        ("there is no token {label!r}", _PLUG_IN),
    ),
    "MultipleTokensReturned": (
        "there is more than one token {label!r}",
        "Unplug all of them except one.",
    ),
    "NoSuchKey": (
        "the token {label!r} has no ECDSA key with the number {number}",
        "'pkcs11-tool --list-objects' shows its keys; --token-key names another one.",
    ),
    "MultipleObjectsReturned": (
        "the token {label!r} has more than one ECDSA key with the number {number}",
        "Give one of them another number with the tool of its maker.",
    ),
}
"""Messages and hints, by the names of the exceptions of ``python-pkcs11``."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    number: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    public: dict[str, Any]
    token: _Place


class TokenSigner(Signer):
    """Signs with a key in a token."""

    def __init__(self, place: _Place, public: SSlibKey, pin: str) -> None:
        self._place = place
        self._public = public
        self._signer = HSMSigner(place.number, public, lambda _: pin, place.label)

    @property
    @override
    def public_key(self) -> SSlibKey:
        return self._public

    @override
    def sign(self, payload: bytes) -> Signature:
        """Return the token's signature."""
        try:
            signature = self._signer.sign(payload)
            self._public.verify_signature(signature, payload)
        except UnverifiedSignatureError as exc:
            raise IssuerError(
                f"the token {self._place.label!r} signs with another key than its file "
                "says",
                hint="Plug the right token in, or make the file anew by "
                "'uploadfilter issuer key --token'.",
            ) from exc
        except _RAISED as exc:
            raise _told(exc, self._place) from exc
        return signature

    @classmethod
    @override
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: object, secrets_handler: object = None
    ) -> "TokenSigner":
        """Not available: the files of this program are not URIs."""
        raise NotImplementedError


def token_key(
    name: str, library: Path, *, label: str, number: int, pin: str
) -> tuple[bytes, bytes]:
    """Use a key in a token as the key of a holder.

    Args:
        name: The holder of the token: an account or initials.
        library: The library of the token's maker, a file ``.so``.
        label: The label of the token.
        number: The number (id) of the key in it.
        pin: The PIN of the token. The token signs once, as a test.

    Returns:
        The contents of the file in place of the private key, and of the file of the
        public one, which is for everybody.
    """
    place = _Place(label=label, number=number)
    _use(library)
    try:
        _, found = HSMSigner.import_(number, label, lambda _: pin)
    except _RAISED as exc:
        raise _told(exc, place) from exc
    shape = public_shape(named(found, name))
    TokenSigner(place, public_of(shape), pin).sign(b"a try")
    file = _File(format=FORMAT, public=shape, token=place)
    return document(file), document(shape)


def is_token(data: bytes) -> bool:
    """Tell whether a file stands for a key in a token."""
    return _file_of(data) is not None


def label_of(data: bytes) -> str:
    """Return the label of the token that a file names."""
    return _known(data).token.label


def open_signer(
    data: bytes, library: Path | None, ask: Callable[[str | None], str]
) -> Signer:
    """Return a signer with a key, which is sealed in its file or in a token.

    Args:
        data: The file of the private key, or the one that stands for it.
        library: The library of the token's maker; ``None`` if there is none.
        ask: Returns the PIN of the token with this label, or the passphrase of the file
            for ``None``.
    """
    if not is_token(data):
        return opened_key(data, ask(None))
    label = label_of(data)
    if library is None:
        raise IssuerError(
            f"the key is in the token {label!r}, and no library for tokens is named",
            hint="Name the library of the token's maker with --pkcs11; the page needs "
            "it when it is started: 'uploadfilter issuer page --pkcs11'.",
        )
    return opened_token(data, library, ask(label))


def opened_token(data: bytes, library: Path, pin: str) -> TokenSigner:
    """Return a signer with a token."""
    file = _known(data)
    _use(library)
    return TokenSigner(file.token, public_of(file.public), pin)


def _file_of(data: bytes) -> _File | None:
    try:
        return msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _known(data: bytes) -> _File:
    file = _file_of(data)
    usable = (
        file is not None
        and file.format == FORMAT
        and 1 <= len(file.token.label) <= MOST_LABEL
        and 0 <= file.token.number < 1 << 64
    )
    if file is None or not usable:
        raise IssuerError(
            "the file does not name a key in a token, or another release made it",
            hint="Make it anew with 'uploadfilter issuer key --token'.",
        )
    return file


def _use(library: Path) -> None:
    load_extra(
        "pkcs11", "pkcs11.util.ec", purpose="a token", extra="pkcs11", error=IssuerError
    )
    if not library.is_file():
        raise IssuerError(
            f"there is no library {str(library)!r}",
            hint="--pkcs11 names the PKCS#11 library of the token's maker, such as "
            "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so.",
        )
    os.environ[_LIBRARY_VARIABLE] = str(library.absolute())


def _told(exc: Exception, place: _Place) -> IssuerError:
    if isinstance(exc, IssuerError):
        return exc
    # HSMSigner turns some of them into ValueErrors.
    cause = exc.__context__ if isinstance(exc, ValueError) else None
    name = type(cause or exc).__name__
    if name in _WORDS:
        words, hint = _WORDS[name]
        return IssuerError(
            words.format(label=place.label, number=place.number), hint=hint
        )
    return IssuerError(
        f"the token {place.label!r} cannot be used: {name}: {exc}".rstrip(": "),
        hint="Is it plugged in, and does --pkcs11 name the library of its maker? Keys "
        "must be ECDSA on P-256 or P-384.",
    )
