r"""Encode a form anew, so that every origin reads exactly the inspected parts.

Forwarding the original bytes of a form is unsafe, however well they were parsed: six
readers disagree about 71 of 112 odd forms (docs/decisions/0003). So the forwarded form
is built from the parsed parts: a boundary that the client cannot know; for each part
one Content-Disposition, at most one Content-Type and one Content-Transfer-Encoding; the
original order, with repetitions; and nothing before, between or after the parts.

The *values* in a part's header are written as the client wrote them, after they were
read by strict rules: quotes, escapes, bytes that are not UTF-8, ``filename*``. Readers
differ in what they make of ``\"`` or ``%22``, and each makes of it what it always did
(docs/decisions/0095). No such value can change where a part ends.

The caller makes the boundary, because this floor has no randomness: 24 random bytes in
hexadecimal. The client does not know these 192 bits, so the probability that a content
contains them is negligible, and contents are not searched for the boundary.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from uploadfilter.uploads.head import fields

_BOUNDARY = re.compile(rb"[0-9A-Za-z]{16,70}")
"""Letters and digits only, which need no quotes; RFC 2046 allows at most 70."""

PARAMETERS = frozenset({"name", "filename", "filename*"})
"""The parameters of a Content-Disposition that the origin gets."""

CODINGS = frozenset({"7bit", "8bit", "binary", "quoted-printable", "base64"})
"""The content transfer encodings that the origin gets."""

_TEXT = r"[^\x00-\x08\x0a-\x1f\x7f]*"
_CONTENT_TYPE = re.compile(rf"[!#$%&'*+.^_`|~0-9A-Za-z-]+/{_TEXT}")
_CHARSET = re.compile(r"[0-9a-z_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    r"""One part of a form, without its data.

    Header values are text in UTF-8; other bytes are lone surrogates (Python's error
    handler ``surrogateescape``), and are written as they were.

    Attributes:
        names: The parameters of the Content-Disposition in their order: name in lower
            case, value as it is written, with its quotes. ``name`` is one of them; a
            plain field has neither ``filename`` nor ``filename*``.
        content_type: Value of Content-Type; ``None`` if the client sent none.
        coding: Content transfer encoding, in lower case; ``None`` if the client named
            none.
        length: Bytes of the part's data.
        undone_length: Bytes of the data without their transfer encoding, which were
            inspected as well and are not sent; they follow the data where both are
            held.
    """

    names: tuple[tuple[str, str], ...]
    content_type: str | None = None
    coding: str | None = None
    length: int
    undone_length: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot be written in one unambiguous way."""
        found = fields.read_parameters(_parameters(self.names))
        as_read = tuple((each.name, each.written) for each in found or ())
        if as_read != self.names or "name" not in dict(self.names):
            raise ValueError("the names of a form part would be read otherwise")
        if not dict(self.names).keys() <= PARAMETERS:
            raise ValueError("a form part has a parameter of another name")
        if any(fields.has_control(value) for _, value in self.names):
            raise ValueError("a name of a form part holds a control character")
        if self.content_type and not _CONTENT_TYPE.fullmatch(self.content_type):
            raise ValueError("the content type of a form part is no type")
        if self.coding is not None and self.coding not in CODINGS:
            raise ValueError("the coding of a form part is not one of those known")
        if min(self.length, self.undone_length) < 0:
            raise ValueError("the length of a form part is negative")

    @property
    def section(self) -> bytes:
        """The header section, with the empty line that ends it."""
        return _part_header(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MimePart:
    """One part of a body of several parts that is no form, without its data.

    Attributes:
        lines: Header lines as the client wrote them, without their ends.
        length: As in ``FormPart``.
        undone_length: As in ``FormPart``; 0.
    """

    lines: tuple[str, ...]
    length: int
    undone_length: int = 0

    def __post_init__(self) -> None:
        """Refuse lines that could end the section, or the line."""
        if any(fields.has_control(line) or not line for line in self.lines):
            raise ValueError("a header line of a part holds a control character")
        if min(self.length, self.undone_length) < 0:
            raise ValueError("the length of a part is negative")

    @property
    def section(self) -> bytes:
        """The header section, with the empty line that ends it."""
        text = "".join(f"{line}\r\n" for line in self.lines)
        return f"{text}\r\n".encode("utf-8", "surrogateescape")


Part: TypeAlias = FormPart | MimePart


def encode_form(parts: Sequence[Part], *, boundary: bytes) -> tuple[bytes | int, ...]:
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


def content_length(parts: Sequence[Part], *, boundary: bytes) -> int:
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


def _part_header(part: FormPart) -> bytes:
    """Return the header section of one part with the empty line that ends it."""
    lines = [f"Content-Disposition: form-data{_parameters(part.names)}"]
    if part.content_type is not None:
        lines.append(f"Content-Type: {part.content_type}")
    if part.coding is not None:
        lines.append(f"Content-Transfer-Encoding: {part.coding}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
