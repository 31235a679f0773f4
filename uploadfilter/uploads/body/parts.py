r"""Read the header section of one part of a form.

Values that are understood are kept as they are written (a name, perhaps a file name,
perhaps a type). Headers and parameters without information about the data are dropped,
and those that two readers could understand differently are refused. These choices are
not obvious:

- What a header *says* is kept byte for byte: ``\"`` (curl before 7.81, httpx), ``%22``
  (browsers), the path before a file name (old Internet Explorer), bytes in Latin-1 or
  Shift JIS (old pages), ``filename*`` (.NET). Origins read them differently, but each
  reads after us what it read before.
- For decisions of our own (is this a piece of a file?) a name is read in one way, in
  which letters that any reader may see are seen.
- A part that is itself ``multipart/*`` (curl's ``-F 'f=@a,b'``) or ``message/*`` is one
  content: no origin that was tried returns its inner parts. The scanner gets its
  declared type; the origin gets plain bytes, so that no origin begins to parse it.
- A Content-Type that is no type becomes ``application/octet-stream``: formidable takes
  a part with no type for text, and damages a file.
- Half of all origins undo a Content-Transfer-Encoding, and half do not. So a part is
  inspected as it is and as it is meant: by a scanner if it is a file, and here if it is
  a field in ``quoted-printable``, in which Delphi's Indy sends all fields. A field in
  base64 is refused, since it could say that the file is only a piece.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from uploadfilter.model import Reason
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits

OPAQUE_TYPE: Final = "application/octet-stream"
"""The type that the origin gets for a part that contains parts of its own, and for one
whose type is no type."""

QUOTED_PRINTABLE: Final = "quoted-printable"
"""The coding of a text in which ``=`` and two digits stand for a byte (RFC 2045)."""

BASE64: Final = "base64"

EXTENDED_NAME: Final = "filename*"

_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)", re.DOTALL)
"""A header line; the name is a token, with nothing before it."""

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NESTING = ("multipart/", "message/")
_UNIQUE: Final = frozenset(
    {"content-disposition", "content-type", "content-transfer-encoding"}
)
_EXTENDED = re.compile(
    r"(utf-8|iso-8859-1)'[A-Za-z0-9-]*'((?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)",
    re.IGNORECASE,
)
"""A value of RFC 8187, or of RFC 5987 before it; .NET omits the language."""

_ANY_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHeader:
    """The header of a part.

    Attributes:
        names: Parameters of the Content-Disposition for the origin, as
            ``canonical.FormPart`` says.
        name: Field name, without escapes.
        is_file: Whether there is a file name, even an empty one.
        content_type: The type that the origin will get; ``None`` if the client sent
            none.
        declared_type: Media type that the client claims, without parameters; that of
            the file's name if the bytes alone do not show the format.
        coding: The content transfer encoding; ``None`` if there is none.
        lines: For a part that is in no form, its header lines.
    """

    names: tuple[tuple[str, str], ...]
    name: str
    is_file: bool
    content_type: str | None
    declared_type: str | None
    coding: str | None
    lines: tuple[str, ...] = ()

    @property
    def scanned_coding(self) -> str | None:
        """The encoding that a scanner has to undo; ``None`` if there is none."""
        is_undone = self.is_file and self.coding in {BASE64, QUOTED_PRINTABLE}
        return self.coding if is_undone else None


def malformed(detail: str) -> Refusal:
    """Refuse a form that cannot be read in exactly one way."""
    return Refusal(status=400, reason=Reason.MALFORMED_FORM, detail=detail)


def over_limit(detail: str) -> Refusal:
    """Refuse a form that is over a limit of its framing."""
    return Refusal(status=413, reason=Reason.MALFORMED_FORM, detail=detail)


def has_bare_line_feed(section: bytes) -> bool:
    """Tell whether a line ends in LF alone, on which readers disagree."""
    return _BARE_LF.search(section) is not None


def read_part_header(section: bytes, limits: UploadLimits) -> PartHeader | Refusal:
    """Read a header section.

    Args:
        section: The header lines, each with its CRLF, without the empty line.
        limits: Limits on the number of lines and the length of a name.

    Returns:
        The header, or the reason for refusing the form.
    """
    lines = section.decode("utf-8", "surrogateescape").split("\r\n")[:-1]
    if len(lines) > limits.max_part_headers:
        return over_limit("A part has too many headers.")
    headers = headers_in(lines)
    if isinstance(headers, Refusal):
        return headers
    header = _part_header(headers, limits)
    if isinstance(header, PartHeader) and not _is_known_coding(header):
        return malformed("A part has a content transfer encoding.")
    return header


def headers_in(lines: list[str]) -> dict[str, str] | Refusal:
    """Return values by lower-case name; of ignored headers, the last value."""
    found: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            return malformed("A part's header line is malformed.")
        name, value = match[1].lower(), match[2].rstrip(" \t")
        if fields.has_control(value):
            return malformed("A part's header contains a control character.")
        if name in _UNIQUE and name in found:
            return malformed("A part's header is repeated.")
        found[name] = value
    return found


def _part_header(headers: dict[str, str], limits: UploadLimits) -> PartHeader | Refusal:
    parameters = _disposition(headers.get("content-disposition"))
    if isinstance(parameters, Refusal):
        return parameters
    plain: dict[str, str] = {}
    for each in parameters:
        is_extended = each.name == EXTENDED_NAME
        text = _extended(each.value) if is_extended else plain_text(each.value)
        if text is None:
            return malformed("A part's filename* is malformed.")
        if len(text.encode("utf-8", "surrogateescape")) > limits.max_name_bytes:
            return over_limit("A part's name or file name is too long.")
        plain[each.name] = text
    types = types_of(headers.get("content-type"))
    if isinstance(types, Refusal):
        return types
    claims = _claims(types[1], plain)
    if len(claims) > 1:
        return malformed("A part has two file names for different formats.")
    coding = headers.get("content-transfer-encoding")
    return PartHeader(
        names=tuple((each.name, each.written) for each in parameters),
        name=plain["name"],
        is_file=len(plain) > 1,
        content_type=types[0],
        declared_type=claims.pop() if claims else types[1],
        coding=None if coding is None else coding.lower(),
    )


def _is_known_coding(header: PartHeader) -> bool:
    if header.coding == BASE64:
        return header.is_file
    return header.coding is None or header.coding in canonical.CODINGS


def _disposition(value: str | None) -> list[fields.Parameter] | Refusal:
    """Return the parameters that the origin gets, in their order."""
    kind, semicolon, rest = (value or "").partition(";")
    parameters = fields.read_parameters(semicolon + rest)
    if kind.strip(" \t").lower() != "form-data" or parameters is None:
        return malformed("A part's Content-Disposition is missing or malformed.")
    kept = [each for each in parameters if each.name in canonical.PARAMETERS]
    dropped = [each for each in parameters if each not in kept]
    if any("*" in each.name or not each.value.isascii() for each in dropped):
        return malformed("A part's Content-Disposition is continued or not in ASCII.")
    if not any(each.name == "name" for each in kept):
        return malformed("A part has no name.")
    return kept


def plain_text(value: str) -> str:
    """Undo the escapes of browsers and of old clients in a name."""
    value = _ANY_ESCAPE.sub(r"\1", value)
    return value.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _extended(value: str) -> str | None:
    """Decode a value of RFC 8187; ``None`` if it is not one, or holds a control."""
    match = _EXTENDED.fullmatch(value)
    if match is None:
        return None
    try:
        text = unquote_to_bytes(match[2]).decode(match[1])
    except UnicodeDecodeError:
        return None
    return None if fields.has_control(text) else text


def _claims(media_type: str | None, plain: dict[str, str]) -> set[str | None]:
    """Return the types that file names claim against the declared type."""
    names = (plain.get(name) for name in ("filename", EXTENDED_NAME))
    return {codings.claimed_type(media_type, name) for name in names} - {media_type}


def types_of(value: str | None) -> tuple[str | None, str | None] | Refusal:
    """Return the type for the origin and the type that the client claims."""
    if not value:
        return None, None
    media_type = fields.parse_media_type(value)
    if media_type is None:
        bare = value.partition(";")[0].rstrip(" \t")
        if not _BARE_TYPE.fullmatch(bare):
            return OPAQUE_TYPE, None
        value, media_type = bare, fields.Parametrised(value=bare.lower(), parameters={})
    if media_type.value.startswith(_NESTING):
        return OPAQUE_TYPE, media_type.value
    charset = media_type.parameters.get("charset", "utf-8")
    if not fields.is_plain_charset(charset):
        return malformed("A part has a charset that does not contain ASCII.")
    if _is_odd(value.lower(), media_type.parameters):
        value = value.partition(";")[0].rstrip(" \t")
    return value, media_type.value


def _is_odd(value: str, parameters: Mapping[str, str]) -> bool:
    """Tell whether a reader may find parameters in a type that are not its own.

    aiohttp cuts at each semicolon, in quotes as well; Werkzeug takes ``charset*``.
    """
    charsets = value.count("charset") - ("charset" in parameters)
    return charsets > 0 or "*" in value or "multipart" in value or "boundary" in value
