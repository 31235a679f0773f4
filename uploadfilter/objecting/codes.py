"""The code with which an uploader objects to a decision, and asks for the outcome.

It is computed from the id of the decision with the key of the installation. So nothing
is stored for a rejection, of which a flood would otherwise fill the disk; and whether a
code is right does not depend on the store, so that an answer, and its time, does
not tell whether somebody has objected.

Rules this module keeps: it is pure; codes are compared in constant time; a code is read
as people write it, as an id is (``decisions.records.ids``).
"""

import hashlib
import hmac
import re
import unicodedata
from typing import Final

KEY_BYTES: Final = 32
"""Bytes of the key: as many as SHA-256 gives out, so the key is no weaker than it."""

CODE_DIGITS: Final = 32
"""Hex digits of a code: 128 bits. At the permitted tries of a million clients, a guess
succeeds once in 10^22 years; and eight groups of four digits can be read out."""

_DOMAIN: Final = b"uploadfilter objection 1\n"
"""What the key signs begins with this, so that no other use of it can give a code."""

_LOOKS_LIKE = str.maketrans("oilsz", "01152")
_HEX = re.compile(rf"[0-9a-f]{{{CODE_DIGITS}}}")


def code_of(key: bytes, decision: str) -> str:
    """Return the code of a decision.

    Args:
        key: ``KEY_BYTES`` random bytes of this installation.
        decision: The id of the decision.

    Returns:
        ``CODE_DIGITS`` hex digits.

    Raises:
        ValueError: The key has another length.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    whole = hmac.new(key, _DOMAIN + decision.encode(), hashlib.sha256)
    return whole.hexdigest()[:CODE_DIGITS]


def is_code(key: bytes, decision: str, written: str) -> bool:
    """Return whether a text is the code of a decision.

    Args:
        key: The key of this installation.
        decision: The id of the decision.
        written: The code as somebody wrote it.
    """
    return hmac.compare_digest(code_of(key, decision), written_code(written))


def written_code(text: str) -> str:
    """Return the code in a text, without spaces; empty if the text is not a code."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    signs = "".join(re.findall(r"[0-9a-z]+", plain)).translate(_LOOKS_LIKE)
    return signs if _HEX.fullmatch(signs) else ""
