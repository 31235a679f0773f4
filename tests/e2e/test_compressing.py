"""A running proxy compresses closed files of its log, and every command reads them."""

import json
import time
from functools import partial
from pathlib import Path

import pytest

from deploy.demo import running
from tests.decisions.logs import DAY_S, decision, write_log
from tests.e2e import pictures
from tests.e2e.conftest import log, stage
from tests.e2e.curl import put
from uploadfilter.decisions.files.compressing import LEAST_BYTES
from uploadfilter.decisions.files.settings import LogSettings

pytestmark = pytest.mark.e2e

LOG = Path("instances/main/log")
_SIZE = 10
"""Bytes of the uploads that ``decision`` makes."""


def answers(state: Path) -> list[object]:
    """Return what commands say of the log's first days."""
    verified = running.run_program("verify", "--json", state=state, may_fail=True)
    (report,) = json.loads(verified.stdout)["logs"]
    found = [it for it in log(state, "--kind", "decision") if it["size"] == _SIZE]
    return [report["ok"], report["gaps"], found]


def is_gone(path: Path) -> bool | None:
    """Return whether a file is gone; ``None`` if it is not yet."""
    return not path.exists() or None


def test_running_proxy_compresses_closed_files(state: Path) -> None:
    """While uploads go on; nothing that a command says changes."""
    directory = state / LOG
    write_log(
        directory,
        [[decision(f"{day}-{at}") for at in range(150)] for day in range(2)],
        start=time.time() - 3 * DAY_S,  # noqa: TID251 - the program has its own clock
        settings=LogSettings(segment_bytes=LEAST_BYTES),
    )
    large = [it for it in directory.iterdir() if it.stat().st_size >= LEAST_BYTES]
    before = answers(state)

    config = state.parent / "config.toml"
    config.write_text("[log]\ncompress_after_s = 0\n")
    with stage(state.parent, "--config", str(config)) as site:
        for path in large:
            running.wait_for(partial(is_gone, path), what=path.name)
        assert put(site.url("/files/a.jpg"), pictures.unlisted()).status == 201
        assert answers(state) == before

    assert large
    assert not any(path.exists() for path in large)
    assert answers(state) == before
