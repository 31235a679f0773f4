"""Tell a GIF from a text about GIFs, by its first bytes.

Source: CompuServe, "GIF89a" (1990), sections 17, 18 and 20.
"""

import re
from typing import Final

from uploadfilter.contents.kinds import picturemagic


def is_plausible(head: bytes) -> bool:
    """Return whether content is a GIF and not prose that begins with its magic.

    A content that this test takes for prose is still proposed (``proposals.py``).
    """
    if not head.startswith(picturemagic.GIFS):
        return False
    # Of width, height, flags, background and aspect, at least one has a byte that no
    # text has, except in a file that is made to look like text. A block must follow.
    flags = head[_FLAGS_AT] if len(head) > _FLAGS_AT else 0
    at = 13 + _table_bytes(flags)
    block = head[at : at + 1]
    is_block = block in {b"!", b";"} or (block == b"," and _may_be_image(head, at))
    return is_block or not _PROSE.fullmatch(head[6:14])


def _may_be_image(head: bytes, at: int) -> bool:
    flags = head[at + 9] if len(head) > at + 9 else 0
    code_at = at + 10 + _table_bytes(flags)
    return head[code_at : code_at + 1] <= _WIDEST_CODE


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags >> 7 else 0


_FLAGS_AT: Final = 10
_WIDEST_CODE: Final = b"\x0c"
_PROSE: Final = re.compile(rb"[\t\r\n -~]*")
