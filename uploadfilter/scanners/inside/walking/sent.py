"""What a site may look at as it was sent, or after it decoded a text or a stream.

A member of an archive is kept as a file by nearly every site; the text of a request,
and the picture that a string in it encodes, are what a site works with.
"""

from typing import Final

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind

_STREAMS: Final = frozenset({Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTD})
_TEXTS: Final = frozenset(
    f"application/{name}"
    for name in ("json", "xml", "javascript", "x-www-form-urlencoded", "yaml")
)
"""Types of texts, beside ``text/...`` and those that end in ``+json`` and ``+xml``."""


def is_read_as_text(kind: Kind, declared: str) -> bool:
    """Return whether a site that takes a content as it was sent may read it as text."""
    media_type = declared.partition(";")[0].strip()
    is_declared = media_type in _TEXTS or media_type.endswith(("+json", "+xml"))
    return kind in magic.STRINGS or is_declared or media_type.startswith("text/")


def is_decoded(kind: Kind) -> bool:
    """Return whether a site decodes such a content before it looks at what is in it.

    Texts have strings, and streams were packed on the way; archives are kept.
    """
    return kind in magic.STRINGS or kind in _STREAMS
