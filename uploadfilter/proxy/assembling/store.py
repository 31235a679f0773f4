"""The upload store: uploads in several requests, on disk until their verdict.

::

    DIR                 0700, ``uploads`` in the state directory or a shared folder
      key               keys the names below, so that they disclose nothing; 0600
      <name>.journal    one upload: its head, then each durable step; 0600, ``flock``
      <name>.data       its bytes, in the order in which they came; 0600

Rules this module keeps:

- The store knows no clients: who may go on with an upload is for the origin to say.
- A lack of room, or of the disk, is an expected outcome: a ``Denial``. The client is
  told, and goes on or begins anew; no upload is forgotten silently.
- An upload that is missing, damaged or from another version is unknown: its client
  begins anew.
- An upload expires by the clock *and* by the time that this process has seen it
  unchanged: a clock that jumps ends no upload that somebody is sending.
"""

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from zlib import crc32

import structlog

from uploadfilter.errors import ServiceError
from uploadfilter.ongoing import QUIET_S, OngoingFaults
from uploadfilter.proxy.assembling.heldfile import (
    DATA,
    JOURNAL,
    HeldFile,
    client_of,
    denial_of,
    peek,
    remove_unlocked,
)
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.usage import Holding, StoreEvent, StoreUsage
from uploadfilter.state import PRIVATE_MODE, make_private, only_one, write_private
from uploadfilter.uploads.assembly.assembly import Denial, Fault, State
from uploadfilter.uploads.assembly.journal import Restored, UploadHead

log: structlog.stdlib.BoundLogger = structlog.get_logger()

UPLOADS: Final = "uploads"
"""Folder of the store in the state directory."""

SURVEY_S: Final = 10.0
"""Seconds between two surveys: ten thousand uploads take 0.2 seconds of a thread."""

SEEN_S: Final = 600.0
"""Seconds for which this process must have seen an upload unchanged before it expires,
whatever the clock says."""

_FLUSH_BYTES: Final = 512 * 1024
"""Bytes that are handed to a thread at a time, as for a spool."""

_KEY: Final = "key"
_KEY_BYTES: Final = 32
_UPLOAD_DIGITS, _PART_DIGITS = 24, 16
_LOCK_S: Final = 5.0

_T = TypeVar("_T")


class UploadStore:
    """The uploads in pieces of a state directory, or of a shared folder.

    Args:
        directory: Folder of the store; it is made if it is not there.
        limits: Limits of the held uploads.
        clock: Seconds since the epoch.
        elapsed: Monotonic seconds.

    Raises:
        ServiceError: The folder or its key cannot be made or read.
    """

    def __init__(
        self,
        directory: Path,
        limits: StoreSettings,
        *,
        clock: Callable[[], float],
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.usage = StoreUsage(limits)
        self.directory = directory
        self.clock = clock
        self._limits = limits
        self._elapsed = elapsed
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)
        try:
            self._secret = self._read_key()
        except OSError as exc:
            raise ServiceError(
                f"cannot hold uploads in pieces in {str(self.directory)!r}: "
                f"{exc.strerror}",
                hint="Let this user write to the folder, or name another one: "
                "directory in [upload_store].",
            ) from exc

    def name_of(self, *words: str, part: str = "") -> str:
        """Return the name of an upload, or of a part of it.

        Args:
            words: What tells the upload apart: protocol, route, address.
            part: What tells the part from others of the upload.
        """
        upload = self._digest("id", *words)[:_UPLOAD_DIGITS]
        return upload + self._digest("part", *words, part)[:_PART_DIGITS]

    def client_of(self, client: str) -> str:
        """Return the keyed hash of a client for quotas; empty for no client."""
        return self._digest("client", client)[:16] if client else ""

    async def create(self, name: str, head: UploadHead) -> "HeldUpload | Denial":
        """Begin an upload, durably; its lock is held until it is closed."""
        # Counted before anything is awaited: many may begin at once.
        if not self.usage.begin(name, head.client):
            return Denial.FULL
        made: HeldFile | Denial = Denial.UNUSABLE
        try:
            made = await self._try(lambda: HeldFile.create(self.directory, name, head))
        finally:
            if isinstance(made, Denial) and made is not Denial.EXISTS:
                self.usage.end(name)
        if isinstance(made, Denial):
            return made
        self.usage.is_now(name, 0)
        self.usage.counts[StoreEvent.BEGUN] += 1
        return HeldUpload(self, made)

    async def replace(
        self,
        name: str,
        head: UploadHead,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> "HeldUpload | Denial":
        """Begin an upload, in the place of an older one of this name.

        ``is_wanted`` says whether its client, who may have sent both, is still there.
        """
        async with self.lock(name) as old:
            if isinstance(old, HeldUpload) and is_wanted():
                await old.remove()
            elif old is not Denial.MISSING:
                return old if isinstance(old, Denial) else Denial.BUSY
        made = await self.create(name, head)  # or somebody else has, meanwhile
        return Denial.BUSY if made is Denial.EXISTS else made

    async def remove_all(self, *words: str) -> None:
        """Delete an upload with all its parts, except those that others work on."""
        pattern = f"{self.name_of(*words)[:_UPLOAD_DIGITS]}?*{JOURNAL}"
        found = await self._try(lambda: list(self.directory.glob(pattern)))
        for name in [] if isinstance(found, Denial) else [it.stem for it in found]:
            await self.remove(name)

    async def remove(self, name: str) -> None:
        """Delete an upload, unless somebody works on it."""
        async with self.lock(name) as held:
            if isinstance(held, HeldUpload):
                await held.remove()

    async def open(self, name: str) -> "HeldUpload | Denial":
        """Lock an upload that was begun: ``MISSING``, or ``BUSY`` if it is locked."""
        made = await self._try(lambda: HeldFile.open(self.directory, name))
        if made is Denial.MISSING:
            self.usage.end(name)
        elif made is Denial.BUSY:
            self.usage.counts[StoreEvent.BUSY] += 1
        return made if isinstance(made, Denial) else HeldUpload(self, made)

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator["HeldUpload | Denial"]:
        """Open an upload during a block."""
        held = await self.open(name)
        try:
            yield held
        finally:
            if not isinstance(held, Denial):
                await held.close()

    async def peek(self, name: str) -> Restored | Denial:
        """Return an upload as it is now, without its lock."""
        found = await self._try(lambda: peek(self.directory, name) or Denial.MISSING)
        if isinstance(found, Denial):
            return found
        is_replayed = found.assembly.state is State.DECIDED
        return Denial.MISSING if is_replayed else found

    async def survey(self) -> None:
        """Count the uploads on disk, and delete the expired ones."""
        known = self.usage.clients()
        found = await self._try(lambda: self._look_at_files(known))
        if not isinstance(found, Denial):
            self.usage.take_survey(found)

    async def keep(self) -> None:
        """Survey repeatedly, until cancelled."""
        while True:
            await self.survey()
            await asyncio.sleep(SURVEY_S)

    def _read_key(self, known: bytes = b"") -> bytes:
        """Return the key of the folder, and make both if they are not there.

        Args:
            known: The key until now, which is that of other proxies, too.
        """
        make_private(self.directory)
        if self.directory.stat().st_mode & 0o777 != PRIVATE_MODE:
            self.directory.chmod(PRIVATE_MODE)
        path = self.directory / _KEY
        if not path.exists():
            with only_one(self.directory / f"{_KEY}.lock", within_s=_LOCK_S):
                if not path.exists():
                    write_private(path, known or os.urandom(_KEY_BYTES))
        secret = path.read_bytes()
        if len(secret) != _KEY_BYTES:
            raise OSError(None, "the key of the store is damaged")
        return secret

    def _digest(self, *words: str) -> str:
        told = b"\0".join(word.encode("utf-8", "surrogateescape") for word in words)
        return hmac.digest(self._secret, told, "sha256").hex()

    def _look_at_files(self, known: Mapping[str, str]) -> dict[str, Holding]:
        """Look at every file; ``known`` holds clients that were read before."""
        # Somebody may have deleted the folder, and another proxy made a new key.
        self._secret = self._read_key(self._secret)
        found: dict[str, Holding] = {}
        seen: dict[str, tuple[tuple[int, int], float]] = {}
        for entry in os.scandir(self.directory):
            name, suffix = Path(entry.name).stem, Path(entry.name).suffix
            if suffix not in {JOURNAL, DATA}:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # removed meanwhile
                continue
            mark = (status.st_mtime_ns, status.st_size)
            before = self._seen.get(entry.name)
            since_s = before[1] if before and before[0] == mark else self._elapsed()
            seen[entry.name] = (mark, since_s)
            holding = found.get(name, Holding("", 0))
            if suffix == DATA:
                found[name] = holding._replace(size=status.st_blocks * 512)
            else:
                client = known.get(name) or client_of(self.directory, name)
                found[name] = holding._replace(client=client)
        for name in list(found):
            if self._is_over(name, seen) and remove_unlocked(self.directory, name):
                self.usage.counts[StoreEvent.EXPIRED] += 1
                del found[name]
        self._seen = seen
        return found

    def _is_over(
        self, name: str, seen: dict[str, tuple[tuple[int, int], float]]
    ) -> bool:
        """Tell whether no file of an upload has changed for long enough."""
        marks = [seen[it] for it in (name + JOURNAL, name + DATA) if it in seen]
        changed_s = max(mark[0] for mark, _ in marks) / 1e9
        seen_s = self._elapsed() - max(since_s for _, since_s in marks)
        expire_s = self._limits.expire_s
        age_s = abs(self.clock() - changed_s)
        return age_s > expire_s and seen_s >= min(SEEN_S, expire_s)

    async def _try(self, work: Callable[[], _T]) -> _T | Denial:
        """Run something in a thread; a failure of the disk is a ``Denial``."""
        try:
            done = await asyncio.to_thread(work)
        except OSError as exc:
            return self.note_failure(exc)
        self._faults.recover("upload_store_unusable")
        return done

    def note_failure(self, exc: OSError) -> Denial:
        """Note that the disk failed, and tell the operator."""
        denial = denial_of(exc)
        is_full = denial is Denial.FULL
        event = StoreEvent.DISK_FULL if is_full else StoreEvent.UNUSABLE
        self.usage.counts[event] += 1
        if denial is Denial.UNUSABLE:
            self._faults.fail(
                "upload_store_unusable",
                error=exc.strerror or str(exc),
                hint="Uploads in several requests get 503 until its folder works.",
            )
        return denial


class HeldUpload:
    """One upload, whose lock this process holds until ``close``.

    Attributes:
        name: Its name.
        head: The first line of its journal.
        assembly: Its bytes so far.
    """

    def __init__(self, store: UploadStore, file: HeldFile) -> None:
        self._store = store
        self._file = file
        self.name, self.head, self.assembly = file.name, file.head, file.assembly
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._is_gone = False
        self._order = asyncio.Lock()

    @property
    def state(self) -> State:
        """How far it has come."""
        return self.assembly.state

    @property
    def offset(self) -> int:
        """Bytes that are held."""
        return self.assembly.offset

    def begin(
        self, at: int, length: int | None = None, total: int | None = None
    ) -> Fault | None:
        """Begin a piece; the arguments are those of ``Assembly.begin``."""
        return self.assembly.begin(at, length, total)

    async def write(self, data: bytes) -> Fault | Denial | None:
        """Take bytes of the piece, or say why not; then call ``drop``."""
        fault = self.assembly.receive(data)
        if fault is not None:
            return fault
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if not self._store.usage.take(self.name, self.head.client, len(data)):
            return Denial.FULL
        return await self._flush() if self._waiting_bytes >= _FLUSH_BYTES else None

    async def commit(self, *, is_whole: bool = False) -> Denial | None:
        """Make the piece durable; otherwise it does not count, and this says why."""
        failed = await self._flush()
        if failed is not None:
            await self.drop()
            return failed
        done = await self._done(partial(self._file.commit, is_whole=is_whole))
        self._store.usage.is_now(self.name, self.offset)
        return done

    async def drop(self) -> None:
        """Forget the piece that has begun, if there is one."""
        self._waiting, self._waiting_bytes = [], 0
        await self._done(self._file.drop)
        self._store.usage.is_now(self.name, self.offset)

    async def undo(self) -> None:
        """Forget the last piece; without a disk that takes that, the whole upload."""
        if self._is_gone:
            return
        if await self._done(self._file.undo) is not None:
            await self.remove()
        self._store.usage.is_now(self.name, self.offset)

    async def decide(self, decision: str) -> Denial | None:
        """Note durably that the first byte may go to the origin now."""
        return await self._done(lambda: self._file.decide(decision))

    async def remove(self) -> None:
        """Delete it: it was replayed, rejected, ended by its client, or has failed."""
        self._is_gone = True
        self._store.usage.end(self.name)
        await self._done(self._file.remove)

    async def read(self) -> AsyncIterator[bytes]:
        """Yield the upload in its order.

        Raises:
            DamagedUploadError: The disk returns other bytes than were committed.
        """
        at = 0
        for piece in self.assembly.pieces:
            end, known = at + piece.length, 0
            while at < end:
                data = await self._in_thread(partial(self._file.read, at, end - at))
                if not data:
                    raise DamagedUploadError
                at, known = at + len(data), crc32(data, known)
                yield data
            if known != piece.checksum:
                raise DamagedUploadError

    async def close(self) -> None:
        """Release the lock."""
        await self._in_thread(self._file.close)

    async def _flush(self) -> Denial | None:
        if not self._waiting:
            return None
        data, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return await self._done(partial(self._file.keep, data))

    async def _done(self, work: Callable[[], None]) -> Denial | None:
        try:
            await self._in_thread(work)
        except OSError as exc:
            return self._store.note_failure(exc)
        return None

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        """Run work on the files after the work before, to its end if cancelled.

        Otherwise a thread could work on a descriptor that belongs to another upload.
        """

        async def run() -> _T:
            async with self._order:
                return await asyncio.to_thread(work)

        task = asyncio.ensure_future(run())
        task.add_done_callback(_take_error)
        return await asyncio.shield(task)


def _take_error(task: "asyncio.Task[_T]") -> None:
    """Take the error of work whose request was cancelled, and so awaits it no more."""
    if not task.cancelled():
        task.exception()


class DamagedUploadError(OSError):
    """The bytes of an upload are not those that were committed."""
