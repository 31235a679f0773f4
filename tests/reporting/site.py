"""A site with two proxies and their logs, as a pilot of some weeks leaves them."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from tests.decisions.files.trees import end_of
from tests.decisions.logs import DAY_S, NOON, Clock, unsynced
from uploadfilter.decisions.files.growing import GrowingTree
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.records import (
    CheckpointRecord,
    CopyRecord,
    DecisionRecord,
    MatchRecord,
    OutcomeRecord,
    ShedRecord,
    UnsearchedRecord,
    moment,
)
from uploadfilter.model import (
    Action,
    EntryState,
    MatchKind,
    Mode,
    Reason,
    SignalType,
    Verdict,
)

FIRST: Final = date(2026, 11, 25)
PROXIES: Final = ("north", "south")

_EXACT = (SignalType.MD5, SignalType.SHA256)
_KINDS: Final[tuple[tuple[tuple[SignalType, ...], MatchKind], ...]] = (
    ((*_EXACT, SignalType.PDQ), MatchKind.WITHIN),
    ((SignalType.SHA256, SignalType.PDQ), MatchKind.WITHIN),
    ((SignalType.PDQ,), MatchKind.WITHIN),
    ((SignalType.PDQ,), MatchKind.WITHIN),
    ((SignalType.PDQ,), MatchKind.ALTERED),
)


ALTERED_COPY: Final = MatchRecord(
    content="0",
    set="unit7",
    entry="a",
    category="1",
    state=EntryState.ACTIVE,
    signal_type=SignalType.PDQ,
    distance=40,
    view="stored",
    variant=None,
    geometry=None,
    quality=None,
    kind=MatchKind.ALTERED,
    chance=1e-12,
)


def write_site(folder: Path, *, days: int = 3, uploads: int = 12) -> list[Path]:
    """Write the logs of two proxies, with trees; return their directories.

    Args:
        folder: Where the state directories are made.
        days: Days from ``FIRST`` on.
        uploads: Uploads of a proxy and day.
    """
    found = []
    for number, name in enumerate(PROXIES):
        directory = folder / name / "instances" / name / "log"
        chance = random.Random(number)  # noqa: S311 -- the same site each time
        clock = Clock(NOON - DAY_S / 2 + 60)
        with DecisionLog.open(
            directory, instance=name, clock=clock, sync=unsynced
        ) as log:
            for day in range(days):
                start = NOON - DAY_S / 2 + 60 + day * DAY_S
                for second, record in _day(name, day, uploads, chance):
                    clock.now = start + second
                    log.append(replace(record, time=moment(clock.now))).result()
        GrowingTree(directory, instance=name, pause=lambda _: None, durably=False).grow(
            end_of(directory)
        )
        found.append(directory)
    return found


_Record = (
    DecisionRecord
    | OutcomeRecord
    | CopyRecord
    | UnsearchedRecord
    | ChangeRecord
    | ShedRecord
    | CheckpointRecord
)


def last_day(days: int) -> date:
    """Return the last day of a site."""
    return FIRST + timedelta(days=days - 1)


def _day(
    name: str, day: int, uploads: int, chance: random.Random
) -> Iterator[tuple[float, _Record]]:
    """Yield the records of a day, with the second of the day."""
    length = DAY_S - 120
    if day == 0:
        yield 0, _change(Change.START, {})
    yield (
        5,
        _change(
            Change.IMPORT,
            {"sequence": day + 1, "withdrawn": day % 3},
            subject="unit7",
            at=5 + 60 * PROXIES.index(name),
        ),
    )
    for number in range(uploads):
        at = 10 + number * length / uploads
        decision = _decision(f"{name}-{day}-{number}", name, chance)
        yield at, decision
        if decision.effect is Action.ACCEPT:
            outcome = OutcomeRecord(
                time=moment(0),
                decision=decision.id,
                outcome=chance.choice([201, 201, 502]),
            )
            yield at + 0.1, outcome
    yield (
        length,
        CopyRecord(
            time=moment(0),
            decision=f"{name}-{day}-0",
            generation=1,
            matches=(ALTERED_COPY,),
        ),
    )
    yield length, UnsearchedRecord(time=moment(0), minute=moment(0), count=3)
    yield (
        length,
        ShedRecord(
            time=moment(0),
            minute=moment(0),
            client=None,
            reason=Reason.OVERLOADED,
            status=503,
            count=chance.randrange(3, 9),
        ),
    )


def _change(
    change: Change, details: dict[str, object], *, subject: str = "", at: float = 0
) -> ChangeRecord:
    return ChangeRecord(
        time=moment(NOON),
        change=change,
        at=moment(NOON + at),
        by=None,
        subject=subject,
        generation=1,
        details=details,
    )


def _decision(id_: str, instance: str, chance: random.Random) -> DecisionRecord:
    drawn = chance.random()
    mode = Mode.ENFORCE if chance.random() < 0.8 else Mode.MONITOR
    record = DecisionRecord(
        time=moment(NOON),
        id=id_,
        instance=instance,
        mode=mode,
        generation=1,
        verdict=Verdict.NO_MATCH,
        action=Action.ACCEPT,
        effect=Action.ACCEPT,
        reason=None,
        status=None,
        client=f"client-{chance.randrange(40)}",
        method="POST",
        size=chance.randrange(10**4, 10**7),
        duration_ms=chance.lognormvariate(3.4, 0.6),
        contents=(),
        matches=(),
        would=Action.ACCEPT,
        route=chance.choice(["default", "default", "avatars"]),
        cpu_ms=chance.lognormvariate(2.9, 0.5),
    )
    if drawn < 0.1:
        return _matched(record, chance)
    reasons = {0.14: Reason.TRUNCATED, 0.17: Reason.ENCRYPTED, 0.19: Reason.EXEMPT}
    reason = next((it for most, it in reasons.items() if drawn < most), None)
    if reason is None:
        return record
    return replace(
        record,
        verdict=Verdict.INCONCLUSIVE,
        reason=reason,
        reasons=(reason,),
        would_reason=reason,
    )


def _matched(record: DecisionRecord, chance: random.Random) -> DecisionRecord:
    types, kind = chance.choice(_KINDS)
    is_altered = kind is MatchKind.ALTERED
    matches = tuple(
        MatchRecord(
            content="0",
            set=chance.choice(["unit7", "unit7", "hotline"]),
            entry="a",
            category=chance.choice(["1", "2"]),
            state=EntryState.ACTIVE,
            signal_type=it,
            distance=0 if it.is_exact else 17,
            view=None,
            variant=None,
            geometry=None,
            quality=None,
            kind=kind,
            chance=None if it.is_exact else 10 ** chance.uniform(-14, -8),
        )
        for it in types
    )
    action = Action.ACCEPT if is_altered else Action.REJECT
    effect = action if record.mode is Mode.ENFORCE else Action.ACCEPT
    return replace(
        record,
        verdict=Verdict.MATCH,
        action=action,
        effect=effect,
        would=action,
        status=403 if effect is Action.REJECT else None,
        matches=matches,
        altered=is_altered,
    )
