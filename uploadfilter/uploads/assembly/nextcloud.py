"""Read the heads of chunked uploads of Nextcloud: which step a request is.

Source:
    "Chunked file upload" (version 2) in the developer manual of Nextcloud, and
    ``apps/dav/lib/Upload`` of its server. ownCloud has the same addresses.

A client makes a folder (``MKCOL /remote.php/dav/uploads/USER/ID``), puts numbered
chunks into it, and moves its virtual file (``ID/.file``) to where the file belongs.

Rules this module keeps:

- Below ``dav/uploads`` a request is a known step with a plainly written path, or
  reads, or makes or deletes a folder. Everything else there is refused.
- Nothing else fills a folder, and nothing but the whole file leaves it: no ``COPY``,
  and no ``MOVE`` of another name, or to a name below ``dav/uploads``.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote

from uploadfilter.model import Reason
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

MOST_CHUNKS: Final = 1_000
"""The highest number of a chunk. Nextcloud takes 10,000, but each is a file that is
locked while the upload is inspected, and its clients send 10 MB and more in each."""

_MOST_DECODINGS: Final = 4
"""Most percent-decodings of a path; further ones are left in it."""

_NAME: Final = r"(?!\.{1,2}/)[A-Za-z0-9._~-]{1,255}"
_FOLDER: Final = re.compile(rf"((?:/{_NAME})*/dav/uploads/[^/?#\\]+)/({_NAME}(?=/))/")
_CHUNK: Final = re.compile(r"[0-9]{1,16}")
_TOTAL: Final = re.compile(rb"[0-9]{1,15}")
_INSIDE: Final = re.compile(r"dav/uploads(?:/|\Z)")
_WHOLE: Final = ".file"
_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "MKCOL"})
_MOVING: Final = frozenset({"COPY", "MOVE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The folder of one upload.

    Attributes:
        home: Path of the folder of all uploads of its user, as sent.
        id: Its name there, which its client chose.
    """

    home: str
    id: str

    @property
    def path(self) -> str:
        """Its path, without a slash at the end."""
        return f"{self.home}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedChunk:
    """A PUT that brings one chunk.

    Attributes:
        folder: The folder of the upload.
        number: Its place in the order of the chunks, 0 to ``MOST_CHUNKS``.
        name: The number as it was written.
        total: Bytes of the whole file, if they are stated.
    """

    folder: Folder
    number: int
    name: str
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkJoining:
    """The MOVE that makes a file out of the chunks.

    Attributes:
        folder: The folder of the upload.
        total: Bytes of the whole file.
    """

    folder: Folder
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEnding:
    """A DELETE of the folder of an upload.

    Attributes:
        folder: The folder.
    """

    folder: Folder


NextcloudStep: TypeAlias = NumberedChunk | ChunkJoining | FolderEnding


def read(head: RequestHead) -> NextcloudStep | Refusal | None:
    """Tell which step a request is.

    Args:
        head: The head of a request on a route for Nextcloud.

    Returns:
        The step; its refusal; or ``None`` for a request that is treated as on any
        other route.
    """
    is_inside = _is_inside(head.target.partition("?")[0])
    methods = {head.method.upper()} | head.stands_for
    if methods & _MOVING and any(
        _is_inside(value.decode("latin-1")) for value in head.values(b"destination")
    ):
        return _FILLED
    if not is_inside:
        return None
    if head.stands_for:
        return _UNCLEAR
    if head.method in _HARMLESS:
        return None
    found = _place(head.target)
    if head.method == "DELETE":
        is_folder = found is not None and not found[1]
        return FolderEnding(folder=found[0]) if found and is_folder else None
    return _UNCLEAR if found is None else _step(head, *found)


def _step(head: RequestHead, folder: Folder, name: str) -> NextcloudStep | Refusal:
    total = _total(head)
    if isinstance(total, Refusal):
        return total
    match head.method, name:
        case "PUT", _ if _CHUNK.fullmatch(name):
            number = int(name)
            if number > MOST_CHUNKS:
                return _TOO_MANY
            return NumberedChunk(folder=folder, number=number, name=name, total=total)
        case "MOVE", ".file":
            if total is None:
                return _NO_TOTAL
            return ChunkJoining(folder=folder, total=total)
        case _:
            return _UNCLEAR


def _place(target: str) -> tuple[Folder, str] | None:
    """Return the folder of a plain path and the name in it; ``None`` for another."""
    path = target.removesuffix("/") if target.count("?") == 0 else ""
    match = _FOLDER.match(f"{path}/")
    if match is None:
        return None
    user = unquote(match[1].rpartition("/")[2], encoding="latin-1")
    if user in {"", ".", ".."} or re.search(r"[/\\%\0]", user):
        return None
    name = path[match.end() :]
    is_plain = not name or name == _WHOLE or _CHUNK.fullmatch(name)
    is_slashed = bool(name) and target.endswith("/")
    folder = Folder(home=match[1], id=match[2])
    return (folder, name) if is_plain and not is_slashed else None


def _is_inside(address: str) -> bool:
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


def _total(head: RequestHead) -> int | Refusal | None:
    stated = head.values(b"oc-total-length")
    if not stated:
        return None
    if len(stated) > 1 or not _TOTAL.fullmatch(stated[0]):
        return _BAD_TOTAL
    return int(stated[0])


def _refused(detail: str) -> Refusal:
    return Refusal(status=400, reason=Reason.MALFORMED_REQUEST, detail=detail)


_FILLED: Final = _refused(
    "Files are not moved or copied among the chunks of an upload."
)
_UNCLEAR: Final = _refused("The request is no step of an upload in chunks.")
_TOO_MANY: Final = _refused("At most 1000 chunks are taken; send larger ones.")
_NO_TOTAL: Final = _refused("OC-Total-Length is required.")
_BAD_TOTAL: Final = _refused("OC-Total-Length is not one number.")
