"""Sign a checkpoint of the decision log's tree every minute.

A failure does not stop uploads: each record is durable and in the chain. It stops the
checkpoints, and is logged each time, so that nobody takes an old one for new.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from uploadfilter.decisions.files.growing import GrowingTree
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.errors import LogError
from uploadfilter.ongoing import OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SIGNING_INTERVAL_S = 60.0
"""Seconds between two checkpoints, as between those of the chain."""


FIRST_RECORD_S = 1.0
"""Seconds between two looks for the first record of this process, which comes at its
start. Without it a proxy that stops within a minute would sign nothing."""


class Signing:
    """Lets the tree of one log grow, in a thread of its own.

    Args:
        end: Returns the last durable record; ``None`` before the first.

    Attributes:
        was_tried: Set after the first try, which also takes the records of before.
    """

    def __init__(
        self,
        directory: Path,
        *,
        instance: str,
        end: Callable[[], Checkpoint | None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.was_tried = asyncio.Event()
        self._sleep = sleep
        self._tree = GrowingTree(directory, instance=instance, pause=self._pause)
        self._end = end
        self._stopping = threading.Event()
        self._has_signed = False
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Sign a checkpoint at the start, and every minute, until cancelled."""
        try:
            while True:
                has_begun = self._end() is not None
                await self._once()
                await self._sleep(SIGNING_INTERVAL_S if has_begun else FIRST_RECORD_S)
        finally:
            self._stopping.set()

    async def finish(self) -> None:
        """Sign the last checkpoint; a tree that was never whole is left for later."""
        if self._has_signed:
            self._stopping.clear()
            await self._once()

    async def _once(self) -> None:
        end = self._end()
        if end is None:
            return
        try:
            tree = await asyncio.to_thread(self._tree.grow, end)
        except LogError as exc:
            self._faults.fail("tree_unsigned", error=str(exc), hint=exc.hint)
        else:
            self._has_signed = True
            self._faults.recover("tree_unsigned")
            log.info(
                "signed_checkpoint",
                origin=tree.head.origin,
                size=tree.head.size,
                root=tree.head.root.hex(),
            )
        self.was_tried.set()

    def _pause(self, seconds: float) -> None:
        """Let others run, in the thread of the tree.

        Raises:
            LogError: The proxy stops.
        """
        if self._stopping.wait(seconds):
            raise LogError(
                "the tree was not completed, because the proxy stops",
                hint="It is completed after the next start.",
            )
