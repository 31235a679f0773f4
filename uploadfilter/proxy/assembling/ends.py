"""Remember how uploads ended whose clients cannot ask for it.

A client that did not get the answer to its last piece sends that piece again. Its bytes
are gone by then; so the end is remembered, as an entry of the store without bytes, and
the client gets the same answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from uploadfilter.proxy.assembling.bench import NotAccepted, Reply, is_verdict
from uploadfilter.proxy.assembling.store import HeldUpload, UploadStore
from uploadfilter.rejections import REJECT_STATUS, Outcome
from uploadfilter.uploads.assembly.assembly import Denial
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.steps import OriginReply
from uploadfilter.uploads.assembly.webforms import NAME
from uploadfilter.web.answering.answer import Answer

REMEMBERED_S: Final = 60.0
"""Seconds for which an end is remembered: scripts try again within some."""

_DECISION: Final = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedEnd:
    """How an upload ended.

    Attributes:
        rejection: The rejection; ``None`` if the origin has taken the upload.
        sums: The checksums of its pieces by their keys.
    """

    rejection: NotAccepted | None
    sums: Mapping[str, str]


async def find_end(store: UploadStore, name: str) -> RememberedEnd | None:
    """Return how the upload of a name ended lately; forget an earlier end."""
    found = await store.peek(name)
    if isinstance(found, Denial):
        return None
    if abs(store.clock() - found.head.created) > REMEMBERED_S:
        await store.remove(name)
        return None
    notes = dict(found.head.notes)
    decision = notes.pop(_DECISION, None)
    if decision is None:
        return RememberedEnd(rejection=None, sums=notes)
    told = Answer(outcome=Outcome.REJECTED, status=REJECT_STATUS)
    rejection = NotAccepted(answer=told, decision_id=decision)
    return RememberedEnd(rejection=rejection, sums=notes)


async def remember_end(
    store: UploadStore,
    name: str,
    client_key: str,
    done: Reply | NotAccepted,
    sums: Mapping[str, str],
) -> None:
    """Remember that an upload was sent on, or rejected, and by which decision.

    Args:
        store: Holds the end.
        name: The name of the end there, from ``name_of``.
        client_key: The client, for quotas.
        done: How it ended; an end from which clients go on is not remembered.
        sums: The checksums of its pieces by their keys.
    """
    notes = dict(sums)
    if isinstance(done, NotAccepted):
        if not is_verdict(done.answer):
            return
        notes[_DECISION] = done.decision_id
    elif not isinstance(done, OriginReply) or not done.is_success:
        return
    head = UploadHead(
        protocol=NAME,
        created=int(store.clock()),
        client=store.client_of(client_key),
        total=0,
        most=0,
        is_part=True,
        notes=notes,
    )
    held = await store.replace(name, head)
    if isinstance(held, HeldUpload):
        await held.close()
