"""The overseer's recipes, run as they are printed."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from deploy.demo import running
from tests.decisions.logs import ACCEPTED, LISTED, REJECTED, decision, unsynced
from tests.decisions.records.refused import summary
from tests.repository import ROOT
from tests.sites.programs import debian
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.records.making import match_records
from uploadfilter.decisions.records.records import moment
from uploadfilter.state import DEFAULT_INSTANCE, log_directory

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "decision-log.md"
UPLOADS = 7
REFUSED = 11
SIGNALS = 3


def recipes(title: str) -> str:
    """Return the commands that a section of the overseer's page prints."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return "\n".join(
        re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    )


def write_uploads(state: Path) -> None:
    """Write a log in which each of some uploads matches an entry by several signals."""
    now = time.time()  # noqa: TID251 - the recipes ask for the last week
    found = match_records([LISTED] * SIGNALS, ())
    with DecisionLog.open(
        log_directory(state, DEFAULT_INSTANCE),
        instance=DEFAULT_INSTANCE,
        clock=lambda: now,
        sync=unsynced,
    ) as log:
        for number in range(UPLOADS):
            rejected = decision(f"match {number}", REJECTED, now=now)
            log.append(replace(rejected, matches=found))
            log.append(decision(f"none {number}", ACCEPTED, now=now)).result()
        log.append(replace(summary(REFUSED), time=moment(now))).result()


def test_counting_counts_uploads(tmp_path: Path) -> None:
    """Each command runs, and an entry counts once for each upload that it matched."""
    debian("jq", package="jq")
    write_uploads(tmp_path / "state")
    programs = Path(running.program()).parent
    done = subprocess.run(  # noqa: S603
        ["/bin/bash", "-euo", "pipefail", "-c", recipes("Counting")],
        cwd=tmp_path,
        env={
            **running.environment(tmp_path / "state"),
            "PATH": f"{programs}:{os.environ['PATH']}",
        },
        capture_output=True,
        check=True,
        text=True,
    )
    rows = [line.split() for line in done.stdout.splitlines()]

    assert [str(UPLOADS), "demo", "known", "entry-1", "active"] in rows
    assert [str(UPLOADS), "ENFORCE", "MATCH", "REJECT", "REJECT", "REJECT", "-"] in rows
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert [today, str(2 * UPLOADS + REFUSED)] in rows
    refused = ["all", "malformed_form", "403", str(REFUSED)]
    assert refused in [row[: len(refused)] for row in rows]
