r"""Read the header section of one part of a form.

Values that are understood are kept (a name, perhaps a file name, perhaps a type).
Headers without information about the data are dropped, and headers that two readers
could understand differently are refused. These choices are not obvious:

- ``filename*`` is read, because .NET's HttpClient sends it beside ``filename`` by
  default, and it takes precedence (RFC 6266, section 4.3). The origin gets one plain
  name.
- ``\"`` and ``\\`` are escapes: curl before 7.81 and httpx send them. If a file name
  contains other backslashes, only the text after the last one is kept, as in PHP and
  Django; in a field name they are refused.
- A part that is itself ``multipart/*`` (curl's ``-F 'f=@a,b'``) or ``message/*`` is one
  content: no origin that was tried returns its inner parts. The scanner gets its
  declared type; the origin gets plain bytes, so that no origin begins to parse it.
- A malformed Content-Type is dropped. Content-Transfer-Encoding is refused unless it
  changes nothing, because half of all origins decode base64 and half do not.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from uploadfilter.model import Reason
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.limits import UploadLimits

OPAQUE_TYPE: Final = "application/octet-stream"
"""The type that the origin gets for a part that contains parts of its own."""

_LINE = re.compile(r"([!#$%&'*+.^`|~0-9A-Za-z-]+):[ \t]*(.*)", re.DOTALL)
"""A header line; the name is a token without underscores, with nothing before it."""

_BARE_LF = re.compile(rb"(?<!\r)\n")
_NESTING = ("multipart/", "message/")
_HARMLESS_CODINGS: Final = frozenset({"7bit", "8bit", "binary"})
_UNIQUE: Final = frozenset(
    {"content-disposition", "content-type", "content-transfer-encoding"}
)
_DISPOSITION_PARAMETERS: Final = frozenset({"name", "filename", "filename*"})
_EXTENDED = re.compile(
    r"utf-8'[A-Za-z0-9-]*'((?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)", re.IGNORECASE
)
"""A value of RFC 8187, in UTF-8; .NET omits the language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHeader:
    """The header of a part.

    Attributes:
        name: Field name.
        filename: File name; ``None`` for a plain field.
        content_type: The type that the origin will get; ``None`` if there is no valid
            one.
        declared_type: Media type that the client claims, without parameters; that of
            the file's name if the bytes alone do not show the format.
    """

    name: str
    filename: str | None
    content_type: str | None
    declared_type: str | None


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
    try:
        text = section.decode("utf-8")
    except UnicodeDecodeError:
        return malformed("A part's header is not in UTF-8.")
    lines = text.split("\r\n")[:-1]
    if len(lines) > limits.max_part_headers:
        return over_limit("A part has too many headers.")
    headers = _headers(lines)
    if isinstance(headers, Refusal):
        return headers
    coding = headers.get("content-transfer-encoding", "binary")
    if coding.lower() not in _HARMLESS_CODINGS:
        return malformed("A part has a content transfer encoding.")
    return _part_header(headers, limits)


def _headers(lines: list[str]) -> dict[str, str] | Refusal:
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
    names = _names(headers.get("content-disposition"))
    if isinstance(names, Refusal):
        return names
    name, filename = names
    for text in (name, filename or ""):
        if len(text.encode("utf-8")) > limits.max_name_bytes:
            return over_limit("A part's name or file name is too long.")
    types = _types(headers.get("content-type"))
    if isinstance(types, Refusal):
        return types
    return PartHeader(
        name=name,
        filename=filename,
        content_type=types[0],
        declared_type=codings.claimed_type(types[1], filename),
    )


def _names(disposition: str | None) -> tuple[str, str | None] | Refusal:
    """Return the field name and the file name."""
    kind, semicolon, rest = (disposition or "").partition(";")
    parameters = fields.parse_parameters(semicolon + rest)
    if kind.strip(" \t").lower() != "form-data" or parameters is None:
        return malformed("A part's Content-Disposition is missing or malformed.")
    if not parameters.keys() <= _DISPOSITION_PARAMETERS:
        return malformed("A part's Content-Disposition has an unknown parameter.")
    if "name" not in parameters:
        return malformed("A part has no name.")
    name = _decoded(parameters["name"])
    filename = _filename(parameters)
    if isinstance(filename, Refusal):
        return filename
    if "\\" in name:
        return malformed("A part's name contains a backslash.")
    return name, filename


def _filename(parameters: dict[str, str]) -> str | Refusal | None:
    """Return the last component of the file name, which may be empty."""
    filename = parameters.get("filename")
    if filename is not None:
        filename = _decoded(filename)
    if "filename*" in parameters:
        filename = _extended(parameters["filename*"])
        if filename is None:
            return malformed("A part's filename* is malformed.")
    return filename if filename is None else filename.rpartition("\\")[2]


def _decoded(value: str) -> str:
    """Undo the escapes of browsers and of old clients in a name."""
    value = fields.unescape(value)
    return value.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _extended(value: str) -> str | None:
    """Decode a value of RFC 8187; ``None`` if it is not one, or holds a control."""
    match = _EXTENDED.fullmatch(value)
    if match is None:
        return None
    try:
        text = unquote_to_bytes(match[1]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if fields.has_control(text) else text


def _types(value: str | None) -> tuple[str | None, str | None] | Refusal:
    """Return the type for the origin and the type that the client claims."""
    media_type = fields.parse_media_type(value or "")
    if media_type is None:
        return None, None
    if media_type.value.startswith(_NESTING):
        return OPAQUE_TYPE, media_type.value
    charset = media_type.parameters.get("charset")
    if charset is None:
        return media_type.value, media_type.value
    if not fields.is_plain_charset(charset):
        return malformed("A part has a charset that does not contain ASCII.")
    return f"{media_type.value}; charset={charset.lower()}", media_type.value
