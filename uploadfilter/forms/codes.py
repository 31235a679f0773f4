"""The code with which an uploader objects to a decision, and asks for the outcome.

It is computed from the id of the decision with the key of the installation. So nothing
is stored for a rejection, of which a flood would otherwise fill the disk; and whether a
code is right does not depend on the store, so that an answer, and its time, does
not tell whether somebody has objected.

Rules this module keeps: codes are compared in constant time; a code is read as people
write it, as an id is (``decisions.records.ids``); the key is made once, also if several
processes start at once.
"""

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from pathlib import Path
from typing import Final

from uploadfilter.errors import ObjectionError
from uploadfilter.state import PRIVATE_FILE, make_private, sync_directory

KEY_BYTES: Final = 32
"""Bytes of the key: as many as SHA-256 gives out, so the key is no weaker than it."""

CODE_DIGITS: Final = 32
"""Hex digits of a code: 128 bits. At the permitted tries of a million clients, a guess
succeeds once in 10^22 years; and eight groups of four digits can be read out."""

_DOMAIN: Final = b"uploadfilter objection 1\n"
"""What the key signs begins with this, so that no other use of it can give a code."""

_FILE: Final = "key"
_LOOKS_LIKE = str.maketrans("oilsz", "01152")
_HEX = re.compile(rf"[0-9a-f]{{{CODE_DIGITS}}}")


def objection_directory(state: Path) -> Path:
    """Return the folder of the key and the objections in a state directory."""
    return state / "objections"


def code_of(key: bytes, decision: str) -> str:
    """Return the code of a decision: ``CODE_DIGITS`` hex digits.

    Args:
        key: ``KEY_BYTES`` random bytes of this installation.
        decision: The id of the decision.

    Raises:
        ValueError: The key has another length.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    whole = hmac.new(key, _DOMAIN + decision.encode(), hashlib.sha256)
    return whole.hexdigest()[:CODE_DIGITS]


def is_code(key: bytes, decision: str, written: str) -> bool:
    """Return whether a text, as somebody wrote it, is the code of a decision."""
    return hmac.compare_digest(code_of(key, decision), written_code(written))


def written_code(text: str) -> str:
    """Return the code in a text, without spaces; empty if the text is not a code."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    signs = "".join(re.findall(r"[0-9a-z]+", plain)).translate(_LOOKS_LIKE)
    return signs if _HEX.fullmatch(signs) else ""


def load_key(state: Path) -> bytes:
    """Return the key of this installation; make it if there is none.

    Raises:
        ObjectionError: It cannot be read or made, or is damaged.
    """
    path = objection_directory(state) / _FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as exc:
        raise ObjectionError(
            f"cannot read or make the key of objections {str(path)!r}: {exc.strerror}",
            hint="Check the disk, and that this user may write there.",
        ) from exc
    if len(key) != KEY_BYTES:
        raise ObjectionError(
            f"the key of objections {str(path)!r} has {len(key)} bytes, not "
            f"{KEY_BYTES}",
            hint="Restore it from a backup. If there is none, delete it: codes that "
            "were given out until now are then wrong, new ones work.",
        )
    return key


def _make(path: Path) -> None:
    make_private(path.parent)
    new = path.with_name(f"{_FILE}.{secrets.token_hex(8)}.tmp")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails if the name is taken; a rename would replace the first key.
            path.hardlink_to(new)
        except FileExistsError:
            return
    finally:
        new.unlink(missing_ok=True)
    sync_directory(path.parent)
