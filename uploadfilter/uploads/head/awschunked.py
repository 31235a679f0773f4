"""Read what a head says about ``aws-chunked``, the framing of S3.

An SDK that does not know a body's checksum beforehand sends the body in chunks of S3,
inside of those of HTTP or of a stated length, and the checksum behind the last chunk.
S3 recognises it by ``X-Amz-Content-Sha256``; clients leave the word ``aws-chunked`` out
of ``Content-Encoding`` or write it there before or after the coding of the object.

Source:
    "Signature Calculations for the Authorization Header: Transferring Payload in
    Multiple Chunks", and the same "with trailing headers", of the documentation of S3.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

WORD: Final = b"aws-chunked"
"""Its name in Content-Encoding."""

_SIGNED: Final = frozenset(
    {b"AWS4-HMAC-SHA256-PAYLOAD", b"AWS4-ECDSA-P256-SHA256-PAYLOAD"}
)
_UNSIGNED: Final = b"UNSIGNED-PAYLOAD"
_STREAMING: Final = b"STREAMING-"
_TRAILER: Final = b"-TRAILER"

CHECKSUMS: Final = frozenset(
    {"crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256", "sha512"}
)
"""Checksums that are computed again. The others that S3 knows are of the family xxHash;
no SDK uses them unless it is told to."""

_BY_VERSION_4: Final = (b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256")
_OF_SIGNED_URLS: Final = frozenset(
    {
        *("awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "signature"),
        *("x-amz-algorithm", "x-amz-credential", "x-amz-signature"),
    }
)
"""Names in a query by which a URL is signed, in lower case."""

_CHECKSUM: Final = "x-amz-checksum-"
_LENGTH: Final = re.compile(rb"[0-9]{1,19}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """The framing that a head announces.

    Attributes:
        decoded_length: Bytes of the body without its framing.
        is_signed: Whether each chunk has a signature.
        checksum: Name of the checksum behind the last chunk, one of ``CHECKSUMS``;
            ``None`` if there is none, which is possible only where chunks are signed.
    """

    decoded_length: int
    is_signed: bool
    checksum: str | None = None

    @property
    def trailer(self) -> str | None:
        """Return the name of the header behind the last chunk."""
        return None if self.checksum is None else f"{_CHECKSUM}{self.checksum}"


def framing_in(values: Callable[[bytes], Sequence[bytes]]) -> Framing | str | None:
    """Return the framing that a head announces.

    Args:
        values: Returns the values of a header; the name is in lower case.

    Returns:
        The framing; one sentence for the client if it cannot be undone; ``None`` if the
        head announces none.
    """
    named = values(b"x-amz-content-sha256")
    if not any(value.upper().startswith(_STREAMING) for value in named):
        return None
    what = named[0].removeprefix(_STREAMING)
    has_trailer = what.endswith(_TRAILER)
    what = what.removesuffix(_TRAILER)
    if len(named) > 1 or not (what in _SIGNED or (what == _UNSIGNED and has_trailer)):
        return "The framing of the body is not one of S3 that this service reads."
    lengths = values(b"x-amz-decoded-content-length")
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        return "A body in aws-chunked framing must state its decoded length."
    checksum = _checksum_in(values(b"x-amz-trailer"))
    if has_trailer == (checksum is None) or checksum == "":
        return "A body in aws-chunked framing may end in one checksum that we compute."
    return Framing(
        decoded_length=int(lengths[0]), is_signed=what in _SIGNED, checksum=checksum
    )


def is_surely_undone(values: Callable[[bytes], Sequence[bytes]], target: str) -> bool:
    """Tell whether every server of S3 undoes the framing of a PUT.

    Servers of the family of MinIO look for the kind of the signature first. They store
    the bytes as they came if it is that of version 2, or in the URL, and older ones if
    there is none. Clients that frame their bodies sign by version 4 in the head.

    Args:
        values: Returns the values of a header; the name is in lower case.
        target: The target of the request, as sent.
    """
    signed = values(b"authorization")
    query = parse_qsl(target.partition("?")[2], keep_blank_values=True)
    return (
        len(signed) == 1
        and signed[0].startswith(tuple(b"%s " % each for each in _BY_VERSION_4))
        and _OF_SIGNED_URLS.isdisjoint(name.lower() for name, _ in query)
    )


def _checksum_in(named: Sequence[bytes]) -> str | None:
    """Return the name of the one checksum; empty if it is another or not one."""
    if not named:
        return None
    name = named[0].decode("latin-1").strip().lower()
    found = name.removeprefix(_CHECKSUM)
    is_known = len(named) == 1 and name != found and found in CHECKSUMS
    return found if is_known else ""


def without_word(named: Sequence[bytes]) -> list[bytes]:
    """Return the codings in values of Content-Encoding, without ``aws-chunked``."""
    words = [word.strip().lower() for value in named for word in value.split(b",")]
    if WORD in words:
        words.remove(WORD)
    return words
