"""The files of an upload outlive the process that held them."""

import fcntl
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from tests.proxy.assembling.held import DATA, head, opened, put, stored, whole
from uploadfilter.proxy.assembling.heldfile import JOURNAL, HeldFile
from uploadfilter.uploads.assembly.assembly import Denial
from uploadfilter.uploads.assembly.journal import UploadHead


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_killed_process_leaves_what_was_committed(
    tmp_path: Path, pieces: int
) -> None:
    """After kill -9 the lock is free, and the offset is that of the last commit."""
    store = stored(tmp_path)
    name = store.name_of("a")
    context = multiprocessing.get_context("fork")
    ready, tell = context.Pipe(duplex=False)
    child = context.Process(
        target=_holding, args=(store.directory, name, head(store), pieces, tell)
    )
    child.start()
    assert ready.poll(10)
    assert await store.open(name) is Denial.BUSY
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    held = await opened(store, name)
    assert held.offset == pieces
    assert await put(held, pieces, DATA[pieces:]) is None
    assert await whole(held) == DATA
    await held.close()


async def test_upload_that_begins_while_another_is_deleted_keeps_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the journal is gone, the names of both files belong to the next upload."""
    store = stored(tmp_path)
    name = store.name_of("a")
    old = HeldFile.create(store.directory, name, head(store))
    assert isinstance(old, HeldFile)
    unlink, begun = Path.unlink, list[HeldFile | Denial]()

    def unlink_and_begin(path: Path, *, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        if path.suffix == JOURNAL:
            begun.append(HeldFile.create(store.directory, name, head(store)))

    monkeypatch.setattr(Path, "unlink", unlink_and_begin)
    old.remove()
    old.close()
    (new,) = begun
    assert isinstance(new, HeldFile)
    new.close()
    again = await opened(store, name)
    await again.close()


async def test_upload_that_is_opened_while_it_begins_is_never_lost_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who finds a journal without its head deletes it, and who began it learns that."""
    store = stored(tmp_path)
    name = store.name_of("a")
    flock, waits = fcntl.flock, [True]

    def open_before(descriptor: int, operation: int) -> None:
        if waits and waits.pop():
            assert HeldFile.open(store.directory, name) is Denial.MISSING
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", open_before)
    assert HeldFile.create(store.directory, name, head(store)) is Denial.BUSY
    new = HeldFile.create(store.directory, name, head(store))
    assert isinstance(new, HeldFile)
    new.close()


async def test_upload_that_another_locks_while_it_begins_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are those of the other then, and stay."""
    store = stored(tmp_path)
    name = store.name_of("a")

    def lock(_descriptor: int, _operation: int) -> None:
        raise BlockingIOError

    with monkeypatch.context() as locked:
        locked.setattr(fcntl, "flock", lock)
        assert HeldFile.create(store.directory, name, head(store)) is Denial.BUSY
    assert [file.suffix for file in store.directory.glob(f"{name}*")] == [JOURNAL]


def _holding(
    directory: Path, name: str, first: UploadHead, pieces: int, tell: "_Sender"
) -> None:
    """Commit single bytes, begin one more piece, and wait to be killed."""
    held = HeldFile.create(directory, name, first)
    assert isinstance(held, HeldFile)
    for at in range(pieces + 1):
        held.assembly.begin(at, 1)
        assert held.assembly.receive(DATA[at : at + 1]) is None
        held.keep([DATA[at : at + 1]])
        if at < pieces:
            held.commit(is_whole=False)
    tell.send(True)
    signal.pause()


class _Sender:
    """The part of a connection that a child uses."""

    def send(self, obj: object) -> None:
        """Send an object."""
