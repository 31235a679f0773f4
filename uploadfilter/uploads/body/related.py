"""Make contents of the parts of ``multipart/related`` and ``multipart/mixed`` bodies.

Google's clients send an object behind its description so, and SOAP sends attachments
(XOP, "SOAP with Attachments"). Origins disagree about where such parts begin and end as
they do about forms, and some read them as forms. So they are parsed by the same rules
and encoded anew; the header lines of a part go on as they were written, because they
say which part is which.
"""

import re
from typing import Final

from typing_extensions import override

from uploadfilter.model import Reason
from uploadfilter.uploads.body.canonical import MimePart, Part
from uploadfilter.uploads.body.extractors import FormExtractor
from uploadfilter.uploads.body.parts import (
    BASE64,
    QUOTED_PRINTABLE,
    PartHeader,
    headers_in,
    malformed,
    over_limit,
)
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits

_ONCE: Final = frozenset({"content-id", "content-location", "content-encoding"})
"""Headers that may occur once, besides those of a form."""

_TRANSFER_ENCODING: Final = "content-transfer-encoding"
_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary", BASE64, QUOTED_PRINTABLE})
_NAME = re.compile(
    r"filename\*?=[^;]*\.([0-9A-Za-z]{1,10})\"?[ \t]*(?:;|$)", re.IGNORECASE
)


def read_mime_header(section: bytes, limits: UploadLimits) -> PartHeader | Refusal:
    """Read the header section of a part that is in no form.

    Args:
        section: The header lines, each with its CRLF, without the empty line.
        limits: Limits on the number of lines.

    Returns:
        The header, or the reason for refusing the body.
    """
    lines = section.decode("utf-8", "surrogateescape").split("\r\n")[:-1]
    if len(lines) > limits.max_part_headers:
        return over_limit("A part has too many headers.")
    headers = headers_in(lines)
    if isinstance(headers, Refusal):
        return headers
    declared = _refusal_of(lines, headers) or _declared_type(headers)
    if isinstance(declared, Refusal):
        return declared
    return PartHeader(
        names=(),
        name="",
        is_file=True,
        content_type=None,
        declared_type=declared,
        coding=headers.get(_TRANSFER_ENCODING, "").lower() or None,
        lines=tuple(lines),
    )


def _refusal_of(lines: list[str], headers: dict[str, str]) -> Refusal | None:
    """Refuse headers that two readers could understand differently."""
    names = [line.partition(":")[0].lower() for line in lines]
    if any(names.count(name) > 1 for name in _ONCE):
        return malformed("A part's header is repeated.")
    if any("_" in name for name in names):
        return malformed("A part's header line is malformed.")
    if headers.get(_TRANSFER_ENCODING, "binary").lower() not in _ENCODINGS:
        return malformed("A part has a content transfer encoding.")
    if codings.is_told_by_bytes(headers.get("content-encoding", "")):
        return None
    return Refusal(
        status=415,
        reason=Reason.UNSUPPORTED_CODING,
        detail="The file must be stored without a content coding.",
    )


def _declared_type(headers: dict[str, str]) -> str | Refusal | None:
    """Return the type that a part claims, by itself or by the name of its file."""
    value = headers.get("content-type", "")
    media_type = fields.parse_media_type(value)
    if value and media_type is None:
        return malformed("A part's type is malformed.")
    declared = media_type.value if media_type else None
    folded = value.lower()
    if folded.startswith("message/") or "multipart" in folded or "boundary" in folded:
        return malformed("A part holds parts of its own.")
    charset = media_type.parameters.get("charset", "utf-8") if media_type else "utf-8"
    if not fields.is_plain_charset(charset):
        return malformed("A part has a charset that does not contain ASCII.")
    named = _NAME.search(headers.get("content-disposition", ""))
    return codings.claimed_type(declared, f"x.{named[1]}" if named else None)


class RelatedExtractor(FormExtractor):
    """Makes a content of every part of a body that is no form."""

    @override
    def _read(self, section: bytes) -> PartHeader | Refusal:
        return read_mime_header(section, self._limits)

    @override
    def _part(self, header: PartHeader, *, undone_length: int) -> Part:
        return MimePart(
            lines=header.lines, length=self._length, undone_length=undone_length
        )
