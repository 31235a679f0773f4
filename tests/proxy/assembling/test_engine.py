"""Every protocol for uploads in pieces keeps the same promises.

What only one protocol has stands in the tests of that protocol.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from tests.proxy.assembling.senders import (
    LISTED,
    LISTED_WORDS,
    PATHS,
    SENDERS,
    UNLISTED,
    Sender,
    TusSender,
    broken,
    renewed,
)
from tests.proxy.site import Site
from tests.proxy.wire import Got, status
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.model import Action, Verdict
from uploadfilter.web.routing.routes import UploadProtocol

OTHERS = [b"what stands before them; ", b", and what comes after them"]

CUTS_EVERY = int(os.environ.get("CUTS_EVERY", "61"))
"""Offsets at which the listed picture is cut: every 61st in CI; 1 for all of them."""

Made: TypeAlias = Callable[[Sequence[bytes]], Sender]
"""Makes a client of a protocol for a file in pieces."""

pytestmark = pytest.mark.asyncio(loop_scope="package")


def in_three(data: bytes) -> list[bytes]:
    """Cut a file."""
    return [data[:100], data[100:300], data[300:]]


@pytest.fixture(params=SENDERS, ids=lambda kind: kind.__name__)
def made(request: pytest.FixtureRequest, enforcing: Site) -> Made:
    """The clients of a protocol."""
    origins = renewed(enforcing)
    kind: type[Sender] = request.param
    return lambda pieces: kind(site=enforcing, origins=origins, pieces=list(pieces))


def held_bytes(site: Site) -> int:
    """Return how many bytes the filter holds."""
    files = (site.state / "uploads").glob("*.data")
    return sum(file.stat().st_size for file in files)


def is_fine(answer: bytes | None) -> bool:
    """Tell whether an answer is a success."""
    return bool(answer) and status(answer or b"") // 100 == 2


async def ended(sender: Sender, last: bytes) -> bytes:
    """End an upload whose last piece had an answer."""
    return await sender.join() or last


async def test_each_protocol_is_sent() -> None:
    """A further protocol is held to the same promises."""
    assert PATHS.keys() == set(UploadProtocol)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
async def test_harmless_file_arrives_in_any_order(
    made: Made, order: tuple[int, ...]
) -> None:
    """Nothing is shown before the last piece; it is one decision, and nothing stays."""
    sender = made(in_three(UNLISTED))
    if sender.is_ordered:
        order = (0, 1, 2)
    known = len(sender.site.decisions())
    await sender.begin()
    for index in order[:-1]:
        assert is_fine(await sender.step(index))
    assert sender.origins.shown() == set()
    answer = await ended(sender, await sender.step(order[-1]))

    assert is_fine(answer)
    assert sender.arrived() == [UNLISTED]
    (decision,) = sender.site.decisions()[known:]
    assert (decision.verdict, decision.reasons) == (Verdict.NO_MATCH, ())
    assert decision.pieces is not None
    assert decision.pieces.count == 3
    assert await sender.site.outcome(decision.id) == status(answer)
    assert held_bytes(sender.site) == 0


@pytest.mark.parametrize("cut", [*range(1, len(LISTED), CUTS_EVERY), len(LISTED) - 1])
async def test_listed_picture_is_rejected_wherever_it_is_cut(
    made: Made, cut: int
) -> None:
    """Its client gets 403, and nobody can fetch a byte of it at any time."""
    sender = made([LISTED[:cut], LISTED[cut:]])
    answer = await sender.upload()

    assert status(answer) == 403
    assert sender.origins.shown() == set()
    decision = sender.site.decisions()[-1]
    assert decision.id.encode() in answer
    assert (decision.verdict, decision.effect) == (Verdict.MATCH, Action.REJECT)
    assert held_bytes(sender.site) == 0


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_piece_that_is_a_listed_file_is_never_shown(
    made: Made, place: int
) -> None:
    """Wherever it stands among others; only the digest of the piece tells it.

    An origin that gets all bytes in one request shows no piece by itself.
    """
    pieces = list(OTHERS)
    pieces.insert(place, LISTED_WORDS)
    sender = made(pieces)
    await sender.upload()

    assert LISTED_WORDS not in sender.origins.shown()
    is_match = sender.site.decisions()[-1].verdict is Verdict.MATCH
    assert is_match is not isinstance(sender, TusSender)


async def test_pieces_that_begin_as_a_listed_file_are_never_shown(made: Made) -> None:
    """An origin that refuses the last piece keeps those before it."""
    sender = made([LISTED_WORDS[:20], LISTED_WORDS[20:], OTHERS[1]])
    await sender.upload()
    assert LISTED_WORDS not in sender.origins.shown()


async def test_last_version_of_a_piece_is_the_inspected_one(made: Made) -> None:
    """What was sent earlier in its place is nowhere; bytes in order never change."""
    sender = made(in_three(UNLISTED))
    await sender.begin()
    sender.pieces = in_three(LISTED)
    assert is_fine(await sender.step(0))
    sender.pieces = in_three(UNLISTED)
    repeated = await sender.step(0)
    await sender.step(1)
    answer = await ended(sender, await sender.step(2))

    if is_fine(repeated):
        assert is_fine(answer)
        assert sender.arrived() == [UNLISTED]
    else:
        assert status(repeated) == 409
        assert UNLISTED not in sender.origins.shown()
    assert LISTED not in sender.origins.shown()


async def test_aborted_piece_is_sent_again(made: Made) -> None:
    """Of bytes in order counts what has come; of a part, nothing."""
    sender = made(in_three(UNLISTED))
    own = sender.site
    await sender.begin()
    for index in range(3):
        sender.site = broken(own)
        await sender.step(index)
        sender.site = own
        answer = await sender.again(index)
        assert is_fine(answer)
    answer = await ended(sender, answer)
    assert is_fine(answer)
    assert sender.arrived() == [UNLISTED]


async def test_two_clients_on_one_piece_are_one_upload(made: Made) -> None:
    """One of them may be told to wait; the file arrives once, as one decision."""
    sender = made(in_three(UNLISTED))
    known = len(sender.site.decisions())
    await sender.begin()
    for index in range(2):
        answers = await asyncio.gather(*(sender.step(index) for _ in range(3)))
        assert any(map(is_fine, answers))
    last = await asyncio.gather(*(sender.step(2) for _ in range(3)))
    joined = await asyncio.gather(*(sender.join() for _ in range(3)))

    assert any(map(is_fine, [*last, *joined]))
    assert sender.arrived() == [UNLISTED]
    assert len(sender.site.decisions()) == known + 1


async def test_upload_whose_bytes_expired_is_begun_anew(made: Made) -> None:
    """Half of an upload is never taken for the upload."""
    sender = made(in_three(UNLISTED))
    await sender.begin()
    await sender.step(0)
    for file in (sender.site.state / "uploads").glob("*.*"):
        file.unlink()
    await sender.step(1)
    answer = await ended(sender, await sender.step(2))
    # A slice of a form is taken, and waits for the others.
    assert is_fine(answer) is not (sender.join_ends or sender.is_ordered)
    assert sender.arrived() == []
    again = made(in_three(UNLISTED))
    assert is_fine(await again.upload())
    assert again.arrived() == [UNLISTED]


async def test_cancelled_upload_leaves_nothing(made: Made) -> None:
    """Its bytes are deleted at once, and those of another upload are not."""
    other, sender = made(in_three(UNLISTED)), made(in_three(UNLISTED))
    for each in (other, sender):
        await each.begin()
        await each.step(0)
    known = held_bytes(sender.site)
    answer = await sender.cancel()
    if answer is None:
        return
    assert is_fine(answer)
    assert held_bytes(sender.site) == known // 2
    assert not is_fine(await ended(sender, await sender.step(1)))
    await other.step(1)
    assert is_fine(await ended(other, await other.step(2)))
    assert UNLISTED in other.arrived()


async def test_without_a_verdict_the_client_goes_on(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room in the log: 503, and the last step may be done again."""

    async def no_room(_: Recorder, *, within_s: float) -> bool:
        assert within_s > 0
        return False

    sender = made(in_three(UNLISTED))
    await sender.begin()
    await sender.step(0)
    await sender.step(1)
    last = await sender.step(2) if sender.join_ends else b""
    with monkeypatch.context() as full:
        full.setattr(Recorder, "room", no_room)
        answer = await ended(sender, last or await sender.step(2))
        assert status(answer) == 503
    assert sender.arrived() == []
    answer = await ended(sender, last or await sender.step(2))
    assert is_fine(answer)
    assert sender.arrived() == [UNLISTED]


async def test_origin_that_refuses_is_heard_and_gets_nothing_twice(made: Made) -> None:
    """Its status is that of the client and on record, and the upload has ended."""
    sender = made(in_three(UNLISTED))
    sender.origins.refuses = 507
    answer = await sender.upload()
    assert status(answer) == 507
    decision = sender.site.decisions()[-1]
    assert await sender.site.outcome(decision.id) == 507
    assert held_bytes(sender.site) == 0
    assert sender.arrived() == []


async def test_origin_that_breaks_off_a_replay_gets_nothing_twice(made: Made) -> None:
    """Its decision has an outcome, and the client that repeats it begins anew."""
    sender = made(in_three(UNLISTED))
    replayed: list[bytes] = []

    def breaks(got: Got) -> bool:
        replayed.extend(got.header(b"uploadfilter-decision"))
        return bool(got.header(b"uploadfilter-decision"))

    sender.site.origin.breaks = breaks
    answer = await sender.upload()
    assert status(answer) == 502
    decision = sender.site.decisions()[-1]
    assert await sender.site.outcome(decision.id) == "aborted"
    assert replayed == [decision.id.encode()]
    assert held_bytes(sender.site) == 0


async def test_full_disk_keeps_what_is_held(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The piece is refused, and the upload goes on when there is room."""
    sender = made(in_three(UNLISTED))

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    await sender.begin()
    assert is_fine(await sender.step(0))
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", full_disk)
        assert status(await sender.step(1)) == 503
    assert sender.origins.shown() == set()
    assert is_fine(await sender.step(1))
    assert is_fine(await ended(sender, await sender.step(2)))
    assert sender.arrived() == [UNLISTED]


@pytest.mark.parametrize("kind", SENDERS, ids=lambda kind: kind.__name__)
async def test_monitor_holds_records_and_passes(
    kind: type[Sender], monitoring: Site
) -> None:
    """A listed file arrives, and the record states the match."""
    sender = kind(site=monitoring, origins=renewed(monitoring), pieces=in_three(LISTED))
    assert is_fine(await sender.upload())
    assert sender.arrived() == [LISTED]
    decision = sender.site.decisions()[-1]
    assert decision.verdict is Verdict.MATCH
    assert (decision.action, decision.effect) == (Action.REJECT, Action.ACCEPT)
