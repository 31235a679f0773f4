"""Receive the bytes of one request into the store.

Rules this module keeps:

- A part of its own counts only if it has come whole. Of other bytes counts what has
  come, unless their checksum is stated.
- A part that goes on is copied as it was sent, and held without its framing.
"""

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import Workbench
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.spool import Spool
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly.assembly import Fault, State
from uploadfilter.uploads.assembly.steps import Bring, Failure
from uploadfilter.uploads.body.awschunked import AwsChunkedExtractor
from uploadfilter.uploads.body.extractors import Refused
from uploadfilter.uploads.head.awschunked import Framing


class Receiving:
    """One request whose bytes are held.

    Args:
        held: Takes the bytes; this request has locked it.
        step: What the request says about them.
        framing: The framing of S3, if they have it.
        copy: Takes them as they were sent; ``None`` without a copy.
    """

    def __init__(
        self,
        held: HeldUpload,
        step: Bring,
        *,
        framing: Framing | None,
        copy: Spool | None,
    ) -> None:
        self._held = held
        self._step = step
        self._copy = copy
        self._sum = step.stated.begin() if step.stated else None
        self._decoded: list[bytes] = []
        self._frames: AwsChunkedExtractor | None = None
        if framing is not None:
            decoded = self._decoded.append
            self._frames = AwsChunkedExtractor(framing, None, on_decoded=decoded)

    async def received(self, bench: Workbench, arrival: Arrival) -> Failure | None:
        """Receive the body, and make it durable, or as much of it as counts.

        Args:
            bench: Receives.
            arrival: The request.

        Returns:
            Why not all of it is held; ``None`` if it is.
        """
        held, step = self._held, self._step
        length = None if self._frames else arrival.head.declared_length
        is_empty = step.is_whole and held.state is State.COMPLETE
        failed: Failure | None = None
        if not is_empty:
            total = None if step.is_whole else step.total
            failed = await held.begin(step.at, length, total)
        if failed is not None:
            return failed
        try:
            failed = await bench.receive(arrival, self._take)
            return await self._finished(failed)
        finally:
            await held.drop()  # of nothing, if the bytes are committed

    async def _take(self, data: bytes) -> Failure | None:
        if self._copy is not None and not await self._copy.write(data):
            return Reason.SPOOL_FULL
        if self._frames is None:
            self._decoded.append(data)
        elif any(isinstance(each, Refused) for each in self._frames.receive(data)):
            return Reason.UNSUPPORTED_CODING
        pieces, self._decoded[:] = tuple(self._decoded), ()
        for piece in pieces:
            if self._sum is not None:
                self._sum.update(piece)
            if self._held.state is not State.OPEN:
                return Fault.BEYOND_TOTAL
            failed = await self._held.write(piece)
            if failed is not None:
                return failed
        return None

    async def _finished(self, failed: Failure | None) -> Failure | None:
        held, step, frames = self._held, self._step, self._frames
        is_kept = not step.is_whole and step.stated is None
        if failed is not None and not (is_kept and isinstance(failed, Reason)):
            return failed
        if frames is not None and any(isinstance(it, Refused) for it in frames.end()):
            return Reason.UNSUPPORTED_CODING
        if step.stated and self._sum and self._sum.digest() != step.stated.value:
            return Fault.OTHER_SUM
        if held.state is State.OPEN:
            failed = await held.commit() or failed
        if not step.is_whole or failed is not None:
            return failed
        if held.assembly.total is None:
            failed = await held.state_total(held.offset)
        is_short = failed is None and held.state is not State.COMPLETE
        return Reason.ABORTED if is_short else failed
