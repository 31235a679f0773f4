"""Receive the bytes of one request into the store.

Rules this module keeps:

- A part of its own counts only if it has come whole. Of other bytes counts what has
  come, unless their checksum is stated.
- A part that goes on is copied as it was sent, and held without its framing. It counts
  only after the origin has taken it: then its owner calls ``keep``.
"""

from uploadfilter.inspection.spool import Spool
from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import Workbench
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.uploads.assembly.assembly import Fault
from uploadfilter.uploads.assembly.steps import Bring, Failure
from uploadfilter.uploads.body.awschunked import AwsChunkedExtractor
from uploadfilter.uploads.body.extractors import Refused
from uploadfilter.uploads.head.awschunked import Framing
from uploadfilter.web.requests.arrival import Arrival


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
        self._framing = framing
        self._frames: AwsChunkedExtractor | None = None
        if framing is not None:
            decoded = self._decoded.append
            self._frames = AwsChunkedExtractor(framing, None, on_decoded=decoded)

    async def receive(self, bench: Workbench, arrival: Arrival) -> Failure | None:
        """Receive the body, and make durable as much of it as counts.

        The result says why not all of it is held.
        """
        held, step = self._held, self._step
        framing, stated = self._framing, arrival.head.declared_length
        length = framing.decoded_length if framing else stated
        total = None if step.is_whole else step.total
        failed: Failure | None = held.begin(step.at, length, total)
        if failed is not None:
            return failed
        is_waiting = False
        try:
            failed = await bench.receive(arrival, self._take)
            is_cut = isinstance(failed, Reason) and not step.is_whole
            if failed is not None and (not is_cut or step.stated is not None):
                return failed
            fault = self._fault()
            is_waiting = fault is None and step.goes_on
            if fault is not None or is_waiting:
                return fault
            return await self.keep() or failed
        finally:
            if not is_waiting:
                await held.drop()  # of nothing, if the bytes are committed

    async def keep(self) -> Failure | None:
        """Make the bytes count, or say why they do not."""
        return await self._held.commit(is_whole=self._step.is_whole)

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
            failed = await self._held.write(piece)
            if failed is not None:
                return failed
        return None

    def _fault(self) -> Failure | None:
        """Return what is wrong with bytes that have come to their end."""
        stated, frames = self._step.stated, self._frames
        if frames is not None and any(isinstance(it, Refused) for it in frames.end()):
            return Reason.UNSUPPORTED_CODING
        if stated and self._sum and self._sum.digest() != stated.value:
            return Fault.OTHER_SUM
        return None
