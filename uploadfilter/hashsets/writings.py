r"""The other ways in which programs write a digest down: base64, ``0x`` before it, ...

Databases put ``0x`` or ``\x`` before binary values, cloud services write base64, some
hotlines SHA-1 in base32, ``certutil`` pairs of digits with blanks between them. Each of
these has a length or a sign that no other text of the same place has: nothing is
guessed. Clause: ``hashsets/FORMAT.md``, 1.5.
"""

import re
from base64 import b32decode, b64decode
from typing import Final

from uploadfilter.model import SignalType

_PREFIXES: Final = ("0x", "0X", "\\x")
_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(?:([ :-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={1,2}|[A-Za-z0-9_-]+={1,2}")
_BASE32 = re.compile(r"[A-Z2-7]+")
_BASE32_TYPE: Final = SignalType.SHA1
"""The only type whose base32 needs no padding; only it is written in base32."""


def hex_of(text: str, kind: SignalType) -> str:
    """Return the hex digits of a value of a type, in any known notation.

    Returns:
        Hex digits, or the unchanged text if its notation is unknown.
    """
    digits = 2 * kind.width_bytes
    if len(text) == digits:
        return text
    if text.startswith(_PREFIXES) and len(text) == digits + 2:
        return text[2:]
    if _PAIRS.fullmatch(text):
        return re.sub("[ :-]", "", text)
    decoded = b""
    # The width of every type leaves a remainder, so that base64 of it has padding.
    if len(text) == 4 * -(-kind.width_bytes // 3) and _BASE64.fullmatch(text):
        decoded = b64decode(text.replace("-", "+").replace("_", "/"))
    elif kind is _BASE32_TYPE and 5 * len(text) == 4 * digits and _BASE32.match(text):
        decoded = _base32(text)
    return decoded.hex() if len(decoded) == kind.width_bytes else text


def _base32(text: str) -> bytes:
    return b32decode(text) if _BASE32.fullmatch(text) else b""
