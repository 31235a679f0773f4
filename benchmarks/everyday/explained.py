"""The reason for each rejection of an everyday file.

A run lists the files that are rejected and have no explanation here. To add one, add a
line: the beginning of the file's name, and the cause.
"""

from typing import Final

_DAMAGED: Final = (
    "holds pictures that were damaged on purpose, a sequence in HEIC, and a picture of "
    "200 million pixels in one piece, as tests of a library"
)
_BROKEN_STRING: Final = (
    "tests of broken files: one that was packed and that is cut off, in base64"
)
_MANY_PICTURES: Final = (
    "a package of 42 MB of pictures for games: more than a reply may hold signals of"
)
_RARE_TIFF: Final = "a TIFF with samples of 64 bits, which no decoder of ours reads"

EXPLAINED: Final[dict[str, str]] = {
    "sdist/pillow-heif": _DAMAGED,
    "pypi/scikit-image": _RARE_TIFF,
    "pypi/arcade": _MANY_PICTURES,
    "pypi/astropy": _BROKEN_STRING,
}
"""Beginnings of names, and the explanations."""


def explained(name: str) -> str:
    """Return why a file is rejected; empty if there is no explanation.

    Args:
        name: The file's name, as in ``File``.
    """
    fitting = [begin for begin in EXPLAINED if name.startswith(begin)]
    return EXPLAINED[max(fitting, key=len)] if fitting else ""
