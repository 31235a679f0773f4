"""Receive a piece whose head states which bytes of the upload it is.

Rule this module keeps: a body that is longer or shorter than its head states is not
taken; of a body that breaks off, what has come is.
"""

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import Failure, Workbench
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly.assembly import Fault


async def receive_range(
    bench: Workbench,
    arrival: Arrival,
    held: HeldUpload,
    *,
    at: int,
    length: int | None,
    total: int | None,
) -> Failure | None:
    """Receive a piece and make it durable, or as much of it as has come.

    Args:
        bench: Receives the body.
        arrival: The request that brings it.
        held: The upload, which this request has locked.
        at: Offset of the first byte.
        length: Number of bytes; ``None`` for all to the end of the body.
        total: Length of the upload, if the head states it.

    Returns:
        Why the piece is not complete; ``None`` if it is.
    """
    failed: Failure | None = await held.begin(at, length, total)
    if failed is not None:
        return failed
    count = 0

    async def take(data: bytes) -> Failure | None:
        nonlocal count
        count += len(data)
        if length is not None and count > length:
            return Fault.BEYOND_TOTAL
        return await held.write(data)

    try:
        failed = await bench.receive(arrival, take)
        if failed is None and length not in {None, count}:
            failed = Fault.OTHER_TOTAL
        if failed is not None and not isinstance(failed, Reason):
            return failed
        return await held.commit() or failed
    finally:
        await held.drop()  # of nothing, if the piece is committed
