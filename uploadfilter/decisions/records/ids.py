"""The id of a decision, read as people write it.

An uploader reads it from a page, where blanks stand between its groups, and sends it by
post, by telephone, or as a photograph of a screen. So blanks, hyphens and capitals mean
nothing, and a letter that looks like a digit is one: only ``a`` to ``f`` are in an id.
"""

import re
import unicodedata
from typing import Final

_DAY_DIGITS: Final = 8
_DIGITS: Final = 28
_ID = re.compile(r"[0-9]{8}[0-9a-f]{20}")
_LOOKS_LIKE = str.maketrans("oilsz", "01152")
"""Letters that are in no id, and the digits that they are taken for."""

EXAMPLE: Final = "20261125-0123456789abcdef0123"


def written_id(text: str) -> str | None:
    """Return the id that somebody wrote down; ``None`` if it can be none.

    Args:
        text: As it was written, perhaps with a word before it.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"[0-9a-z]+", plain)
    # Words that were copied along stand before the id, and have no digits.
    while sum(map(len, words)) > _DIGITS and not re.search("[0-9]", words[0]):
        del words[0]
    signs = "".join(words).translate(_LOOKS_LIKE)
    if not _ID.fullmatch(signs):
        return None
    return f"{signs[:_DAY_DIGITS]}-{signs[_DAY_DIGITS:]}"
