"""Read the encodings of mails other than base64: quoted-printable and uuencode.

Whatever a header says, each is undone in the whole text, since readers differ in how
they find the parts of a mail.
"""

import binascii
import re
from collections.abc import Iterator
from typing import Final

_QUOTED: Final = re.compile(rb"(?:=[0-9A-Fa-f]{2}){3}")
_QUOTED_SIGNS: Final = (b"=3D", b"=3d", b"=\n", b"=\r\n")
_QUOTED_NAME: Final = b"quoted-printable"

_UUENCODED: Final = re.compile(
    rb"^begin [0-7]{3,4} [^\n]*\n((?:[ -`]{1,90}\r?\n)+)", re.MULTILINE
)
_LONGEST_LINE: Final = 45


def undo_quoting(text: bytes) -> bytes:
    """Undo quoted-printable, if there are signs of it."""
    if b"=" not in text:
        return text
    is_quoted = any(sign in text for sign in _QUOTED_SIGNS) or _QUOTED.search(text)
    if not is_quoted and _QUOTED_NAME not in text.lower():
        return text
    return binascii.a2b_qp(text)


def uuencoded_files(text: bytes) -> Iterator[bytes]:
    """Yield the files in uuencode."""
    for match in _UUENCODED.finditer(text) if b"begin " in text else ():
        lines = match[1].splitlines()
        yield b"".join(_uu_line(line) for line in lines)


def _uu_line(line: bytes) -> bytes:
    """Decode a line; some programs drop blanks at its end."""
    size = (line[0] - ord(" ")) & 63
    if size > _LONGEST_LINE:
        return b""
    needed = -(-size // 3) * 4
    return binascii.a2b_uu(line[: 1 + needed].ljust(1 + needed))[:size]
