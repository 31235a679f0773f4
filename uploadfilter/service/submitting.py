"""Submit the signed checkpoints of one log to its witnesses, and keep what they sign.

The newest checkpoint that a witness signed lies in
``log/tree/cosigned/<witness>.note``, with both signatures; ``uploadfilter verify``
reads that file. The directory of the log is what overseers get a copy of.

Rules this module keeps: uploads never wait for a witness; a long or late answer is cut
off; a witness that names a smaller tree than it has signed is reported, and still gets
the proof that it asks for.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
import structlog

from uploadfilter.decisions.files.treefiles import (
    COSIGNED_FOLDER,
    SignedTree,
    TreeFiles,
)
from uploadfilter.decisions.tree.notes import MOST_NOTE_BYTES, Note, TreeHead
from uploadfilter.decisions.tree.submitting import (
    MOST_ANSWER_BYTES,
    PATH,
    Answered,
    Cosigning,
    KnownWitness,
    Submission,
    answered,
    submission,
)
from uploadfilter.decisions.tree.tiles import TileReader
from uploadfilter.errors import LogError
from uploadfilter.ongoing import OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 60.0
"""Seconds between two submissions, as between two checkpoints."""

WITHIN_S: Final = 15.0
"""Seconds for one answer: a witness signs in milliseconds, and a slow one gets the next
checkpoint."""

_ASKS: Final = 2
"""Submissions at most of one checkpoint: the witness may know another size than the log
remembers, and names it once."""

_NAME_BYTES: Final = 16


class Submitting:
    """Submits the checkpoints of one log."""

    def __init__(
        self,
        directory: Path,
        witnesses: tuple[KnownWitness, ...],
        *,
        tell: Callable[[Cosigning], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._files = TreeFiles(directory)
        self._witnesses = witnesses
        self._tell = tell
        self._sleep = sleep
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Submit the newest checkpoint to each witness every minute."""
        while self._witnesses:
            await self.submit()
            await self._sleep(INTERVAL_S)

    async def submit(self) -> None:
        """Submit the newest checkpoint once, to all witnesses at the same time."""
        try:
            tree = await asyncio.to_thread(self._files.signed)
        except LogError as exc:
            # The task that signs it reports it, too; but a witness waits for nothing.
            self._faults.fail("checkpoint_not_submitted", error=str(exc), hint=exc.hint)
            return
        if tree is None or tree.head.size == 0:
            return
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(
                *(self._submit_to(it, tree, session) for it in self._witnesses)
            )

    def kept(self, witness: KnownWitness, tree: SignedTree) -> TreeHead | None:
        """Return the newest checkpoint that a witness has signed; ``None`` if unknown.

        A file that is damaged, or of another log, tells nothing: the witness itself
        names the size that it knows.
        """
        try:
            with self._path(witness).open("rb") as file:
                note = Note.parse(file.read(MOST_NOTE_BYTES))
            head = TreeHead.parse(note.text)
        except (OSError, ValueError):
            return None
        by_both = witness.key.signed_time(note), tree.key.signed_time(note)
        return head if None not in by_both and head.size <= tree.head.size else None

    async def _submit_to(
        self, witness: KnownWitness, tree: SignedTree, session: aiohttp.ClientSession
    ) -> None:
        """Submit a checkpoint to one witness, log what came of it, and count it."""
        kept = await asyncio.to_thread(self.kept, witness, tree)
        old = 0 if kept is None else kept.size
        found = Answered(result=None, size=old)
        try:
            for _ in range(_ASKS):
                found = await self._ask(witness, tree, session, found.size)
                if found.result is not None:
                    break
                if kept is not None and found.size < kept.size:
                    why = f"it signed {kept.size} leaves, and names {found.size} now"
                    self._say(witness, Cosigning.FORGOT, why)
        except LogError as exc:
            self._faults.fail("checkpoint_not_submitted", error=str(exc), hint=exc.hint)
            return
        self._faults.recover("checkpoint_not_submitted")
        result = found.result or Cosigning.INVALID
        if found.note is None:
            self._say(witness, result, found.why or "it names one size after another")
            return
        try:
            await asyncio.to_thread(
                self._files.write, self._path(witness), found.note.data
            )
        except LogError as exc:
            self._faults.fail("cosignature_not_kept", error=str(exc), hint=exc.hint)
        else:
            self._faults.recover("cosignature_not_kept")
        self._faults.recover("checkpoint_not_cosigned", witness.key.name)
        self._tell(result)
        log.info("checkpoint_cosigned", witness=witness.key.name, size=found.size)

    async def _ask(
        self,
        witness: KnownWitness,
        tree: SignedTree,
        session: aiohttp.ClientSession,
        old: int,
    ) -> Answered:
        """Submit a checkpoint once.

        Raises:
            LogError: The tiles of the proof cannot be read.
        """
        read = TileReader(tree.head.size, self._files.tile)
        sent = await asyncio.to_thread(submission, tree.note, old, read)
        try:
            return await _post(session, witness, sent)
        except (aiohttp.ClientError, OSError) as exc:
            why = f"{type(exc).__name__}: {exc}"
            return Answered(result=Cosigning.UNREACHABLE, why=why)

    def _say(self, witness: KnownWitness, result: Cosigning, why: str) -> None:
        self._tell(result)
        self._faults.fail(
            "checkpoint_not_cosigned",
            witness.key.name,
            witness=witness.key.name,
            result=result,
            error=why,
        )

    def _path(self, witness: KnownWitness) -> Path:
        digest = hashlib.sha256(witness.key.text.encode()).hexdigest()
        return self._files.path / COSIGNED_FOLDER / f"{digest[: 2 * _NAME_BYTES]}.note"


async def _post(
    session: aiohttp.ClientSession, witness: KnownWitness, sent: Submission
) -> Answered:
    """Send a submission, and read the beginning of the answer."""
    async with session.post(
        witness.url + PATH, data=sent.data, allow_redirects=False
    ) as answer:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > MOST_ANSWER_BYTES:
                break
        return answered(
            sent,
            witness.key,
            status=answer.status,
            kind=answer.content_type,
            body=bytes(body[:MOST_ANSWER_BYTES]),
        )
