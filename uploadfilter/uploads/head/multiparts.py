"""Read the type of a body of several parts, which may be a form or not."""

import re
from typing import Final

from uploadfilter.uploads.head import fields

FORM: Final = "multipart/form-data"
TYPES: Final = frozenset({FORM, "multipart/related", "multipart/mixed"})
"""Types whose parts are read and encoded anew."""

_NESTING: Final = re.compile(r"multipart|boundary", re.IGNORECASE)
"""Words that lenient readers look for anywhere in a type."""

_KEPT_PARAMETERS: Final = frozenset({"type", "start", "start-info"})
"""Parameters that tell which part is the root (RFC 2387; XOP, section 4.1)."""


def without_boundary(
    media_type: fields.Parametrised, value: bytes | None
) -> str | None:
    """Return the type of parts that are no form, with its other parameters.

    Args:
        media_type: The type.
        value: The value of Content-Type that it was read from.

    Returns:
        Parameters as the client wrote them; ``None`` for a form.
    """
    if media_type.value == FORM:
        return None
    _, semicolon, rest = (value or b"").partition(b";")
    parameters = fields.read_parameters((semicolon + rest).decode("latin-1")) or ()
    kept = [each for each in parameters if each.name in _KEPT_PARAMETERS]
    return "".join([media_type.value, *(f"; {p.name}={p.written}" for p in kept)])


def fault_in(media_type: fields.Parametrised, kept: str | None) -> str | None:
    """Return why the parameters of a type could be read in two ways.

    Args:
        media_type: The type.
        kept: As ``without_boundary`` returned it.
    """
    if any("*" in name for name in media_type.parameters):
        return "A parameter of the form's type is continued."
    if kept and _NESTING.search(kept.removeprefix(media_type.value)):
        return "A parameter of the form's type names another type."
    return None
