"""Encode a form anew, so that every origin reads exactly the inspected parts.

Forwarding the original bytes of a form is unsafe, however well they were parsed: six
readers disagree about 71 of 112 odd forms (docs/decisions/0003). So the forwarded form
is built from the parsed parts: a boundary that the client cannot know; for each part
one Content-Disposition and at most one Content-Type; the original order, with
repetitions; and nothing before, between or after the parts.

The caller makes the boundary, because this floor has no randomness: 24 random bytes in
hexadecimal. The client does not know these 192 bits, so the probability that a content
contains them is negligible, and contents are not searched for the boundary.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from uploadfilter.uploads.head.fields import has_control

_BOUNDARY = re.compile(rb"[0-9A-Za-z]{16,70}")
"""Letters and digits only, which need no quotes; RFC 2046 allows at most 70."""

_CONTENT_TYPE = re.compile(
    r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+(; charset=[0-9A-Za-z-]+)?"
)
# Browsers escape exactly these: WHATWG HTML, "multipart/form-data encoding algorithm".
# A per cent sign is not escaped.
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    r"""One part of a form, without its data.

    Attributes:
        name: Field name; may be empty, and may hold ``"``, CR and LF, but no other
            control character and no ``\``, which half of all readers treat as an
            escape.
        filename: File name by the same rules; ``None`` for a plain field, which is not
            the same as an empty file name (no file was chosen).
        content_type: Media type in lower case, with a charset at most; ``None`` if the
            client sent no valid one.
        length: Bytes of the part's data.
    """

    name: str
    filename: str | None
    content_type: str | None
    length: int

    def __post_init__(self) -> None:
        """Refuse values that cannot be written in one unambiguous way."""
        for text in (self.name, self.filename or ""):
            if "\\" in text or has_control(text.translate(_ESCAPES)):
                raise ValueError("a name of a form part holds an unsafe character")
        if self.content_type and not _CONTENT_TYPE.fullmatch(self.content_type):
            raise ValueError("the content type of a form part is not canonical")
        if self.length < 0:
            raise ValueError("the length of a form part is negative")


def encode_form(
    parts: Sequence[FormPart], *, boundary: bytes
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
        pieces += [before + _part_header(part), index]
        before = b"\r\n--" + boundary + b"\r\n"
    pieces.append(before[:-2] + b"--\r\n")
    return tuple(pieces)


def content_length(parts: Sequence[FormPart], *, boundary: bytes) -> int:
    """Count the bytes of the form that ``encode_form`` builds, data included."""
    return sum(
        len(piece) if isinstance(piece, bytes) else parts[piece].length
        for piece in encode_form(parts, boundary=boundary)
    )


def form_content_type(boundary: bytes) -> str:
    """Return the value of the Content-Type header for ``boundary``."""
    _check_boundary(boundary)
    return f"multipart/form-data; boundary={boundary.decode('ascii')}"


def _check_boundary(boundary: bytes) -> None:
    """Raise ``ValueError`` for a boundary that some reader would misread."""
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError("a boundary needs 16 to 70 letters and digits")


def _part_header(part: FormPart) -> bytes:
    """Return the header section of one part with the empty line that ends it."""
    lines = [f'Content-Disposition: form-data; name="{part.name.translate(_ESCAPES)}"']
    if part.filename is not None:
        lines[0] += f'; filename="{part.filename.translate(_ESCAPES)}"'
    if part.content_type is not None:
        lines.append(f"Content-Type: {part.content_type}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8")
