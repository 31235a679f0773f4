"""Read the fields of a public form: texts, each within its bound.

Rules this module keeps: it is pure; only the plain coding of forms is read, so that no
file can be sent; a text is kept as a person wrote it, without signs that cannot be
shown.
"""

import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

MOST_BYTES: Final = 64 << 10
"""Most bytes of a form: 8,000 characters take 48 kB if each one is escaped."""

MOST_FIELDS: Final = 16
_TYPE: Final = "application/x-www-form-urlencoded"
_LINES: Final = frozenset("\n")


def fields_of(media_type: str, body: bytes) -> dict[str, str] | None:
    """Return the fields of a form, by name; of two with one name, the last.

    Args:
        media_type: The field Content-Type.
        body: The bytes of the body.

    Returns:
        The fields; ``None`` if it is no such form, or has too many fields or bytes.
    """
    if media_type.partition(";")[0].strip().lower() != _TYPE or len(body) > MOST_BYTES:
        return None
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="replace",
        )
    except ValueError:
        return None
    return dict(pairs)


def text_of(fields: Mapping[str, str], name: str) -> str:
    """Return a text of several lines, without blanks around it."""
    plain = fields.get(name, "").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(it for it in plain if it in _LINES or _is_shown(it)).strip()


def line_of(fields: Mapping[str, str], name: str) -> str:
    """Return a text of one line; any white space in it becomes a space."""
    return " ".join(text_of(fields, name).split())


def _is_shown(sign: str) -> bool:
    """Return whether a sign is shown: no control, no half of a surrogate pair.

    Signs that turn the direction of a text are left out as well: a reviewer would read
    another text than was written.
    """
    return unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
