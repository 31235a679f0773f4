"""Parse the id of a decision as people write it.

An uploader reads the id from a page, where spaces separate its groups, and sends it by
post, by telephone, or as a photograph of a screen. So spaces, hyphens and letter case
are ignored, and a letter that looks like a digit counts as the digit: an id contains
only the letters ``a`` to ``f``.
"""

import re
import unicodedata
from typing import Final

_DAY_DIGITS: Final = 8
_DIGITS: Final = 28
_ID = re.compile(r"[0-9]{8}[0-9a-f]{20}")
_LOOKS_LIKE = str.maketrans("oilsz", "01152")
"""Letters that no id contains, and the digits that they look like."""

EXAMPLE: Final = "20261125-0123456789abcdef0123"


def written_id(text: str) -> str | None:
    """Return the id in a text; ``None`` if the text is not an id."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"[0-9a-z]+", plain)
    # Words that were copied with the id come before it, and have no digits.
    while sum(map(len, words)) > _DIGITS and not re.search("[0-9]", words[0]):
        del words[0]
    signs = "".join(words).translate(_LOOKS_LIKE)
    if not _ID.fullmatch(signs):
        return None
    return f"{signs[:_DAY_DIGITS]}-{signs[_DAY_DIGITS:]}"
