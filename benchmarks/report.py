"""How many records a second does a report count, and check, and in how much memory?

Two logs of three months are generated: decisions and outcomes as a site has them, one
upload in 500 with a match. The report is made by processes, one for each CPU; then
again from kept counts; then it is verified. Rates are records in a second of each
process's CPU time, times the processes: others may use the machine, too. The seconds by
the clock stand beside them, and the largest memory of one process.
"""

import hashlib
import os
import resource
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.harness import Aim, Options, Report, cpu_s
from uploadfilter.decisions.files.growing import GrowingTree
from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.records.records import (
    Checkpoint,
    ContentRecord,
    DecisionRecord,
    MatchRecord,
    OutcomeRecord,
    SegmentRecord,
    encode,
)
from uploadfilter.model import Action, EntryState, MatchKind, Mode, SignalType, Verdict
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import By, ReportChoices
from uploadfilter.reporting.gathered import ReportDays
from uploadfilter.reporting.gathering import GatherOptions, gather
from uploadfilter.reporting.page.rendering import page_of
from uploadfilter.reporting.verifying import verify_report

RECORDS = 10_000_000
"""Records that are generated: 5 GB. The aim is stated for ten times as many."""

AIM_RECORDS, AIM_S, AIM_MB = 100_000_000, 600, 500
"""The aim: 10^8 records in ten minutes and 500 MB."""

DAYS, OF_SEGMENT, MATCH_EVERY = 90, 140_000, 500
"""Days of the logs; records of a segment, some 64 MiB; uploads for each match."""

_FIRST = date(2026, 7, 1)
_START = datetime(2026, 7, 1, tzinfo=UTC)
_SEQ, _PREVIOUS = 987654321, "f" * 64


def measure(options: Options, folder: Path) -> Report:
    """Generate logs, report on them, and verify the report."""
    found = measure_logs(folder, 200_000 if options.quick else RECORDS)
    aims = [
        Aim(
            text=f"seconds to {what} {AIM_RECORDS:,} records",
            measured=AIM_RECORDS / found[f"{what}_records_a_second"],
            most=AIM_S,
        )
        for what in ("report", "verify")
    ]
    aims.append(Aim(text="MB", measured=found["memory_mb"], most=AIM_MB))
    return Report(rows=[found], aims=aims)


def measure_logs(folder: Path, records: int) -> dict[str, float]:
    """Return the figures."""
    directories = [folder / name / "log" for name in ("north", "south")]
    size = 0
    for directory in directories:
        size += generate(directory, records // len(directories))
    days = ReportDays(_FIRST, _FIRST + timedelta(days=DAYS))
    chosen = ReportChoices(
        first=days.first,
        last=days.end - timedelta(days=1),
        by=By.MONTH,
        least=5,
    )
    options = GatherOptions(jobs=len(os.sched_getaffinity(0)), cache=folder / "cache")
    seconds, spent = [], []
    page, counted = "", 0
    for _ in range(2):
        begun, before = time.perf_counter(), cpu_s()
        logs = gather(directories, days, options)
        made = compose(logs, chosen, program="1", made="now", jobs=options.jobs)
        page = page_of(made)
        seconds.append(time.perf_counter() - begun)
        spent.append(cpu_s() - before)
        counted = sum(log.records for log in logs)
    begun, before = time.perf_counter(), cpu_s()
    check = verify_report(page.encode(), directories, options)
    verified_s, verified_cpu_s = time.perf_counter() - begun, cpu_s() - before
    if not check.ok:
        raise RuntimeError(f"the report does not verify: {check.findings}")
    work = counted * options.jobs
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    memory_kb = max(resource.getrusage(it).ru_maxrss for it in who)
    return {
        "records": counted,
        "gigabytes": round(size / 1e9, 2),
        "processes": options.jobs,
        "report_s": round(seconds[0], 1),
        "report_cpu_us_a_record": round(spent[0] / counted * 1e6, 2),
        "report_records_a_second": round(work / spent[0]),
        "report_again_s": round(seconds[1], 1),
        "report_again_cpu_us_a_record": round(spent[1] / counted * 1e6, 2),
        "verify_s": round(verified_s, 1),
        "verify_records_a_second": round(work / verified_cpu_s),
        "memory_mb": round(memory_kb / 1000),
        "page_bytes": len(page),
    }


def generate(directory: Path, records: int) -> int:
    """Write a log with its tree; return its bytes."""
    directory.mkdir(parents=True)
    previous, number, size, matches = "0" * 64, 0, 0, 0
    kinds = list(_kinds())
    name: str | None = None
    for place in range(1, -(-records // OF_SEGMENT) + 1):
        day = (place - 1) * DAYS * OF_SEGMENT // max(records, OF_SEGMENT)
        start = _START + timedelta(days=min(day, DAYS - 1))
        segment = Segment(place, start.date())
        number += 1
        head = SegmentRecord(
            seq=number,
            previous=previous,
            time=start,
            instance=directory.parent.name,
            number=place,
            predecessor=name,
            matches=matches,
            awaiting=(),
            begun=None if place == 1 else _FIRST,
        )
        line = encode(head)
        previous, name = hashlib.sha256(line).hexdigest(), segment.name
        with (directory / segment.name).open("wb") as file:
            file.write(line + b"\n")
            for at in range(min(OF_SEGMENT, records - (place - 1) * OF_SEGMENT) - 1):
                number += 1
                before, middle, after, is_match = kinds[at % len(kinds)]
                second = start + timedelta(seconds=at * 80_000 // OF_SEGMENT)
                line = b"%s%d%s%s%s%s" % (
                    before,
                    number,
                    middle,
                    previous.encode(),
                    second.strftime('","time":"%Y-%m-%dT%H:%M:%SZ').encode(),
                    after,
                )
                previous = hashlib.sha256(line).hexdigest()
                matches += is_match
                file.write(line + b"\n")
            size += file.tell()
    tree = GrowingTree(
        directory,
        instance=directory.parent.name,
        pause=lambda _: None,
        durably=False,
    )
    tree.grow(Checkpoint(number, previous))
    return size


def _kinds() -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Yield the records of some uploads, cut where number, hash and time stand."""
    for upload in range(MATCH_EVERY):
        record = _decision(upload)
        is_match = record.verdict is Verdict.MATCH
        for it in (record, _outcome(record)):
            if it is None:
                continue
            line = encode(msgspec.structs.replace(it, seq=_SEQ, previous=_PREVIOUS))
            before, _, rest = line.partition(str(_SEQ).encode())
            middle, _, rest = rest.partition(_PREVIOUS.encode())
            after = rest[rest.index(b'Z"') + 1 :]
            yield before, middle, after, is_match and it is record


def _outcome(record: DecisionRecord) -> OutcomeRecord | None:
    if record.effect is not Action.ACCEPT:
        return None
    return OutcomeRecord(time=_START, decision=record.id, outcome=201)


def _decision(upload: int) -> DecisionRecord:
    is_match = upload == 0
    action = Action.REJECT if is_match else Action.ACCEPT
    match = MatchRecord(
        content="0",
        set="unit7",
        entry="entry-1",
        category="1",
        state=EntryState.ACTIVE,
        signal_type=SignalType.PDQ,
        distance=12,
        view="stored",
        variant=None,
        geometry=None,
        quality=90,
        kind=MatchKind.WITHIN,
        chance=1e-12,
    )
    content = ContentRecord(
        path="0", kind="jpeg", size=3_000_000, reason=None, views=("stored", "white")
    )
    return DecisionRecord(
        time=_START,
        id="20260701-5f0c8e1b2a3d4c5e6f70",
        instance="north",
        mode=Mode.ENFORCE,
        generation=3,
        verdict=Verdict.MATCH if is_match else Verdict.NO_MATCH,
        action=action,
        effect=action,
        reason=None,
        status=403 if is_match else None,
        client=hashlib.md5(str(upload).encode(), usedforsecurity=False).hexdigest(),
        method="POST",
        size=3_000_000 + upload * 1001,
        duration_ms=20 + upload * 0.37,
        contents=(content,),
        matches=(match,) if is_match else (),
        would=action,
        route="images" if upload % 3 else "default",
        cpu_ms=15 + upload * 0.05,
    )
