"""Tests of uploadfilter.noticing.queueing."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.noticing.notices import notice
from tests.objecting.objections import NOON_S
from uploadfilter.errors import NoticeError
from uploadfilter.noticing.queueing import FILE, NoticeQueue, NoticeReceipt


def test_notice_waits_until_it_is_delivered(tmp_path: Path) -> None:
    """The oldest first; one that failed comes later, with its tries."""
    with NoticeQueue(tmp_path / "n" / FILE) as queue:
        for number in (2, 1):
            assert queue.add(notice(number), network="a") is NoticeReceipt.RECEIVED
        first = queue.due(now=NOON_S + 10, most=5)
        queue.postpone(notice(1), until_s=NOON_S + 100)
        queue.delivered(notice(2))
        soon = queue.due(now=NOON_S + 50, most=5)
        later = queue.due(now=NOON_S + 100, most=5)
        length = queue.length()

    assert [it.notice for it in first] == [notice(1), notice(2)]
    assert soon == ()
    assert [(it.notice, it.tries) for it in later] == [(notice(1), 1)]
    assert (length.waiting, length.oldest_s) == (1, notice(1).received_s)
    modes = {stat.S_IMODE(it.stat().st_mode) for it in (tmp_path / "n").iterdir()}
    assert modes == {0o600}


def test_full_queue_refuses_its_network_first(tmp_path: Path) -> None:
    """Ten thousand of one client leave room for the notice of another."""
    with NoticeQueue(tmp_path / FILE, most_waiting=40) as queue:
        own = [queue.add(notice(at), network="a") for at in range(60)]
        others = [queue.add(notice(100 + at), network=f"n{at}") for at in range(12)]

    assert own.count(NoticeReceipt.RECEIVED) == 30
    assert set(own[30:]) == {NoticeReceipt.NETWORK_FULL}
    assert others.count(NoticeReceipt.RECEIVED) == 10
    assert others[-1] is NoticeReceipt.FULL


def test_old_notices_are_forgotten(tmp_path: Path) -> None:
    """A hotline that never answers does not make the queue a store."""
    with NoticeQueue(tmp_path / FILE) as queue:
        queue.add(notice(1), network="")
        queue.add(notice(900), network="")

        assert queue.forget(before_s=NOON_S + 500) == 1
        assert queue.length().waiting == 1


def test_damaged_queue_is_told(tmp_path: Path) -> None:
    """It is an error that names the file."""
    (tmp_path / FILE).write_bytes(b"x" * 4096)

    with pytest.raises(NoticeError, match=r"notices\.db.* cannot be used"):
        NoticeQueue(tmp_path / FILE)


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.noticing.notices import notice
from uploadfilter.noticing.queueing import NoticeQueue
NoticeQueue(Path(sys.argv[1])).add(notice(), network="")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_confirmed_notice_outlives_a_kill(tmp_path: Path) -> None:
    """A process that is killed right after its answer has lost nothing."""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _KILLED, str(tmp_path / FILE)],
        check=False,
        env=dict(os.environ),
    )
    with NoticeQueue(tmp_path / FILE) as queue:
        assert queue.length().waiting == 1
    assert ended.returncode == -signal.SIGKILL
