"""Messages to the operator about faults that every upload meets, and their rate."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.decisions.logs import totals_of
from tests.waiting import PATIENCE_S
from uploadfilter.decisions.files import room
from uploadfilter.decisions.files.clients import ClientHasher
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.decisions.records import flooding
from uploadfilter.decisions.records.flooding import CLIENTS_OF_A_NETWORK, NETWORK_BITS
from uploadfilter.decisions.records.making import DecisionFacts
from uploadfilter.decisions.records.records import DecisionRecord, ShedRecord
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.errors import LogWriteError
from uploadfilter.inspection.recorder import Recorder, Ticket
from uploadfilter.model import INCAPACITY, Action, Mode, Reason
from uploadfilter.web.counting.metrics import Metrics

NOON = 1_793_620_800.0


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A recorder over a real log."""
    with DecisionLog.open(tmp_path, instance="main", clock=lambda: NOON) as decisions:
        yield Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: NOON,
            metrics=Metrics(),
            # On a busy machine real seconds would let more refusals be listed.
            elapsed=lambda: 100.0,
        )


async def test_log_that_can_be_written_again_is_told(tmp_path: Path) -> None:
    """After a full disk the next durable record says that it is over, and for long."""
    elapsed = [100.0]
    with DecisionLog.open(tmp_path, instance="main", clock=lambda: NOON) as decisions:
        recorder = Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: NOON,
            metrics=Metrics(),
            elapsed=lambda: elapsed[0],
        )
        with capture_logs() as events:
            for _ in range(3):
                recorder.faults.say_full()
            elapsed[0] += 45
            await recorder.check_in()
            await recorder.check_in()

    names = ["decision_log_unwritable", "fault_over", "checkpoint", "checkpoint"]
    assert [item["event"] for item in events] == names
    assert events[1]["fault"] == "decision_log_unwritable"
    assert (events[1]["lasted_s"], events[1]["count"]) == (45.0, 3)


@pytest.mark.parametrize("leap_s", [-3600.0, 3600.0], ids=["back", "forth"])
async def test_duration_does_not_depend_on_who_sets_the_clock(
    tmp_path: Path, leap_s: float
) -> None:
    """The duration of an upload does not depend on the clock's time of day."""
    wall, elapsed = [NOON], [100.0]
    metrics = Metrics()
    with DecisionLog.open(tmp_path, instance="main", clock=lambda: NOON) as decisions:
        recorder = Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: wall[0],
            metrics=metrics,
            elapsed=lambda: elapsed[0],
        )
        ticket = recorder.ticket("192.0.2.7", "PUT")
        wall[0] += leap_s
        elapsed[0] += 1.5
        await recorder.decision(
            ticket,
            facts_of(recorder, ticket),
            within_s=30,
            room_s=30,
        )

    (recent,) = metrics.recent
    assert recent.duration_ms == 1500


def facts_of(
    recorder: Recorder, ticket: Ticket, failure: Reason | None = None, *, size: int = 0
) -> DecisionFacts:
    """Return what is known of an upload without contents."""
    refused = 503 if failure in INCAPACITY else 400
    return DecisionFacts(
        id=ticket.id,
        mode=Mode.ENFORCE,
        judgement=decide((), (), mode=Mode.ENFORCE, policy=Policy(), failure=failure),
        status=refused if failure else None,
        generation=None,
        client=ticket.client,
        method=ticket.method,
        size=size,
        duration_s=recorder.elapsed_s(ticket),
        route="all",
    )


async def refuse(
    recorder: Recorder,
    reason: Reason,
    address: str = "192.0.2.7",
    size: int = 3,
    room_s: float = 30,
) -> None:
    """Put a refused upload on record, as ``Upload`` does."""
    ticket = recorder.ticket(address, "PUT")
    await recorder.decision(
        ticket,
        facts_of(recorder, ticket, reason, size=size),
        within_s=30,
        room_s=room_s,
    )


async def test_decision_waits_for_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting old files takes a moment; an upload is lost only if that fails."""
    monkeypatch.setattr(room, "RESERVE_SHARE", 1e6)
    all_of_it = LogSettings(reserve_bytes=1 << 62)
    with DecisionLog.open(
        tmp_path, instance="main", clock=lambda: NOON, settings=all_of_it
    ) as decisions:
        recorder = Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: NOON,
            metrics=Metrics(),
        )
        with pytest.raises(LogWriteError, match="kept back"):
            await refuse(recorder, Reason.ABORTED, room_s=0.01)
        in_vain = await recorder.room(within_s=0.01)
        waiting = asyncio.ensure_future(refuse(recorder, Reason.ABORTED))
        await asyncio.sleep(0)
        monkeypatch.setattr(room, "RESERVE_SHARE", 0.0)
        await asyncio.wait_for(waiting, PATIENCE_S)

        assert not in_vain
        assert await recorder.room(within_s=0.01)
    assert [type(it) for it in read(tmp_path)].count(DecisionRecord) == 1


async def test_flood_of_refusals_is_one_record_a_minute(
    tmp_path: Path, recorder: Recorder
) -> None:
    """The records of each client's uploads add up to their number."""
    with capture_logs() as events:
        for _ in range(1500):
            await refuse(recorder, Reason.ABORTED)
        await refuse(recorder, Reason.ABORTED, address="192.0.2.8")
        await recorder.check_in()
    records = list(read(tmp_path))
    decisions = [it for it in records if isinstance(it, DecisionRecord)]
    first, second = [it for it in records if isinstance(it, SummaryRecord)]
    (totals,) = totals_of(tmp_path)

    assert first.client == decisions[0].client != second.client
    assert (len(decisions) + first.count, second.count) == (1500, 1)
    assert [(row.uploads, row.bytes) for row in totals.uploads] == [(1501, 4503)]
    assert [row.uploads for row in totals.reasons] == [1501]
    assert [it["event"] for it in events] == ["refusals_summarised", "checkpoint"]
    assert verify(tmp_path).ok


async def test_flood_from_a_network_is_few_records(
    tmp_path: Path, recorder: Recorder
) -> None:
    """Refused uploads are counted by network, if it has many clients."""
    for number in range(100):
        ticket = recorder.ticket(f"2001:db8:7:{number:x}::1", "PUT")
        recorder.shed(ticket, Reason.OVERLOADED, status=503)
    await recorder.check_in()
    sheds = [it for it in read(tmp_path) if isinstance(it, ShedRecord)]

    assert sum(it.count for it in sheds) == 100
    assert len(sheds) == CLIENTS_OF_A_NETWORK + 1
    assert [it.prefix for it in sheds if it.prefix] == [NETWORK_BITS]


async def test_summarised_uploads_count_in_the_metrics(recorder: Recorder) -> None:
    """The counts of an alert do not depend on the form of the record."""
    metrics = recorder._metrics  # noqa: SLF001 - it is handed in by the fixture
    for _ in range(1300):
        await refuse(recorder, Reason.TOO_LARGE)

    assert metrics.totals.effects[Action.REJECT] == 1300
    summarised = metrics.totals.summarised
    assert 0 < summarised <= 1300 - flooding.AT_ONCE
    line = f"uploadfilter_uploads_summarised_total {summarised}.0"
    assert line.encode() in metrics.exposition()


def test_ticket_has_a_code_if_the_form_is_served(tmp_path: Path) -> None:
    """It is that of its own id, and is made only for an answer that names it."""
    asked: list[str] = []

    def code_of(decision: str) -> str:
        asked.append(decision)
        return f"code of {decision}"

    with DecisionLog.open(tmp_path, instance="main", clock=lambda: NOON) as decisions:
        recorder = Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: NOON,
            metrics=Metrics(),
            code_of=code_of,
        )
        ticket = recorder.ticket("192.0.2.1", "POST")

    assert asked == []
    assert ticket.code == f"code of {ticket.id}"
    assert asked == [ticket.id]
