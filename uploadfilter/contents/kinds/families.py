"""Sort kinds into the families by which a route says what it takes.

A kind is of no family if it is unknown, or of no use to a site. To add a kind: its
place in ``_KINDS``.
"""

from enum import StrEnum
from typing import Final

from uploadfilter.contents.kinds.magic import (
    CONTAINERS,
    DRAWINGS,
    PICTURES,
    STRINGS,
    Kind,
)


class FileFamily(StrEnum):
    """A family of kinds of files."""

    PICTURES = "pictures"
    VIDEOS = "videos"
    SOUND = "sound"
    DOCUMENTS = "documents"
    ARCHIVES = "archives"
    TEXTS = "texts"


FAMILIES: Final = frozenset(FileFamily)
"""All of them: a route that takes all takes every content, also of unknown kinds."""

_KINDS: Final[dict[FileFamily, frozenset[Kind]]] = {
    FileFamily.PICTURES: PICTURES,
    FileFamily.VIDEOS: frozenset({Kind.VIDEO}),
    FileFamily.SOUND: frozenset({Kind.SOUND}),
    # Office documents are zips, and any zip may claim to be one. Drawings are programs,
    # also SVG, which browsers show as a picture.
    FileFamily.DOCUMENTS: frozenset({Kind.PDF, Kind.OLE, Kind.ZIP}) | DRAWINGS,
    FileFamily.ARCHIVES: CONTAINERS - {Kind.PDF, Kind.OLE},
    FileFamily.TEXTS: STRINGS - {Kind.SVG},
}
_FAMILIES: Final = {
    kind.value: frozenset(it for it, kinds in _KINDS.items() if kind in kinds)
    for kind in Kind
}
_WITHOUT_FILES: Final = frozenset(
    {FileFamily.PICTURES, FileFamily.VIDEOS, FileFamily.SOUND}
)


def families_of(kind: str) -> frozenset[FileFamily]:
    """Return the families of a kind; none of an unknown one."""
    return _FAMILIES.get(kind, frozenset())


def holds_no_files(kind: Kind) -> bool:
    """Return whether files of other kinds have no place in a file of this kind."""
    return not _WITHOUT_FILES.isdisjoint(families_of(kind))


def described(families: frozenset[FileFamily]) -> str:
    """Return the names of families, as an operator reads them."""
    if families == FAMILIES:
        return "everything"
    return ", ".join(it for it in FileFamily if it in families)
