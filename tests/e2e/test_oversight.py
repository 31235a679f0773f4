"""An overseer's way: who changed what, what is gone, and what was counted."""

import hashlib
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, stage, write_set
from tests.e2e.curl import put

pytestmark = pytest.mark.e2e


def changes(state: Path) -> list[tuple[str, str]]:
    """Return what is on record as changed, and to what it was done."""
    found = log(state, "--kind", "change")
    return [(it["change"], it["subject"]) for it in found]


def test_changes_are_on_record_whether_the_proxy_runs_or_not(state: Path) -> None:
    """Commands beside a proxy and between two of its runs: all in order, each once."""
    hash_set = write_set(state / "demo.jsonl", pictures.listed())
    import_set(state, hash_set, "--enforce-unsigned")
    why = ("--reason", "stock picture", "--by", "desk")
    with stage(state.parent) as site:
        put(site.url("/files/a.jpg"), pictures.unlisted())
        running.run_program("hashset", "suppress", "demo", "entry-0", *why, state=state)
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
    verified = running.run_program("log", "verify", state=state)
    records = log(state, "--kind", "change")

    assert changes(state) == [
        ("init", ""),
        ("import", "demo"),
        ("start", ""),
        ("suppress", "demo/entry-0"),
        ("rollback", "1"),
        ("start", ""),
    ]
    assert records[1]["details"]["enforced"] is True
    digest = hashlib.sha256(hash_set.read_bytes()).hexdigest()
    assert records[1]["details"]["sha256"] == digest
    assert records[3]["details"]["asked_by"] == "desk"
    modes = [it["details"]["mode"] for it in records if it["change"] == "start"]
    assert modes == ["MONITOR", "ENFORCE"]
    assert {it["by"]["uid"] for it in records} == {state.stat().st_uid}
    assert b"intact" in verified.stdout
