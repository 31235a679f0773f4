"""Make the decision about an upload durable, and count it.

Rules this module keeps: a decision that is not on record has no effect; a match is
always recorded, whatever the policy decides about it.
"""

from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.records.making import DecisionFacts
from uploadfilter.decisions.records.records import PiecesRecord
from uploadfilter.decisions.records.sealed import SealedRecord
from uploadfilter.errors import LogError
from uploadfilter.inspection.admission import Admission
from uploadfilter.inspection.afterwards import CopySearch, copy_job
from uploadfilter.inspection.canaries import Canaries
from uploadfilter.inspection.commands import Command, Record
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.sealing import Sealer
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Action, Match, MatchKind, Reason, Verdict


class Recording:
    """The step between a decision and its effect.

    Args:
        recorder: Writes decisions.
        admission: Charges records, and counts the rejections of each client.
        tripwire: Counts the networks that match an entry.
        canaries: Notes the results of canaries.
        sealer: Seals the evidence of rejected uploads.
        copies: Searches accepted uploads for altered copies, after the answer.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        admission: Admission,
        tripwire: Tripwire,
        canaries: Canaries,
        sealer: Sealer,
        copies: CopySearch,
    ) -> None:
        self._recorder = recorder
        self._admission = admission
        self._tripwire = tripwire
        self._canaries = canaries
        self._sealer = sealer
        self._copies = copies

    async def record(self, upload: Upload, command: Record) -> list[Command]:
        """Make the decision durable; a shed is only counted."""
        recorder, inspection = self._recorder, upload.inspection
        upload.decision = command
        judgement = command.judgement
        is_shed = judgement.effect is Action.RETRY_LATER and not upload.is_canary
        if is_shed and judgement.verdict is not Verdict.MATCH:
            recorder.shed(upload.ticket, judgement.reason, status=503)
            return inspection.recorded()
        limits = upload.settings.limits
        sealed = await self._sealer.seal(upload, command)
        try:
            await recorder.decision(
                upload.ticket,
                self._facts(upload, command, sealed),
                within_s=limits.record_s,
                room_s=limits.log_room_s,
                canary=self._canaries if upload.is_canary else None,
            )
        except LogError as exc:
            await self._sealer.discard(upload, sealed)
            recorder.faults.say_unwritable(exc)
            recorder.shed(upload.ticket, Reason.LOG_UNWRITABLE, status=503)
            return inspection.record_failed()
        if not upload.is_canary:
            self._count(upload, command)
            job = copy_job(upload, command)
            if job is not None:
                self._copies.offer(job)
        return inspection.recorded()

    def _facts(
        self, upload: Upload, command: Record, sealed: SealedRecord | None
    ) -> DecisionFacts:
        """Gather what is known of an upload."""
        ticket, route = upload.ticket, upload.arrival.route
        generation, pieces = upload.generation, upload.pieces
        return DecisionFacts(
            id=ticket.id,
            mode=route.mode,
            judgement=command.judgement,
            status=command.status,
            generation=generation.number if generation else None,
            client=ticket.client,
            method=ticket.method,
            size=upload.inspection.body_bytes,
            duration_s=self._recorder.elapsed_s(ticket),
            route=route.name,
            cpu_s=sum(upload.costs_s),
            scans=command.scans,
            matches=command.matches,
            sealed=sealed,
            pieces=PiecesRecord(protocol=pieces.protocol, count=pieces.count)
            if pieces
            else None,
        )

    def _count(self, upload: Upload, command: Record) -> None:
        """Count a decision that is on record against its client and its entries."""
        self._admission.recorded(upload.arrival.client_key)
        matches = _effective(command.matches, upload.arrival.route.policy)
        if matches:
            threshold = upload.settings.limits.tripwire_networks
            place = self._recorder.place(upload.ticket)
            self._tripwire.saw(matches, place, threshold=threshold)
        if command.judgement.is_rejection:
            self._admission.rejected(upload.arrival)


def _effective(matches: tuple[Match, ...], policy: Policy) -> tuple[Match, ...]:
    """Leave out altered copies that are only counted: they harm no honest upload.

    Otherwise pictures that only look alike could end the rejection of others that are
    within the threshold.
    """
    if policy.altered is not Action.ACCEPT:
        return matches
    return tuple(it for it in matches if it.kind is not MatchKind.ALTERED)
