r"""Encode a form anew, so that every origin reads exactly the inspected parts.

Forwarding the original bytes of a form is unsafe, however well they were parsed: six
readers disagree about 71 of 112 odd forms (docs/decisions/0003). So the forwarded form
is built from the parsed parts: a boundary that the client cannot know; for each part at
most one Content-Disposition, one Content-Type and one Content-Transfer-Encoding; the
original order, with repetitions; and nothing before, between or after the parts. Parts
that are no form (``multipart/related`` and ``mixed``) also have a Content-ID and a
Content-Location, by which they name each other. No other header goes on in any kind of
multipart: aiohttp's reader takes a part's Content-Length for its end, and the length of
a boundary is no secret.

The *values* in a part's header are written as the client wrote them, after they were
read by strict rules: quotes, escapes, bytes that are not UTF-8, ``filename*``. Readers
differ in what they make of ``\"`` or ``%22``, and each makes of it what it always did
(docs/decisions/0003). No such value can change where a part ends.

The caller makes the boundary, because this floor has no randomness: 24 random bytes in
hexadecimal. The client does not know these 192 bits, so the probability that a content
contains them is negligible, and contents are not searched for the boundary.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from uploadfilter.uploads.head import fields

_BOUNDARY = re.compile(rb"[0-9A-Za-z]{16,70}")
"""Letters and digits only, which need no quotes; RFC 2046 allows at most 70."""

FORM_DATA: Final = "form-data"
"""The disposition of a part of a form (RFC 7578, section 4.2)."""

PARAMETERS = frozenset({"name", "filename", "filename*"})
"""The parameters of a Content-Disposition that the origin gets."""

CODINGS = frozenset({"7bit", "8bit", "binary", "quoted-printable", "base64"})
"""The content transfer encodings that the origin gets."""

_TEXT = r"[^\x00-\x08\x0a-\x1f\x7f]*"
_CONTENT_TYPE = re.compile(rf"[!#$%&'*+.^_`|~0-9A-Za-z-]+/{_TEXT}")
_DISPOSITION = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_REFERENCE = re.compile(r"[!-~]+")
_CHARSET = re.compile(r"[0-9a-z_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPart:
    r"""One part of a body, without its data.

    Header values are text in UTF-8; other bytes are lone surrogates (Python's error
    handler ``surrogateescape``), and are written as they were.

    Attributes:
        disposition: Its kind of Content-Disposition, in lower case; ``None`` if a part
            that is in no form has none.
        names: The parameters of the Content-Disposition in their order: name in lower
            case, value as it is written, with its quotes. In a form ``name`` is one of
            them; a plain field has neither ``filename`` nor ``filename*``.
        content_type: Value of Content-Type; ``None`` if the client sent none.
        coding: Content transfer encoding, in lower case; ``None`` if the client named
            none.
        content_id: Value of Content-ID, by which parts that are no form name each
            other; ``None`` if there is none.
        content_location: Value of Content-Location, likewise.
        length: Bytes of the part's data.
        undone_length: Bytes of the data without their transfer encoding, which were
            inspected as well and are not sent; they follow the data where both are
            held.
    """

    disposition: str | None = FORM_DATA
    names: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    coding: str | None = None
    content_id: str | None = None
    content_location: str | None = None
    length: int
    undone_length: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot be written in one unambiguous way."""
        found = fields.read_parameters(_parameters(self.names))
        as_read = tuple((each.name, each.written) for each in found or ())
        names = dict(self.names)
        is_unnamed = self.disposition == FORM_DATA and "name" not in names
        if as_read != self.names or is_unnamed:
            raise ValueError("the names of a part would be read otherwise")
        if not names.keys() <= PARAMETERS:
            raise ValueError("a part has a parameter of another name")
        if any(fields.has_control(value) for _, value in self.names):
            raise ValueError("a name of a part holds a control character")
        if self.content_type and not _CONTENT_TYPE.fullmatch(self.content_type):
            raise ValueError("the content type of a part is no type")
        if self.coding is not None and self.coding not in CODINGS:
            raise ValueError("the coding of a part is not one of those known")
        if not all(map(is_reference, (self.content_id, self.content_location))):
            raise ValueError("a reference of a part is not printable ASCII")
        if self.disposition is None and self.names:
            raise ValueError("a part has names and no disposition")
        if self.disposition is not None and not is_disposition(self.disposition):
            raise ValueError("the disposition of a part is no word")
        if min(self.length, self.undone_length) < 0:
            raise ValueError("the length of a part is negative")

    @property
    def section(self) -> bytes:
        """The header section, with the empty line that ends it."""
        names = f"{self.disposition}{_parameters(self.names)}"
        values = {
            "Content-Disposition": None if self.disposition is None else names,
            "Content-Type": self.content_type,
            "Content-Transfer-Encoding": self.coding,
            "Content-ID": self.content_id,
            "Content-Location": self.content_location,
        }
        lines = [f"{name}: {it}\r\n" for name, it in values.items() if it is not None]
        return f"{''.join(lines)}\r\n".encode("utf-8", "surrogateescape")


def is_disposition(word: str) -> bool:
    """Tell whether a word is a kind of disposition, in lower case."""
    return _DISPOSITION.fullmatch(word) is not None


def is_reference(value: str | None) -> bool:
    """Tell whether a value may name a part: printable ASCII, without blanks."""
    return value is None or _REFERENCE.fullmatch(value) is not None


def encode_form(
    parts: Sequence[BodyPart], *, boundary: bytes
) -> tuple[bytes | int, ...]:
    """Build the pieces of a form in the order in which they are sent.

    Args:
        parts: Parts in their original order.
        boundary: 16 to 70 letters and digits that the client could not predict.

    Returns:
        Literal bytes, and between them the index of the part whose data goes there.

    Raises:
        ValueError: ``boundary`` has another form.
    """
    _check_boundary(boundary)
    pieces: list[bytes | int] = []
    before = b"--" + boundary + b"\r\n"
    for index, part in enumerate(parts):
        pieces += [before + part.section, index]
        before = b"\r\n--" + boundary + b"\r\n"
    pieces.append(before[:-2] + b"--\r\n")
    return tuple(pieces)


def content_length(parts: Sequence[BodyPart], *, boundary: bytes) -> int:
    """Count the bytes of the form that ``encode_form`` builds, data included."""
    return sum(
        len(piece) if isinstance(piece, bytes) else parts[piece].length
        for piece in encode_form(parts, boundary=boundary)
    )


def form_content_type(boundary: bytes, charset: str | None = None) -> str:
    """Return the value of the Content-Type header for ``boundary``.

    Args:
        boundary: As for ``encode_form``.
        charset: The charset that the client named, in lower case: some origins read
            names and fields in it. ``None`` if the client named none.

    Raises:
        ValueError: ``boundary`` or ``charset`` has another form.
    """
    _check_boundary(boundary)
    if charset is not None and not _CHARSET.fullmatch(charset):
        raise ValueError("a charset needs small letters, digits and hyphens")
    told = "" if charset is None else f"charset={charset}; "
    return f"multipart/form-data; {told}boundary={boundary.decode('ascii')}"


def mime_content_type(boundary: bytes, value: str) -> str:
    """Return the value of the Content-Type header of parts that are no form.

    Args:
        boundary: As for ``encode_form``.
        value: The type and its other parameters, as the client wrote them.

    Raises:
        ValueError: ``boundary`` has another form, or ``value`` holds one.
    """
    _check_boundary(boundary)
    if fields.has_control(value) or "boundary" in value.lower():
        raise ValueError("a type has a control character or another boundary")
    return f"{value}; boundary={boundary.decode('ascii')}"


def _check_boundary(boundary: bytes) -> None:
    """Raise ``ValueError`` for a boundary that some reader would misread."""
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError("a boundary needs 16 to 70 letters and digits")


def _parameters(names: Sequence[tuple[str, str]]) -> str:
    return "".join(f"; {name}={written}" for name, written in names)
