"""Read the words by which uploaders in web pages cut a file into forms.

Each request is a form with a slice of the file, and fields, or ``Content-Range``, that
say where the slice belongs. A script at the origin joins them.

Source:
    The scripts themselves: Dropzone 5 and 6, resumable.js 1.1, flow.js 2, Plupload 2
    and 3, Fine Uploader 5, simple-uploader 1, jQuery File Upload 10.

Rules this module keeps:

- The words of exactly one uploader are there, each once, and each a number where one is
  needed. Otherwise an origin could read another place in them, and the form is refused.
- To add an uploader: a row in ``_UPLOADERS``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from uploadfilter.model import Reason
from uploadfilter.uploads.assembly.heads import edit
from uploadfilter.uploads.assembly.steps import OriginReply, Replay, ReplayRequest
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.head.signs import Signs

NAME: Final = "forms"
"""The name of this protocol in the store and on record."""

WAITING: Final = OriginReply(
    status=200,
    headers=[(b"Content-Type", b"application/json")],
    body=b'{"success": true}',
)
"""The answer to a slice that waits, with the 200 that these scripts expect. Fine
Uploader reads it; the others read the status alone."""

MOST_SLICES: Final = 1_000
"""Most slices of a file: at a megabyte each, the usual size, a gigabyte."""

_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")
_MOST_ID: Final = 512


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of a file, as its form says.

    Attributes:
        uploader: The words that say it, by the name of the script.
        upload: The id of the file by these words.
        is_random: Whether such ids are random, so that no other client has this one.
        index: Place among the slices, from 0; ``None`` if only bytes are counted.
        count: Number of slices; ``None`` if only bytes are counted.
        at: Offset of the first byte, if it is stated.
        total: Length of the file, if it is stated.
    """

    uploader: str
    upload: str
    is_random: bool
    index: int | None
    count: int | None
    at: int | None
    total: int | None

    @property
    def key(self) -> str:
        """What tells the slice from the others of its file."""
        return str(self.at if self.index is None else self.index)

    def likely_missing(self, length: int) -> list[str]:
        """Return the keys of the slices that are the likeliest to be missing.

        Args:
            length: Bytes of this slice.
        """
        if self.index is None or self.count is None:
            end = (self.at or 0) + length
            return [str(end)] if end < (self.total or 0) else []
        last = self.count - 1
        return [str(last), str(min(self.index + 1, last)), "0"]


class SliceNotes(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a slice that waits as the form which the origin will get.

    Attributes:
        slice: The slice, as its form says.
        begin: Where the file begins in the form.
        length: Length of the file there, in bytes.
        fields: Beginning and length of every other part of the form.
        checksum: CRC-32 of the file, by which a slice that comes again is known.
        names: Digest of the names that the form gives to the file.
        target: Target of the request.
        type: Content-Type of the form.
        content_range: Content-Range of the request; empty without one.
        declared_type: Media type of the file in the form; empty without one.
    """

    slice: Slice
    begin: int
    length: int
    fields: tuple[tuple[int, int], ...]
    checksum: int
    names: str
    target: str
    type: str
    content_range: str
    declared_type: str


def replay_slices(head: RequestHead, slices: Sequence[SliceNotes]) -> Replay:
    """Return the requests that bring slices to the origin, in their order."""
    sendings = []
    for index, notes in enumerate(slices):
        added = {b"Content-Type": notes.type.encode("ascii")}
        if notes.content_range:
            added[b"Content-Range"] = notes.content_range.encode("latin-1")
        whole = edit(
            head,
            method=head.method,
            target=notes.target,
            dropped=(b"content-range",),
            added=added,
        )
        sendings.append(ReplayRequest(whole, index))
    return Replay(tuple(sendings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Uploader:
    """The names of an uploader's fields.

    Attributes:
        id: Id of the file.
        index: Number of the slice.
        first: Number of the first slice.
        count: Number of slices.
        at: Offset of the slice; empty if there is none.
        size: Length of every slice before the last, from which the offset follows.
        total: Length of the file.
        is_random: Whether ids are random.
    """

    id: str
    index: str
    count: str
    first: int = 0
    at: str = ""
    size: str = ""
    total: str = ""
    is_random: bool = False


_UPLOADERS: Final[Mapping[str, _Uploader]] = {
    "dropzone": _Uploader(
        id="dzuuid",
        index="dzchunkindex",
        count="dztotalchunkcount",
        at="dzchunkbyteoffset",
        total="dztotalfilesize",
        is_random=True,
    ),
    "fineuploader": _Uploader(
        id="qquuid",
        index="qqpartindex",
        count="qqtotalparts",
        at="qqpartbyteoffset",
        total="qqtotalfilesize",
        is_random=True,
    ),
    **{
        f"{prefix or 'simple'}": _Uploader(
            id=f"{prefix}Identifier" if prefix else "identifier",
            index=f"{prefix}ChunkNumber" if prefix else "chunkNumber",
            count=f"{prefix}TotalChunks" if prefix else "totalChunks",
            size=f"{prefix}ChunkSize" if prefix else "chunkSize",
            total=f"{prefix}TotalSize" if prefix else "totalSize",
            first=1,
        )
        for prefix in ("resumable", "flow", "")
    },
    "plupload": _Uploader(id="name", index="chunk", count="chunks"),
}

_OWN: Final[Mapping[str, str]] = {
    "dropzone": "dz[a-z]+",
    "fineuploader": "qq[a-z]+",
    "resumable": "resumable[A-Za-z]+",
    "flow": "flow[A-Za-z]+",
    "simple": "chunkNumber|totalChunks|chunkSize|currentChunkSize|totalSize|identifier",
    "plupload": "name|chunk|chunks",
}
"""Names of fields that an uploader sends. A form in which others mark a piece as well
is refused: a script of the site could obey those."""

_ALL_NAMES: Final = {
    name.lower(): uploader
    for uploader, words in _UPLOADERS.items()
    for name in (words.index, words.count)
}


def read_slice(
    fields: Sequence[tuple[str, str]], *, content_range: str | None, file_name: str
) -> Slice | Refusal | None:
    """Tell which slice of a file a form brings.

    Args:
        fields: Names and values of the fields of the form and of the query, in order.
        content_range: Value of Content-Range, if there is one.
        file_name: Name of the file in the form.

    Returns:
        The slice; the refusal of one whose place can be read in two ways; or ``None``
        if the words are of no uploader that is known here.
    """
    found = {
        uploader
        for name, _ in fields
        if (uploader := _ALL_NAMES.get(name.lower())) is not None
    }
    if not found and content_range is None:
        return None
    own = re.compile("|".join(_OWN[uploader] for uploader in found) or "(?!)")
    others = Signs(each for each in fields if not own.fullmatch(each[0]))
    others.has_file = True
    if len(found) + (content_range is not None) > 1 or others.is_piece:
        return _AMBIGUOUS
    if content_range is not None:
        return _of_range(content_range, file_name)
    (uploader,) = found
    return _of_fields(uploader, _UPLOADERS[uploader], fields)


def _of_range(text: str, file_name: str) -> Slice | Refusal:
    """Return the slice by Content-Range, as jQuery File Upload sends it."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return _AMBIGUOUS
    first, last, total = map(int, match.groups())
    if not first <= last < total or not 0 < len(file_name) <= _MOST_ID:
        return _AMBIGUOUS
    return Slice(
        uploader="range",
        upload=f"{total} {file_name}",
        is_random=False,
        index=None,
        count=None,
        at=first,
        total=total,
    )


def _of_fields(
    uploader: str, words: _Uploader, fields: Iterable[tuple[str, str]]
) -> Slice | Refusal:
    wanted = {words.id, words.index, words.count, words.at, words.size, words.total}
    lower = {name.lower() for name in wanted if name}
    said: dict[str, str] = {}
    for name, value in fields:
        if name.lower() in lower and (name in said or name not in wanted):
            return _AMBIGUOUS
        said[name] = value
    numbers = [said.get(name, "") for name in wanted - {words.id, ""}]
    upload = said.get(words.id, "")
    if not 0 < len(upload) <= _MOST_ID or not all(map(_NUMBER.fullmatch, numbers)):
        return _AMBIGUOUS
    index, count = int(said[words.index]) - words.first, int(said[words.count])
    if not 0 <= index < count:
        return _AMBIGUOUS
    if count > MOST_SLICES:
        return _TOO_MANY
    at = int(said[words.at]) if words.at else None
    if words.size:
        at = index * int(said[words.size])
    return Slice(
        uploader=uploader,
        upload=upload,
        is_random=words.is_random,
        index=index,
        count=count,
        at=at,
        total=int(said[words.total]) if words.total else None,
    )


_AMBIGUOUS: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_FORM,
    detail="The place of the slice can be read in two ways.",
)
_TOO_MANY: Final = Refusal(
    status=400,
    reason=Reason.PIECEWISE_UPLOAD,
    detail="At most 1000 slices are taken; send larger ones.",
)
