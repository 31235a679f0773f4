"""Keys of officers in tokens: smart cards and others that speak PKCS#11.

A token signs, and never gives its key away. What stands in a file in place of the
private key says which token, and which of its keys. Signing is done by ``HSMSigner`` of
``securesystemslib``, through the package ``python-pkcs11``, which is an extra.

Rules this module keeps: a PIN is tried once, since a token locks itself after a few
wrong ones; the library that speaks to a token is never named by a file, because it is
loaded into this process; what a token signed is verified before it is used.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from securesystemslib.exceptions import (
    UnsupportedLibraryError,
    UnverifiedSignatureError,
)
from securesystemslib.signer import HSMSigner, Signature, Signer, SSlibKey
from typing_extensions import override

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.keys import document, public_of, public_shape
from uploadfilter.signedsets.metadata import named

FORMAT: Final = 1

MOST_LABEL: Final = 32
"""Characters of a token's label, as PKCS#11 has it."""

PIV_SIGNATURE: Final = 2
"""The key of a PIV card that is meant for signatures (slot 9c)."""

_RAISED: Final = (RuntimeError, ValueError, OSError, UnsupportedLibraryError)
"""What ``python-pkcs11`` (the first) and ``HSMSigner`` raise."""

_LIBRARY_VARIABLE: Final = "PYKCS11LIB"
"""Where ``HSMSigner`` looks for the library."""

_CAREFULLY: Final = (
    "Nothing was signed by it. Try again with care: a token locks itself after a few "
    "wrong PINs."
)
_PLUG_IN: Final = (
    "Plug it in and try again; its label is what 'pkcs11-tool --list-slots' or the "
    "tool of its maker says."
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
            "the token {label!r} has no PIN that is in force",
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
        "Take all but one of them out.",
    ),
    "NoSuchKey": (
        "the token {label!r} has no ECDSA key of the number {number}",
        "'pkcs11-tool --list-objects' shows its keys; --token-key names another one.",
    ),
    "MultipleObjectsReturned": (
        "the token {label!r} has more than one ECDSA key of the number {number}",
        "Give one of them another number with the tool of its maker.",
    ),
}
"""What people are told, by the names of what ``python-pkcs11`` raises."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Which key of which token."""

    label: str
    number: int


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a file in place of a private key."""

    format: int
    public: dict[str, Any]
    token: _Place


class TokenSigner(Signer):
    """Signs by a token.

    Args:
        place: Which key of which token.
        public: Its public key.
        pin: Of the token.
    """

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
        """Return the token's signature.

        Raises:
            IssuerError: The token does not sign, or with another key.
        """
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
        """Not a way to make one: our files are no URIs."""
        raise NotImplementedError


def token_key(
    name: str, library: Path, *, label: str, number: int, pin: str
) -> tuple[bytes, bytes]:
    """Take a key of a token for that of a holder.

    Args:
        name: Who holds the token: an account or initials.
        library: What speaks to the token: a file of the maker, ``.so``.
        label: Which token.
        number: Which of its keys: its id.
        pin: Of the token. It signs once, to be sure that it can.

    Returns:
        What to keep in the file that stands for the private key, and what in that of
        the public one, which is for everybody.

    Raises:
        IssuerError: The token cannot be used so.
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
    """Tell whether a file stands for a key of a token."""
    return _file_of(data) is not None


def label_of(data: bytes) -> str:
    """Return which token a file names.

    Raises:
        IssuerError: It names none.
    """
    return _known(data).token.label


def opened_token(data: bytes, library: Path, pin: str) -> TokenSigner:
    """Return who signs by a token.

    Args:
        data: The file that stands for the key.
        library: What speaks to the token.
        pin: Of the token.

    Raises:
        IssuerError: The file names no token, or none can be used here.
    """
    file = _known(data)
    _use(library)
    try:
        return TokenSigner(file.token, public_of(file.public), pin)
    except UnsupportedLibraryError as exc:
        raise _told(exc, file.token) from exc


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
            "the file names no key of a token, or another release made it",
            hint="Make it anew with 'uploadfilter issuer key --token'.",
        )
    return file


def _use(library: Path) -> None:
    """Have ``HSMSigner`` load a library."""
    if not library.is_file():
        raise IssuerError(
            f"there is no library {str(library)!r}",
            hint="--pkcs11 names the PKCS#11 library of the token's maker, such as "
            "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so.",
        )
    os.environ[_LIBRARY_VARIABLE] = str(library.absolute())


def _told(exc: Exception, place: _Place) -> IssuerError:
    """Return what people are told about what a token, or its library, raised."""
    if isinstance(exc, IssuerError):
        return exc
    if isinstance(exc, UnsupportedLibraryError):
        return IssuerError(
            "this installation cannot use tokens: the package 'python-pkcs11' is "
            "missing",
            hint="Install it with: pip install 'uploadfilter[pkcs11]'.",
        )
    # HSMSigner makes ValueErrors of some.
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
