"""Parse the forms of a browser: fields, and small files held in memory.

Rules this module keeps: it is pure; nothing is written to a disk (a form may hold a
key); too many or malformed fields are an error, never half a form.
"""

from typing import Final
from urllib.parse import parse_qsl

from multipart import MultipartError, PushMultipartParser, parse_options_header

from uploadfilter.errors import UsageError

MOST_BYTES: Final = 256 << 10
"""Most bytes of a form: two keys of one kB each, and ids of a few thousand entries."""

_MOST_FIELDS: Final = 32
_URLENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"

Fields = dict[str, bytes]
"""The content of each field, by its name; of two with the same name, the last."""


def fields(media_type: str, body: bytes) -> Fields:
    """Return the fields of a form."""
    kind, options = parse_options_header(media_type)
    try:
        if kind == _URLENCODED:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(body),
                max_num_fields=_MOST_FIELDS,
                errors="surrogateescape",
            )
            return {k: v.encode("utf-8", "surrogateescape") for k, v in pairs}
        if kind == _MULTIPART and options.get("boundary"):
            return _parts(options["boundary"], body)
    except (ValueError, MultipartError) as exc:
        raise _malformed() from exc
    raise _malformed()


def text(found: Fields, name: str) -> str:
    """Return a field as text without blanks around it; empty if it is missing."""
    try:
        return found.get(name, b"").decode().strip()
    except UnicodeDecodeError as exc:
        raise _malformed() from exc


def lines(found: Fields, name: str) -> tuple[str, ...]:
    """Return the words of a field, which are separated by lines, commas or blanks."""
    return tuple(dict.fromkeys(text(found, name).replace(",", " ").split()))


def _parts(boundary: str, body: bytes) -> Fields:
    found: Fields = {}
    name = ""
    with PushMultipartParser(
        boundary, content_length=len(body), max_segment_count=_MOST_FIELDS, strict=True
    ) as parser:
        for event in parser.parse(body):
            if event is None or isinstance(event, bytes | bytearray):
                found[name] += bytes(event or b"")
            else:
                name = event.name
                found[name] = b""
    return found


def _malformed() -> UsageError:
    return UsageError(
        "the browser did not send a form of this page",
        hint="Go back, and fill the form in again.",
    )
