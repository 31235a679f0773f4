"""Tell which contents a site may look at unchanged, or after decoding.

Nearly every site stores a member of an archive without looking at it; but it uses the
text of a request, and the picture that a string in the text encodes.
"""

from typing import Final

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind

_STREAMS: Final = frozenset({Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTD})
_TEXTS: Final = frozenset(
    f"application/{name}"
    for name in ("json", "xml", "javascript", "x-www-form-urlencoded", "yaml")
)
"""Types of texts, besides ``text/...`` and those that end in ``+json`` and ``+xml``."""


def is_read_as_text(kind: Kind, declared: str) -> bool:
    """Return whether a site that takes a content unchanged may read it as text."""
    media_type = declared.partition(";")[0].strip()
    is_declared = media_type in _TEXTS or media_type.endswith(("+json", "+xml"))
    return kind in magic.STRINGS or is_declared or media_type.startswith("text/")


def is_decoded(kind: Kind) -> bool:
    """Return whether a site decodes such a content before it looks into it.

    Texts have encoded strings, and streams were packed for transport; archives are
    stored.
    """
    return kind in magic.STRINGS or kind in _STREAMS
