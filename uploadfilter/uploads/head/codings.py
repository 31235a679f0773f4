"""Codings of a body, or of the file that an origin will store.

A coding of the *body* is undone on the way, or kept by an origin that does not know it:
a scanner looks at the bytes as they were sent, and at the bytes without the coding
(``contents/coded.py``). A coding of the *file* is stated again whenever somebody
downloads it, so that a browser undoes it; one that a scanner cannot recognise by the
first bytes is refused.
"""

from collections.abc import Callable, Sequence
from typing import Final

from uploadfilter.endings import PICTURES_BY_NAME
from uploadfilter.uploads.head import awschunked

FORM_FIELD: Final = "content-encoding"
"""The field of a form that tells S3 the coding of the file."""

_TOLD_BY_BYTES: Final = frozenset({"", "identity", "gzip", "x-gzip", "zstd"})
"""Codings of a file that a scanner recognises by itself."""

_OF_A_BODY: Final = {
    b"identity": None,
    b"gzip": "gzip",
    b"x-gzip": "gzip",
    b"deflate": "deflate",
    b"br": "br",
    b"zstd": "zstd",
}
"""The codings that a scanner undoes, by their names in Content-Encoding (RFC 9110,
section 8.4.1). With two codings, or two headers, some origins undo one of them."""

OF_A_FORM: Final = frozenset({None, "gzip", "deflate"})
"""The codings of a form, which are undone before it is parsed."""

_OF_THE_FILE: Final = (b"x-ms-blob-content-encoding", b"x-content-encoding")

HEADERS: Final = (b"content-encoding", *_OF_THE_FILE, b"x-amz-content-sha256")
"""Headers that may name a coding."""


BY_NAME: Final = {
    "br": "application/x-brotli",
    "lzma": "application/x-lzma",
    **{ending: f"application/x-{ending}" for ending in PICTURES_BY_NAME},
}
"""Types by the ending of a file's name, for formats without magic bytes: codings, and
pictures that ImageMagick opens by that name. Most browsers know none of them, and
declare plain bytes."""


def claimed_type(declared_type: str | None, name: str | None) -> str | None:
    """Return the type that a client claims, directly or by the file's name.

    Args:
        declared_type: The declared type, if there is one.
        name: Name of the file, or the path of the request.
    """
    if name is None or (declared_type or "").startswith("image/"):
        return declared_type
    _, dot, ending = name.lower().rpartition(".")
    return BY_NAME.get(ending, declared_type) if dot else declared_type


def is_told_by_bytes(coding: str) -> bool:
    """Tell whether a scanner recognises a file in this coding by its first bytes."""
    return coding.strip().lower() in _TOLD_BY_BYTES


def of_body(values: Callable[[bytes], Sequence[bytes]]) -> str | None:
    """Return the coding of a body that ``unread_in`` did not refuse.

    Args:
        values: Returns the values of a header; the name is in lower case.

    Returns:
        One of the names in ``contents/coded.py``; ``None`` if there is no coding.
    """
    if awschunked.framing_in(values) is not None:
        return awschunked.WORD.decode()
    named = [value.lower() for value in values(b"content-encoding")]
    return _OF_A_BODY.get(named[0]) if named else None


def unread_in(values: Callable[[bytes], Sequence[bytes]]) -> str | None:
    """Return why a coding that a head names is not supported.

    Args:
        values: Returns the values of a header; the name is in lower case.

    Returns:
        One sentence for the client; ``None`` if the body can be inspected.
    """
    framing = awschunked.framing_in(values)
    if isinstance(framing, str):
        return framing
    named = [value.lower() for value in values(b"content-encoding")]
    if framing is not None:
        stored = awschunked.without_word(named)
        is_read = all(is_told_by_bytes(word.decode("latin-1")) for word in stored)
        if len(stored) > 1 or not is_read:
            return "The object must be stored in no content coding but gzip or zstd."
    elif len(named) > 1 or not all(value in _OF_A_BODY for value in named):
        return "The body may have one content coding: gzip, deflate, br or zstd."
    of_the_file = (value for name in _OF_THE_FILE for value in values(name))
    if not all(is_told_by_bytes(value.decode("latin-1")) for value in of_the_file):
        return "The file must be stored without a content coding."
    return None
