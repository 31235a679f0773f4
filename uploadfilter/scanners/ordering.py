"""Work on many files side by side, and report what became of them in their order."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TypeVar

T = TypeVar("T")

WINDOW_PER_JOB = 4
"""Files in work for each scanner process.

More than one, so that a slow file does not leave the others idle while its line is
waited for; few, since each holds a descriptor and a scan of some 100 KiB.
"""


async def in_order(
    work: Iterable[Coroutine[None, None, T]],
    report: Callable[[T], None],
    *,
    window: int,
) -> None:
    """Run coroutines side by side and report their results in the order given.

    Args:
        work: Coroutines; taken one by one as there is room.
        report: Called with each result.
        window: Most of them that are begun and not reported.

    Raises:
        BaseException: The first that a coroutine or ``report`` raised, by itself and
            not in a group; everything else is cancelled then.
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
