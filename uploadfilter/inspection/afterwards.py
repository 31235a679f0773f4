"""Choose what of an upload is searched for altered copies after the answer.

Only an accepted upload without a match is searched, where the policy accepts altered
copies; with any other policy it was searched before its decision.

Rules this module keeps: of an upload nothing is held but planes, pictures of 64 x 64
grey values; and it takes at most some milliseconds of the event loop.
"""

from itertools import islice
from typing import Final, Protocol

import msgspec

from uploadfilter.decisions.records.numbering import numbered
from uploadfilter.evidence.finding import SearchedView, choose_views, searchable
from uploadfilter.inspection.commands import Record
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Action, SignalType, Verdict
from uploadfilter.signals import pdq

MOST_LOOKED_AT: Final = 64
"""Views that are looked at to choose some: 30 us each."""


class CopyJob(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that is to be searched for altered copies.

    Attributes:
        decision: Id of its decision.
        client: Key of its client in limits; ``""`` means no client.
        views: The views to search; their contents are numbers.
        is_whole: Whether these are all views that are worth a search.
    """

    decision: str
    client: str
    views: tuple[SearchedView, ...]
    is_whole: bool

    @property
    def size(self) -> int:
        """The bytes of its planes."""
        return sum(len(view.plane) for view in self.views)


class CopySearch(Protocol):
    """An object that searches uploads some time later."""

    def offer(self, job: CopyJob) -> None:
        """Search an upload later, or count that it is not."""


def copy_job(upload: Upload, command: Record) -> CopyJob | None:
    """Return what is searched of an upload; ``None`` if nothing is."""
    judgement, generation = command.judgement, upload.generation
    policy = upload.arrival.route.policy
    if not upload.settings.evidence.is_after_answer(policy):
        return None
    is_passed = judgement.effect is Action.ACCEPT
    if not is_passed or judgement.verdict is Verdict.MATCH:
        return None
    if generation is None or SignalType.PDQ not in generation.signal_types:
        return None
    views = searchable(command.scans)
    chosen = choose_views(islice(views, MOST_LOOKED_AT), quality_of=pdq.quality)
    if not chosen.views:
        return None
    numbers = {scan.path: number for number, scan in numbered(command.scans)}
    return CopyJob(
        decision=upload.ticket.id,
        client=upload.arrival.client_key,
        views=tuple(
            msgspec.structs.replace(view, content=numbers[view.content])
            for view in chosen.views
        ),
        is_whole=not chosen.unfinished and next(views, None) is None,
    )
