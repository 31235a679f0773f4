"""Read the addresses of the folders in which Nextcloud has chunks of uploads."""

import re
from typing import Final
from urllib.parse import unquote

_MOST_DECODINGS: Final = 4
"""Most percent-decodings of a path; further ones are left in it."""

CHUNK: Final = re.compile(r"[0-9]{1,16}")
WHOLE: Final = ".file"
"""Names in a folder: of a chunk, and of the file that the chunks make."""

_NAME: Final = r"(?!\.{1,2}/)[A-Za-z0-9._~-]{1,255}"
_FOLDER: Final = re.compile(rf"((?:/{_NAME})*/dav/uploads/[^/?#\\]+/{_NAME}(?=/))/")
_INSIDE: Final = re.compile(r"dav/uploads(?:/|\Z)")


def place_of(target: str) -> tuple[str, str] | None:
    """Return the folder of a plain path and the name in it; ``None`` for another."""
    path = target.removesuffix("/") if target.count("?") == 0 else ""
    match = _FOLDER.match(f"{path}/")
    if match is None:
        return None
    user = unquote(match[1].split("/")[-2], encoding="latin-1")
    if user in {"", ".", ".."} or re.search(r"[/\\%\0]", user):
        return None
    name = path[match.end() :]
    is_plain = not name or name == WHOLE or CHUNK.fullmatch(name)
    is_slashed = bool(name) and target.endswith("/")
    return (match[1], name) if is_plain and not is_slashed else None


def is_inside(address: str) -> bool:
    """Tell whether a server could take an address for one below ``dav/uploads``."""
    text = address
    for _ in range(_MOST_DECODINGS):
        text, before = unquote(text, encoding="latin-1"), text
        if text == before:
            break
    text = re.sub(r";[^/\\]*", "", text.lower())
    segments = [each for each in re.split(r"[/\\]+", text) if each != "."]
    has_steps = ".." in segments and "uploads" in segments
    return has_steps or _INSIDE.search("/".join(segments)) is not None
