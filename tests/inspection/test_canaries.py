"""A canary goes the way of an upload, up to its record, and no further."""

import asyncio
import time
from pathlib import Path

import msgspec
from structlog.testing import capture_logs

from tests.proxy.site import Site, list_entries, site
from uploadfilter.decisions.records.records import CanaryRecord
from uploadfilter.model import Action, Mode, Verdict
from uploadfilter.signedsets import canaries
from uploadfilter.syncing.canaries import Sent, canary_key, doors, seen_as, send
from uploadfilter.syncing.statuses import notes

LISTED = canaries.entries()


async def sent(it: Site, key: bytes | None = None) -> Sent:
    """Send the canary to the address for clients."""
    return await asyncio.to_thread(
        send,
        doors(it.state)[0],
        canary_key(it.state) if key is None else key,
        epoch_s=time.time(),  # noqa: TID251 - the service looks at this clock
    )


def recorded(it: Site) -> list[CanaryRecord]:
    """Return the canaries on record."""
    return [item for item in it.records() if isinstance(item, CanaryRecord)]


def told(it: Site) -> str:
    """Return the metrics."""
    assert it.service is not None
    return it.service.watched.metrics.exposition().decode()


async def test_canary_goes_nowhere_and_is_nobodys_upload(tmp_path: Path) -> None:
    """It may be listed fully, partly or not at all."""
    async with site(tmp_path, listed=()) as it:
        with capture_logs() as events:
            unlisted = await sent(it)
        list_entries(tmp_path, LISTED[1:])
        await sent(it)
        (half,) = notes(tmp_path)
        list_entries(tmp_path, LISTED)
        # A budget of rejections would be used up by these.
        answers = [await sent(it) for _ in range(25)]
        missed, half_found, *found = recorded(it)
        metrics = told(it)
        (note,) = notes(tmp_path)

    assert unlisted == Sent(status=200, decision=missed.id)
    assert missed.verdict is Verdict.NO_MATCH
    assert [e["event"] for e in events if "canary" in e["event"]] == ["canary_unlisted"]
    assert half_found.verdict is Verdict.MATCH
    assert half.found == {}
    assert [answer.status for answer in answers] == [403] * 25
    assert {record.effect for record in found} == {Action.REJECT}
    assert {match.entry for match in found[0].matches} == set(canaries.IDS)
    assert note.found == {"demo": int(found[-1].time.timestamp())}
    assert len(note.recent) == 8
    seen = seen_as([note], answers[-1].decision)
    assert seen is not None
    assert seen.matched == (("demo", canaries.EXACT), ("demo", canaries.NEAR))
    assert it.origin.got == []
    assert (it.decisions(), it.outcomes()) == ([], {})
    assert 'uploadfilter_canaries_total{result="unlisted"} 1.0' in metrics
    assert 'uploadfilter_canaries_total{result="found"} 26.0' in metrics
    assert 'verdict="MATCH"} 1.0' not in metrics
    async with site(tmp_path, listed=()) as it:
        assert it.service is not None
        assert it.service.watched.canaries() == note


async def test_canary_in_monitor_and_those_who_are_not_the_operator(
    tmp_path: Path,
) -> None:
    """A canary is not forwarded; a wrong header is refused, and never passed on.

    Without the header the picture is somebody's match, and goes on as such.
    """
    async with site(tmp_path, listed=LISTED, mode=Mode.MONITOR) as it:
        answer = await sent(it)
        other = await sent(it, bytes(32))
        name = canaries.HEADER
        bare = await it.send(
            b"GET / HTTP/1.1\r\n%s%s: x\r\n\r\n" % (b"Host: a\r\n", name)
        )
        before = list(it.origin.got)
        somebody = await it.put(canaries.picture())
        (record,) = recorded(it)
        (decision,) = it.decisions()
        metrics = told(it)

    assert (answer.status, answer.decision) == (200, record.id)
    assert (record.verdict, record.effect) == (Verdict.MATCH, Action.ACCEPT)
    assert other.status == 400
    assert bare.startswith(b"HTTP/1.1 400 ")
    assert before == []
    assert somebody.startswith(b"HTTP/1.1 200 ")
    assert decision.verdict is Verdict.MATCH
    assert 'uploadfilter_canaries_total{result="refused"} 2.0' in metrics


def test_damaged_note_is_none() -> None:
    """The next canary writes a new note."""
    assert canaries.read_note(b"{") == canaries.CanaryNote()
    assert (
        canaries.read_note(msgspec.json.encode({"found": 1})) == canaries.CanaryNote()
    )
