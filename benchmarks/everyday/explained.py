"""Why an everyday file is rejected, for each that is.

A run names the files that are rejected and have no explanation here. To add one, add a
line: the beginning of the file's name, and what is the matter with it.
"""

from typing import Final

_DAMAGED: Final = (
    "holds pictures that were damaged on purpose, a sequence in HEIC, and a picture of "
    "200 million pixels in one piece, as tests of a library"
)
_LONG_TAR: Final = (
    "a tar file of more than max_held_bytes (128 MiB) inside a packed stream: it is "
    "searched as it passes, and its members are not looked at one by one"
)
_DEAR_TEXT: Final = (
    "a text of megabytes that is full of what looks like the beginning of an encoded "
    "picture: the effort for beginnings ends before all were looked at"
)
_BEFORE: Final = (
    "scanned before its cause was mended (budgets that grow, bytes in DXF, icons among "
    "numbers, streams of junk, PNM, JPEG 2000 in documents), and not again since"
)
_RARE_TIFF: Final = "a TIFF with samples of 64 bits, which no decoder of ours reads"

EXPLAINED: Final[dict[str, str]] = {
    "sdist/pillow-heif": _DAMAGED,
    "debian/kicad-symbols": _LONG_TAR,
    "debian/openclipart-svg": _LONG_TAR,
    "debian/mediawiki": _LONG_TAR,
    "debian/inkscape-tutorials: ": _DEAR_TEXT,
    "npm/foundation-sites: ": _DEAR_TEXT,
    "npm/jspdf: ": _DEAR_TEXT,
    "npm/maplibre-gl: ": _DEAR_TEXT,
    "pypi/bokeh: ": _DEAR_TEXT,
    "pypi/plotly: ": _DEAR_TEXT,
    "pypi/scikit-image": _RARE_TIFF,
    "pypi/nibabel": _BEFORE,
    "sdist/ezdxf": _BEFORE,
    "pypi/pygame": _BEFORE,
    "pypi/mkdocs-material": _BEFORE,
    "debian/fonts-dejavu-core": _BEFORE,
    "pypi/arcade": _BEFORE,
    "debian/unicode-data: ": _BEFORE,
    "sdist/pypdf": _BEFORE,
    "sdist/pdfminer.six: ": _BEFORE,
    "pypi/mypy": _BEFORE,
    "npm/pdf-lib": _BEFORE,
    "debian/syslinux-common": _BEFORE,
    "pypi/astropy: ": _BEFORE,
}
"""Beginnings of names, and the explanations."""


def explained(name: str) -> str:
    """Return why a file is rejected, or nothing if nobody has said.

    Args:
        name: Its name, as ``File`` has it.
    """
    fitting = [begin for begin in EXPLAINED if name.startswith(begin)]
    return EXPLAINED[max(fitting, key=len)] if fitting else ""
