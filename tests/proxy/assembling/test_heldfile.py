"""The files of an upload outlive the process that held them."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from tests.proxy.assembling.held import DATA, head, opened, put, stored, whole
from uploadfilter.proxy.assembling.heldfile import HeldFile
from uploadfilter.uploads.assembly.assembly import Denial
from uploadfilter.uploads.assembly.journal import UploadHead


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_killed_process_leaves_what_was_committed(
    tmp_path: Path, pieces: int
) -> None:
    """After kill -9 the lock is free, and the offset is that of the last commit."""
    store = stored(tmp_path)
    name = await store.name_of("a")
    assert name is not None
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
            held.commit()
    tell.send(True)
    signal.pause()


class _Sender:
    """The part of a connection that a child uses."""

    def send(self, obj: object) -> None:
        """Send an object."""
