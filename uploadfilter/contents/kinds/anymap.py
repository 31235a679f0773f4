r"""Tell a picture of Netpbm from a text, by its header.

A header is a magic and up to three numbers, with any blanks and comments between them.
Pillow also takes digits with a plus or with underscores, and has a few magics of its
own; what it opens is recognised.

Source:
    Netpbm, "pbm" to "pam" (section 5 of its manual); Pillow 12, ``PpmImagePlugin``.
"""

import re
from typing import Final

_COMMENT: Final = re.compile(rb"#[^\r\n]*")
_MAGIC: Final = re.compile(rb"P(?:[1-7Ff]|0CMYK|y(?:P|RGBA|CMYK))[\s#]")
_NUMBER: Final = rb"\s+\+?\d[\d_]{0,9}"
_HEADER: Final = re.compile(
    rb"P(?:[14]%(n)s%(n)s|(?:[2356]|0CMYK|y\w+)%(n)s%(n)s%(n)s|7\s[^\0]*?\sENDHDR"
    rb"|[Ff]%(n)s%(n)s\s+[+-]?[\d.][\d.eE_+-]*)\s" % {b"n": _NUMBER}
)
_BEGINNING: Final = re.compile(
    rb"P(?:7(?:\s+(?:WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE)\s[^\n]*)*|\w+(?:%b){0,3})\s*"
    % _NUMBER
)
_NUMBERS: Final = re.compile(rb"[\d\s_+]*")


def is_picture(head: bytes, *, is_cut: bool) -> bool:
    """Return whether a content is such a picture; a form in text has only numbers.

    If ``is_cut``, more bytes follow, in which a long header may end.
    """
    if not _MAGIC.match(head):
        return False
    plain = _COMMENT.sub(b"", head)
    if is_cut and _BEGINNING.fullmatch(plain):
        return True
    is_text = plain[1] in b"123"
    return has_header(head) and not (is_text and not _NUMBERS.fullmatch(plain, 2))


def has_header(head: bytes) -> bool:
    """Return whether a whole header stands in the first bytes of a content."""
    return _HEADER.match(_COMMENT.sub(b"", head)) is not None
