"""An overseer's questions: the changes, their authors, the lost and the counts."""

import hashlib
import json
import time
from pathlib import Path

import pytest

from deploy.demo import running
from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    REFUSED,
    REJECTED,
    decision,
    outcome,
    segment_paths,
    write_log,
)
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, stage, write_set
from tests.e2e.curl import put
from uploadfilter.decisions.records.records import DecisionRecord, OutcomeRecord

pytestmark = pytest.mark.e2e

LOG = Path("instances/main/log")


def changes(state: Path) -> list[tuple[str, str]]:
    """Return the kinds and subjects of the recorded changes."""
    found = log(state, "--kind", "change")
    return [(it["change"], it["subject"]) for it in found]


def test_changes_are_on_record_whether_the_proxy_runs_or_not(state: Path) -> None:
    """Commands beside a proxy and between two of its runs: all in order, each once."""
    hash_set = write_set(state / "demo.jsonl", pictures.listed())
    import_set(state, hash_set, enforced=True)
    why = ("--why", "stock picture", "--by", "desk")
    with stage(state.parent) as site:
        put(site.url("/files/a.jpg"), pictures.unlisted())
        running.run_program("hashset", "off", "demo", "entry-0", *why, state=state)
        running.wait_for(
            lambda: ("suppress", "demo/entry-0") in changes(state) or None,
            what="a change on record",
        )
    running.run_program("hashset", "rollback", "--yes", state=state)
    second = running.proxy(
        "http://127.0.0.1:9",
        state=state,
        log=state / "second.log",
        options=("--mode", "enforce"),
    )
    with second:
        pass
    verified = running.run_program("verify", state=state)
    records = log(state, "--kind", "change")

    assert changes(state) == [
        ("init", ""),
        ("import", "demo"),
        ("enforce", "demo"),
        ("start", ""),
        ("suppress", "demo/entry-0"),
        ("rollback", "1"),
        ("start", ""),
    ]
    assert records[1]["details"]["enforced"] is False
    digest = hashlib.sha256(hash_set.read_bytes()).hexdigest()
    assert records[1]["details"]["sha256"] == digest
    assert records[4]["details"]["asked_by"] == "desk"
    modes = [it["details"]["mode"] for it in records if it["change"] == "start"]
    assert modes == ["MONITOR", "ENFORCE"]
    assert {it["by"]["uid"] for it in records} == {state.stat().st_uid}
    assert b"verified" in verified.stdout


def test_oldest_files_are_missed(state: Path) -> None:
    """Nine of twelve days are gone, with two matches that had to be kept."""
    judgements = [REJECTED if day in (1, 4) else REFUSED for day in range(12)]
    now = time.time()  # noqa: TID251 - the program has no other clock
    write_log(
        state / LOG,
        [[decision("a", judgement)] for judgement in judgements],
        start=now - 11 * DAY_S,
    )
    whole = running.run_program("verify", state=state, may_fail=True)
    for path in segment_paths(state / LOG)[:18]:
        path.unlink()
    done = running.run_program("verify", state=state, may_fail=True)
    report = running.run_program("verify", "--json", state=state, may_fail=True)

    assert b"verified" in whole.stdout
    assert done.returncode == 1
    assert b"records 1 to 36 are missing, at 00000019-" in done.stdout
    assert b"with 2 matches" in done.stdout
    (gap,) = json.loads(report.stdout)["logs"][0]["gaps"]
    assert (gap["is_start"], gap["matches"], gap["is_proved"]) == (True, 2, False)


def test_numbers_outlive_the_records(state: Path) -> None:
    """After 91 days the proxy deletes old records; every upload is still counted."""
    day: list[DecisionRecord | OutcomeRecord] = [
        decision("a", ACCEPTED),
        outcome("a"),
        *[decision("b")] * 20,
    ]
    now = time.time()  # noqa: TID251 - the program has no other clock
    write_log(state / LOG, [day] * 91, start=now - 91 * DAY_S)
    with stage(state.parent) as site:
        put(site.url("/files/a.jpg"), pictures.unlisted())
        running.wait_for(
            lambda: site.proxy.events("segments_deleted") or None,
            what="the deletion of old files",
        )
    left = running.run_program("log", "show", "--kind", "decision", state=state)
    done = running.run_program("log", "totals", "--json", state=state)
    verified = running.run_program("verify", state=state)
    rows = json.loads(done.stdout)["sum"]["uploads"]

    assert len(left.stdout.splitlines()) < 91 * 21 / 2
    assert b"which are gone; 'uploadfilter log totals' has" in left.stderr
    assert sum(row["uploads"] for row in rows) == 91 * 21 + 1
    (own,) = [row for row in rows if row["route"] is not None]
    assert own["cpu_us"] > 0
    assert b"verified" in verified.stdout
