"""The end of an upload is remembered for a client that sends its last piece again."""

from pathlib import Path

import pytest

from tests.proxy.assembling.held import Clock
from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import NotAccepted, Reply
from uploadfilter.proxy.assembling.ends import RememberedEnd, find_end, remember_end
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.store import UploadStore
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.assembly.steps import OriginReply
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.origins.failing import OriginFailure

REJECTED = NotAccepted(
    answer=Answer(outcome=Outcome.REJECTED, status=403), decision_id="d1"
)
UNDECIDED = NotAccepted(
    answer=Answer(outcome=Outcome.LATER, status=503, reason=Reason.NO_SCANNER),
    decision_id="d2",
)


def replied(status: int) -> OriginReply:
    """Return an answer of the origin."""
    return OriginReply(status=status, headers=[], body=b"")


def made(path: Path, clock: Clock) -> tuple[UploadStore, str]:
    """Return a store, and the name of an upload."""
    store = UploadStore(path / "uploads", StoreSettings(), clock=clock)
    return store, store.name_of("a")


async def test_end_is_known_for_some_time(tmp_path: Path) -> None:
    """Afterwards the same name is a new upload; a clock that jumps ends it, too."""
    clock = Clock(1000)
    store, name = made(tmp_path, clock)
    await remember_end(store, name, "client", replied(200), {})
    await remember_end(store, name, "client", REJECTED, {"0": "77"})
    clock.now_s = 1060
    end = await find_end(store, name)
    assert end == RememberedEnd(rejection=REJECTED, sums={"0": "77"})
    clock.now_s = 900
    assert await find_end(store, name) is None
    clock.now_s = 1000
    assert await find_end(store, name) is None


async def test_upload_that_was_sent_on_has_no_rejection(tmp_path: Path) -> None:
    """Its client hears that all is well."""
    store, name = made(tmp_path, Clock(0))
    await remember_end(store, name, "client", replied(200), {})
    assert await find_end(store, name) == RememberedEnd(rejection=None, sums={})


@pytest.mark.parametrize(
    "done", [UNDECIDED, replied(500), OriginFailure.UNREACHABLE], ids=str
)
async def test_end_from_which_clients_go_on_is_not_remembered(
    tmp_path: Path, done: Reply | NotAccepted
) -> None:
    """The same upload may be sent again."""
    store, name = made(tmp_path, Clock(0))
    await remember_end(store, name, "client", done, {})
    assert await find_end(store, name) is None
