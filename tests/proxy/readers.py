"""Paths with more than one reading, and the readings of well-known origins."""

import itertools
from urllib.parse import unquote

from hypothesis import strategies as st

PIECES = ("/", "//", "a", "A", "b", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "\\")
ODD = (
    ";",
    ";x=/",
    "%3b",
    "%25",
    "%",
    "%zz",
    "?",
    "%3f",
    "%00",
    "#",
    "é",
    "%c3%a9",
    " ",
)
PATHS = st.lists(st.sampled_from(PIECES + ODD), max_size=7).map(
    lambda pieces: "/" + "".join(pieces)
)


def climb(path: str) -> str:
    """Resolve dots, one character at a time."""
    kept: list[str] = []
    word = last = ""
    for character in [*path[1:], "/"]:
        if character != "/":
            word += character
            continue
        if word == "..":
            kept = kept[:-1]
        elif word != ".":
            kept = [*kept, word]
        last, word = word, ""
    return "/" + "/".join(kept) + ("/" if last in {".", ".."} and kept else "")


ORIGINS = {
    "nginx": lambda path: climb(join(unquote(path, encoding="latin-1"))),
    "apache": lambda path: climb(join(path)),
    "servlets": lambda path: climb(join(unquote(bare(path), encoding="latin-1"))),
    "windows": lambda path: climb(
        join(unquote(path, encoding="latin-1").replace("\\", "/"))
    ),
    "twice": lambda path: climb(
        unquote(unquote(path, encoding="latin-1"), encoding="latin-1")
    ),
    "names": lambda path: unquote(path, encoding="latin-1").split("\0")[0],
}


def join(path: str) -> str:
    """Join slashes."""
    return "".join(
        key * len(list(group)) if key != "/" else "/"
        for key, group in itertools.groupby(path)
    )


def bare(path: str) -> str:
    """Leave parameters out."""
    return "/".join(segment.partition(";")[0] for segment in path.split("/"))
