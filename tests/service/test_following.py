"""The operational log's events about the reference set while the service runs."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog
from structlog.testing import capture_logs

from tests.proxy.admin.desk import NOWHERE
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.config import Settings
from uploadfilter.model import Mode
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.reference.entries.sets import SetInfo, Signed
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)
from uploadfilter.service.following import REMINDER_S, Following
from uploadfilter.signedsets.freshness import Status
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.live import LiveSettings

OVER = ("fault_over", None)


def live(mode: Mode) -> LiveSettings:
    """Return the settings of a proxy with one route."""
    origin = OriginSettings(url=NOWHERE)
    return Settings(origin=origin, state=Path(), mode=mode).live


class Told:
    """One proxy, a clock, and the events since they were asked for last."""

    def __init__(self, state: Path) -> None:
        self.mode = Mode.ENFORCE
        self.now_s = 0.0
        self.reference = ReferenceReader.open(state / REFERENCE_DIRECTORY)
        self._following = Following(
            self.reference,
            settings=lambda: live(self.mode),
            faults=OngoingFaults(structlog.get_logger()),
            clock=lambda: self.now_s,
        )

    async def events(self) -> list[tuple[object, object]]:
        """Look, and return the new events, each with the missing part."""
        with capture_logs() as logged:
            await self._following.look()
        return [(event["event"], event.get("lack")) for event in logged]


async def test_enforce_that_rejects_no_match_is_said_and_said_again(
    tmp_path: Path,
) -> None:
    """At the start, when a change brings it about, and hourly until it is mended."""
    list_entries(tmp_path, [exact_entry(1, b"a")], enforced=False)
    told = Told(tmp_path)
    monitored = ("nothing_enforced", "monitored")
    with told.reference:
        assert await told.events() == [("generation_active", None), monitored]
        assert await told.events() == []
        told.now_s += REMINDER_S
        assert await told.events() == [monitored]
        list_entries(tmp_path, [exact_entry(1, b"a")])
        assert await told.events() == [("generation_active", None), OVER]
        told.now_s += REMINDER_S
        assert await told.events() == []
        list_entries(tmp_path, [exact_entry(1, b"a")], enforced=False)
        assert await told.events() == [("generation_active", None), monitored]


async def test_reload_that_asks_for_enforce_is_looked_at(tmp_path: Path) -> None:
    """The mode may change while the reference set stays."""
    list_entries(tmp_path, [exact_entry(1, b"a")], enforced=False)
    told = Told(tmp_path)
    told.mode = Mode.MONITOR
    with told.reference:
        assert await told.events() == [("generation_active", None)]
        told.mode = Mode.ENFORCE
        assert await told.events() == [("nothing_enforced", "monitored")]


async def test_missing_reference_set_is_said_once(tmp_path: Path) -> None:
    """Uploads get 503 until a set is in force, which is reported then."""
    told = Told(tmp_path)
    with told.reference:
        assert await told.events() == [("reference_set_unusable", None)]
        assert await told.events() == []
        list_entries(tmp_path, [exact_entry(1, b"a")])
        assert await told.events() == [OVER, ("generation_active", None)]


def rolled_back(state: Path) -> Callable[[], None]:
    """Roll a reference set back; return a function that releases it."""
    directory = ReferenceDirectory(state / REFERENCE_DIRECTORY)
    with directory.writer() as writer:
        writer.rollback()

    def release() -> None:
        with directory.writer() as writer:
            writer.release()

    return release


async def test_rollback_is_said_until_it_is_released(tmp_path: Path) -> None:
    """Imports are refused until then."""
    for number in (1, 2):
        # The one that both list stays, also after the rollback.
        list_entries(tmp_path, [exact_entry(0, b"0"), exact_entry(number, b"a")])
    release = rolled_back(tmp_path)
    told = Told(tmp_path)
    with told.reference:
        assert ("generation_pinned", None) in await told.events()
        assert await told.events() == []
        told.now_s += REMINDER_S
        assert await told.events() == [("generation_pinned", None)]
        release()
        assert await told.events() == [("generation_active", None), OVER]


async def test_signed_set_that_grows_old_is_said(tmp_path: Path) -> None:
    """A warning at half of its time, an alarm at its end, and both again each hour."""
    directory = ReferenceDirectory(tmp_path / REFERENCE_DIRECTORY)
    info = SetInfo(
        name="unit7",
        issuer="U7",
        categories=("1",),
        enforced=True,
        imported_at=1,
        signed=Signed(root="", sequence=1),
    )
    with directory.writer(create=True) as writer:
        collected = writer.collect()
        collected.add(exact_entry(1, b"a"))
        writer.replace_set(collected, info)
    known = Status(set="unit7", source="", root="", synced_at=1000, expires_at=9000)
    state = {"now": 1000.0, "held": 0}
    with ReferenceReader.open(tmp_path / REFERENCE_DIRECTORY) as reference:
        following = Following(
            reference,
            settings=lambda: live(Mode.ENFORCE),
            faults=OngoingFaults(structlog.get_logger()),
            clock=lambda: state["now"],
            signed=lambda: (
                msgspec.structs.replace(known, held_back=int(state["held"])),
            ),
            now=lambda: state["now"],
        )

        async def events_at(now_s: float) -> list[object]:
            state["now"] = now_s
            with capture_logs() as logged:
                await following.look()
            return [event["event"] for event in logged]

        assert await events_at(1000) == ["generation_active"]
        assert await events_at(4999) == []
        assert await events_at(5000) == ["signed_set_aging"]
        assert await events_at(5001) == []
        assert await events_at(9000) == ["signed_set_expired", "fault_over"]
        state["held"] = 4
        assert await events_at(9001) == ["withdrawals_held_back"]
        state["held"] = 3
        assert await events_at(9002) == ["withdrawals_held_back"]
        assert await events_at(9002 + REMINDER_S) == [
            "signed_set_expired",
            "withdrawals_held_back",
        ]
