"""The first hour of an operator: each command of the page, as it is printed there."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import running
from tests.corpus import pictures
from tests.repository import OPERATING

pytestmark = pytest.mark.e2e

PAGE = OPERATING / "first-hour.md"
OWN_PORT = "http://127.0.0.1:8080"
"""The address of the page, which may be taken on a machine that runs tests."""


def commands() -> Iterator[str]:
    """Yield the lines of the page's fenced code, ``export`` aside."""
    for block in PAGE.read_text(encoding="utf-8").split("```sh\n")[1:]:
        for line in block.partition("```")[0].splitlines():
            if not line.startswith("export "):
                yield line


def shell(command: str, folder: Path) -> str:
    """Run a line of the page in a folder; return its output."""
    path = f"{Path(running.program()).parent}:{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S602 -- commands of our own page
        command,
        shell=True,
        cwd=folder,
        env={
            **running.environment(folder / "state"),
            "UPLOADFILTER_CONFIG": str(folder / "filter.toml"),
            "PATH": path,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_first_hour_ends_with_a_rejection(tmp_path: Path) -> None:
    """Who types the page's commands sees the answers that the page promises."""
    photo = pictures.jpeg(pictures.photograph(7, width=160, height=120))
    (tmp_path / "holiday.jpg").write_bytes(photo)
    lines = list(commands())
    serving = lines.index("uploadfilter serve")
    for line in lines[:serving]:
        shell(line, tmp_path)
    *sent, shown, rejected, verified, described, settled = lines[serving + 1 :]
    file = tmp_path / "filter.toml"

    with running.proxy(
        tomllib.loads(file.read_text(encoding="utf-8"))["origin"],
        state=tmp_path / "state",
        log=tmp_path / "proxy.log",
        options=("--config", str(file)),
    ) as proxy:
        answers = [
            json.loads(shell(line.replace(OWN_PORT, proxy.url), tmp_path))["status"]
            for line in sent
        ]
        records = [json.loads(line) for line in shell(shown, tmp_path).splitlines()]
        refusals = [json.loads(it) for it in shell(rejected, tmp_path).splitlines()]

    assert answers == [403, 502, 415]
    assert [it["record"] for it in records].count("decision") == 3
    assert [(it["verdict"], it["reason"]) for it in refusals] == [
        ("MATCH", None),
        ("INCONCLUSIVE", "not_accepted"),
    ]
    assert shell(verified, tmp_path)
    assert "first" in shell(described, tmp_path)
    assert 'mode = "enforce"  # line 2' in shell(settled, tmp_path)
