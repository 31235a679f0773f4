"""Work on many files in parallel, and report the results in their order."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TypeVar

T = TypeVar("T")

WINDOW_PER_JOB = 4
"""Files in progress for each scanner process.

More than one, so that processes are not idle while a slow file is waited for; few,
since each holds a descriptor and a scan of some 100 KiB.
"""


async def in_order(
    work: Iterable[Coroutine[None, None, T]],
    report: Callable[[T], None],
    *,
    window: int,
) -> None:
    """Run coroutines in parallel and report their results in the given order.

    Args:
        work: Coroutines, taken one by one as the window allows.
        report: Called with each result.
        window: Most coroutines that are begun and not reported.

    Raises:
        BaseException: The first exception of a coroutine or of ``report``, not in a
            group; all other coroutines are cancelled then.
    """
    pending: deque[asyncio.Task[T]] = deque()
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                pending.append(group.create_task(coroutine))
                if len(pending) >= window:
                    report(await pending.popleft())
            while pending:
                report(await pending.popleft())
    except BaseExceptionGroup as exc:
        raise exc.exceptions[0] from None
