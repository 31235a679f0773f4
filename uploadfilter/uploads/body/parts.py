r"""Read the header section of one part, of a form or of another kind of multipart.

Google's clients send an object behind its description (``multipart/related``), and SOAP
sends attachments (XOP, "SOAP with Attachments"). Origins disagree about where such
parts begin and end as they do about forms, and some read them as forms. So there is one
reader: only a form needs a name in each part, and only other parts have a reference
(Content-ID, Content-Location).

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
- A part of a form that is itself ``multipart/*`` (curl's ``-F 'f=@a,b'``) or
  ``message/*`` is one content: no origin that was tried returns its inner parts. The
  scanner gets its declared type; the origin gets plain bytes, so that no origin begins
  to parse it. In other bodies an origin would need them, and they are refused.
- A file name that ends in a backslash, as browsers write it (``"a\"``), loses it: for
  half of all readers the quote behind it is a part of the name.
- The charset of bytes that are no text (``binary``, from libmagic) is left out: aiohttp
  would decode a field by it, and fail.
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
from uploadfilter.uploads.body.canonical import is_disposition, is_reference
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
    {
        *("content-disposition", "content-type", "content-transfer-encoding"),
        *("content-id", "content-location", "content-encoding"),
    }
)
_NO_CHARSETS: Final = frozenset({"binary", "unknown-8bit"})
"""What libmagic says of bytes that are no text, or of no charset that it knows."""

_BACKSLASH_AT_END = re.compile(
    r'(;[ \t]*filename="[^"]*[^"\\\udc80-\udcff])\\"\Z', re.IGNORECASE
)
"""A file name, the last parameter, whose last character is a backslash that is not a
half of a character in another charset."""
_REFERENCES: Final = ("content-id", "content-location")
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
        disposition: As ``canonical.BodyPart`` says; the next three as well.
        names: Parameters of the Content-Disposition for the origin.
        content_id: How other parts name this one.
        content_location: Likewise.
        name: Field name, without escapes; the id of a part without a name.
        is_file: Whether it is not a plain field: it has a file name, even an empty one,
            or is no part of a form.
        content_type: The type that the origin will get; ``None`` if the client sent
            none.
        declared_type: Media type that the client claims, without parameters; that of
            the file's name if the bytes alone do not show the format.
        coding: The content transfer encoding; ``None`` if there is none.
    """

    disposition: str | None
    names: tuple[tuple[str, str], ...]
    name: str
    is_file: bool
    content_type: str | None
    declared_type: str | None
    coding: str | None
    content_id: str | None
    content_location: str | None

    @property
    def has_file_name(self) -> bool:
        """Whether there is a file name, even an empty one."""
        return not {name for name, _ in self.names} <= {"name"}

    @property
    def is_field(self) -> bool:
        """Whether it only says something: a field, or what describes the file."""
        if self.is_file:
            return self.disposition is None and fields.is_of_fields(self.declared_type)
        # formidable finds a file name in the name, too.
        return "filename=" not in self.name.lower()

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


def read_part_header(
    section: bytes, limits: UploadLimits, *, is_form: bool = True
) -> PartHeader | Refusal:
    """Read a header section.

    Args:
        section: The header lines, each with its CRLF, without the empty line.
        limits: Limits on the number of lines and the length of a name.
        is_form: Whether the part is in a form.

    Returns:
        The header, or the reason for refusing the body.
    """
    lines = section.decode("utf-8", "surrogateescape").split("\r\n")[:-1]
    if len(lines) > limits.max_part_headers:
        return over_limit("A part has too many headers.")
    headers = _headers_in(lines)
    if isinstance(headers, Refusal):
        return headers
    refusal = None if is_form else _refusal_outside_of_forms(headers)
    return refusal or _part_header(headers, limits, is_form=is_form)


def _refusal_outside_of_forms(headers: dict[str, str]) -> Refusal | None:
    """Refuse what readers of forms do not look at, and other readers do."""
    if headers.get("content-encoding", "").lower() not in {"", "identity"}:
        return Refusal(
            status=415,
            reason=Reason.UNSUPPORTED_CODING,
            detail="A part must be sent without a content coding.",
        )
    folded = headers.get("content-type", "").lower()
    if folded.startswith("message/") or "multipart" in folded or "boundary" in folded:
        return malformed("A part holds parts of its own.")
    if not all(is_reference(headers.get(name)) for name in _REFERENCES):
        return malformed("A part's Content-ID or Content-Location is malformed.")
    return None


def _headers_in(lines: list[str]) -> dict[str, str] | Refusal:
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


def _part_header(
    headers: dict[str, str], limits: UploadLimits, *, is_form: bool
) -> PartHeader | Refusal:
    disposition = _disposition(headers.get("content-disposition"), is_form=is_form)
    if isinstance(disposition, Refusal):
        return disposition
    kind, parameters = disposition
    plain = _plain_names(parameters, limits)
    if isinstance(plain, Refusal):
        return plain
    types = _types_of(headers.get("content-type"))
    if isinstance(types, Refusal):
        return types
    claims = _claims(types[1], plain)
    if len(claims) > 1:
        return malformed("A part has two file names for different formats.")
    coding = headers.get("content-transfer-encoding")
    references = {} if is_form else headers
    content_id = references.get("content-id")
    is_field = kind == canonical.FORM_DATA and plain.keys() == {"name"}
    header = PartHeader(
        disposition=kind,
        names=tuple((each.name, each.written) for each in parameters),
        name=plain.get("name", (content_id or "").strip("<>")),
        is_file=not is_field,
        content_type=types[0],
        declared_type=claims.pop() if claims else types[1],
        coding=None if coding is None else coding.lower(),
        content_id=content_id,
        content_location=references.get("content-location"),
    )
    return (
        header
        if _is_known_coding(header)
        else malformed("A part has a content transfer encoding.")
    )


def _is_known_coding(header: PartHeader) -> bool:
    if header.coding == BASE64:
        return header.is_file
    return header.coding is None or header.coding in canonical.CODINGS


def _disposition(
    value: str | None, *, is_form: bool
) -> tuple[str | None, list[fields.Parameter]] | Refusal:
    """Return its kind, and the parameters that the origin gets, in their order."""
    if value is None and not is_form:
        return None, []
    value = _BACKSLASH_AT_END.sub(r'\1"', value or "")
    kind, semicolon, rest = value.partition(";")
    kind = kind.strip(" \t").lower()
    parameters = fields.read_parameters(semicolon + rest)
    is_known = kind == canonical.FORM_DATA if is_form else is_disposition(kind)
    if parameters is None or not is_known:
        return malformed("A part's Content-Disposition is missing or malformed.")
    kept = [each for each in parameters if each.name in canonical.PARAMETERS]
    dropped = [each for each in parameters if each not in kept]
    if any("*" in each.name or not each.value.isascii() for each in dropped):
        return malformed("A part's Content-Disposition is continued or not in ASCII.")
    if kind == canonical.FORM_DATA and all(each.name != "name" for each in kept):
        return malformed("A part has no name.")
    return kind, kept


def _plain_names(
    parameters: list[fields.Parameter], limits: UploadLimits
) -> dict[str, str] | Refusal:
    """Return names without escapes, by parameter."""
    plain: dict[str, str] = {}
    for each in parameters:
        is_extended = each.name == EXTENDED_NAME
        text = _extended(each.value) if is_extended else plain_text(each.value)
        if text is None:
            return malformed("A part's filename* is malformed.")
        if len(text.encode("utf-8", "surrogateescape")) > limits.max_name_bytes:
            return over_limit("A part's name or file name is too long.")
        plain[each.name] = text
    return plain


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


def _types_of(value: str | None) -> tuple[str | None, str | None] | Refusal:
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
    charset = media_type.parameters.get("charset", "utf-8").lower()
    is_text = charset not in _NO_CHARSETS
    if is_text and not fields.is_plain_charset(charset):
        return malformed("A part has a charset that does not contain ASCII.")
    if not is_text or _is_odd(value.lower(), media_type.parameters):
        value = value.partition(";")[0].rstrip(" \t")
    return value, media_type.value


def _is_odd(value: str, parameters: Mapping[str, str]) -> bool:
    """Tell whether a reader may find parameters in a type that are not its own.

    aiohttp cuts at each semicolon, in quotes as well; Werkzeug takes ``charset*``.
    """
    charsets = value.count("charset") - ("charset" in parameters)
    return charsets > 0 or "*" in value or "multipart" in value or "boundary" in value
