"""Chunked uploads of Nextcloud, version 2; ownCloud has the same addresses.

Source:
    "Chunked file upload" in the developer manual of Nextcloud, and
    ``apps/dav/lib/Upload`` of its server.

A client makes a folder (``MKCOL /remote.php/dav/uploads/USER/ID``), puts numbered
chunks into it, and moves its virtual file (``ID/.file``) to where the file belongs. A
user can fetch an own chunk, so every chunk waits. Rules this module keeps:

- Before a chunk is received, the origin is asked for its folder as the client would
  ask (``PROPFIND``), so that nobody can hold or replace chunks of others.
- Below ``dav/uploads`` a request is a known step with a plainly written path, or
  reads, or makes or deletes a folder. Nothing else fills a folder, and nothing but the
  whole file leaves it.
- The origin joins only bytes that were inspected: the chunks go into a folder that
  is made for them, whose name nobody knew before.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from uploadfilter.uploads.assembly import steps
from uploadfilter.uploads.assembly.assembly import Assembly, Fault
from uploadfilter.uploads.assembly.heads import edit, read_number, refuse
from uploadfilter.uploads.assembly.nextcloudpaths import (
    CHUNK,
    WHOLE,
    is_inside,
    place_of,
)
from uploadfilter.uploads.assembly.steps import PartKey, ReplayRequest
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

MOST_CHUNKS: Final = 1_000
"""The highest number of a chunk. Nextcloud takes 10,000, but each is a file that is
locked while the upload is inspected, and its clients send 10 MB and more in each."""

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "MKCOL"})
_TOTAL: Final = b"oc-total-length"

_WRITTEN: Final = "name"
"""Name of a note: the number of a chunk as its client wrote it."""

_OF_A_MOVE: Final = (
    *(b"overwrite", b"if", b"if-match", b"if-none-match", b"depth", b"range"),
    *(b"x-oc-mtime", b"oc-mtime", b"x-oc-ctime", b"oc-checksum", b"oc-lazyops"),
)
"""Headers about the file, which do not belong into a request about a chunk."""


def _step(head: RequestHead) -> steps.Step | Refusal | None:
    methods = {head.method.upper()} | head.stands_for
    if methods & {"COPY", "MOVE"} and any(
        is_inside(value.decode("latin-1")) for value in head.values(b"destination")
    ):
        return refuse("Files are not moved or copied among the chunks of an upload.")
    if not is_inside(head.target.partition("?")[0]):
        return None
    if head.stands_for:
        return _UNCLEAR
    return None if head.method in _HARMLESS else _write(head)


def _write(head: RequestHead) -> steps.Step | Refusal | None:
    """Read a request that changes something below the folders of uploads."""
    folder, name = place_of(head.target) or ("", "")
    total = read_number(head, _TOTAL)
    if head.method == "DELETE":
        return steps.End(upload=folder, asked=head) if folder and not name else None
    if isinstance(total, Refusal):
        return total
    if head.method == "PUT" and CHUNK.fullmatch(name):
        return _bring(head, folder, name, total)
    if head.method != "MOVE" or name != WHOLE:
        return _UNCLEAR
    if total is None:
        return refuse("OC-Total-Length is required.")
    keys = [PartKey(folder, str(number)) for number in range(MOST_CHUNKS + 1)]
    return steps.Join(parts=lambda _: keys, total=total, until_gap=True)


_UNCLEAR: Final = refuse("The request is no step of an upload in chunks.")


def _bring(
    head: RequestHead, folder: str, name: str, total: int | None
) -> steps.Step | Refusal:
    if int(name) > MOST_CHUNKS:
        return refuse("At most 1000 chunks are taken; send larger ones.")
    return steps.Bring(
        key=PartKey(folder, str(int(name))),
        total=total,
        asked=_about(head, "PROPFIND", folder),
        is_whole=True,
        notes={_WRITTEN: name},
    )


def _key(
    step: steps.Step, _: RequestHead, reply: steps.OriginReply
) -> PartKey | Fault | None:
    if reply.status == HTTPStatus.MULTI_STATUS and isinstance(step, steps.Bring):
        return step.key
    # A success is of something else than a WebDAV server.
    return Fault.NOT_OPEN if reply.is_success else None


def _replay(
    head: RequestHead, parts: Sequence[steps.HeldPart], _: bytes, token: str | None
) -> steps.Replay:
    own = parts[0].key.upload if parts else ""
    folder = own if token is None else f"{own.rpartition('/')[0]}/{token}"
    puts = []
    for index, part in enumerate(parts):
        name = part.notes[_WRITTEN] if token is None else f"{index + 1:05d}"
        added = {b"Content-Type": b"application/octet-stream"}
        # A chunk of version 2 names the file, too.
        put = edit(
            head,
            method="PUT",
            target=f"{folder}/{name}",
            dropped=_OF_A_MOVE,
            added=added,
        )
        puts.append(ReplayRequest(put, index))
    if token is None:
        return steps.Replay(tuple(puts))
    begin = edit(head, method="MKCOL", target=folder, dropped=_OF_A_MOVE)
    move = edit(head, method="MOVE", target=f"{folder}/{WHOLE}")
    return steps.Replay(
        (ReplayRequest(begin), *puts, ReplayRequest(move)),
        undo=_about(head, "DELETE", folder),
    )


def _answer(outcome: steps.Outcome) -> steps.OwnReply | None:
    return steps.OwnReply(status=201) if isinstance(outcome, Assembly) else None


def _abort(head: RequestHead, upload: str, is_rejected: bool) -> RequestHead:
    """End the client's own folder, which has stayed empty, after any end."""
    del is_rejected
    return _about(head, "DELETE", upload)


NEXTCLOUD: Final = steps.PieceProtocol(
    "nextcloud", _step, _key, _replay, _answer, _abort
)


def _about(head: RequestHead, method: str, folder: str) -> RequestHead:
    """Return a request about the folder of an upload."""
    dropped = (*_OF_A_MOVE, b"destination", _TOTAL)
    added = {b"Depth": b"0"} if method == "PROPFIND" else {}
    return edit(head, method=method, target=folder, dropped=dropped, added=added)
