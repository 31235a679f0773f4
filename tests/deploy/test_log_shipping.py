"""The logs, shipped by rsyslog for real; the other shippers' files, read."""

import contextlib
import json
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.demo import running
from tests.deploy.frontends import rendered
from tests.deploy.programs import DEPLOY
from tests.e2e.curl import curl
from tests.ports import free_port
from tests.sites.programs import debian
from tests.tuning import tuned_program

SHIPPING = DEPLOY / "log-shipping"
DECISIONS = "/var/lib/uploadfilter/instances/*/log/*.jsonl"
"""Where the decision logs are."""

SEGMENT_BYTES = 4096
"""Segments so small that a few records fill one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """A proxy whose decision log is shipped, and where it is received.

    Attributes:
        folder: For everything.
        port: Where the receiver listens.
        url: Of the proxy.
        state: Its state directory.
    """

    folder: Path
    port: int
    url: str
    state: Path

    def upload(self, count: int) -> None:
        """Make records."""
        for _ in range(count):
            curl(f"{self.url}/files/a.txt", "-T", "-", data=b"holiday")

    def files(self) -> list[list[bytes]]:
        """Return the lines of each file of the decision log."""
        folder = self.state / "instances" / "main" / "log"
        return [
            file.read_bytes().splitlines() for file in sorted(folder.glob("*.jsonl"))
        ]

    def written(self) -> list[bytes]:
        """Return the lines of the decision log."""
        return [line for lines in self.files() for line in lines]

    def received(self) -> list[bytes]:
        """Return the lines that have arrived, in their order."""
        files = self.folder.glob("kept/*/uploadfilter-decision.jsonl")
        return [line for file in files for line in file.read_bytes().splitlines()]

    def wait_for_all(self) -> list[bytes]:
        """Wait until everything written has arrived; return it."""

        def look() -> list[bytes] | None:
            written, received = self.written(), self.received()
            kinds = Counter(json.loads(line)["record"] for line in written)
            is_settled = kinds["decision"] == kinds["outcome"]
            return received if is_settled and set(written) <= set(received) else None

        return running.wait_for(look, what="the log to arrive")

    @contextlib.contextmanager
    def receiver(self) -> Iterator[None]:
        """Run the rsyslog that keeps the logs."""
        names = {
            'port="2514"': f'port="{self.port}"',
            "/var/log/uploadfilter/": f"{self.folder}/kept/",
        }
        with self._rsyslog("receiver", "rsyslog-receiver.conf", names):
            yield

    @contextlib.contextmanager
    def sender(self) -> Iterator[None]:
        """Run the rsyslog of the filter's machine."""
        names = {
            "logs.example.org": "127.0.0.1",
            'port="2514"': f'port="{self.port}"',
            "/var/lib/uploadfilter/instances": f"{self.state}/instances",
            'resumeInterval="5"': 'resumeInterval="1"',
        }
        with self._rsyslog("sender", "rsyslog.conf", names):
            yield

    @contextlib.contextmanager
    def _rsyslog(self, name: str, file: str, names: dict[str, str]) -> Iterator[None]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        configuration = folder / file
        work = f'global(workDirectory="{folder}")\n'
        configuration.write_text(work + rendered(SHIPPING / file, names))
        program = debian("rsyslogd", package="rsyslog")
        arguments = ("-f", str(configuration), "-i", str(folder / "pid"))
        checked = subprocess.run(  # noqa: S603 - the program that is meant
            [program, "-N1", *arguments], check=False, capture_output=True, timeout=60
        )
        assert checked.returncode == 0, checked.stderr.decode()
        with running.process([program, "-n", *arguments], log=folder / "output.log"):
            yield


@pytest.fixture
def shipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shipping]:
    """Return a proxy whose log has many small segments."""
    settings = "uploadfilter.decisions.files.settings", "LogSettings"
    program = tuned_program(tmp_path, *settings, segment_bytes=SEGMENT_BYTES)
    monkeypatch.setenv("UPLOADFILTER_PROGRAM", str(program))
    state = tmp_path / "state"
    running.run_program("init", state=state)
    log = tmp_path / "proxy.log"
    with (
        running.origin(tmp_path / "uploads", log=tmp_path / "origin.log") as origin,
        running.proxy(origin, state=state, log=log) as proxy,
    ):
        yield Shipping(folder=tmp_path, port=free_port(), url=proxy.url, state=state)


@pytest.mark.e2e
def test_rsyslog_ships_each_record(shipping: Shipping) -> None:
    """Across new segments and restarts of either end, every line arrives unchanged."""
    shipping.upload(3)
    with shipping.receiver():
        with shipping.sender():
            shipping.upload(5)
            undisturbed = shipping.wait_for_all()
        shipping.upload(5)
        with shipping.sender():
            shipping.wait_for_all()
    with shipping.sender():
        shipping.upload(5)
        with shipping.receiver():
            shipping.wait_for_all()
    written = shipping.written()

    assert len(list(shipping.state.glob("instances/main/log/*.jsonl"))) > 3
    assert sorted(undisturbed) == sorted(written[: len(undisturbed)])
    # Of files that are there when it begins, rsyslog may take any first.
    for lines in shipping.files():
        arrived = [line for line in undisturbed if line in lines]
        assert arrived == lines[: len(arrived)]
    # Lines under way when an end was stopped may come again, but nothing else comes.
    assert set(shipping.received()) == set(written)


def test_vector_reads_where_the_logs_are() -> None:
    """A configuration that cannot be run here is well formed, and has our names."""
    settings = tomllib.loads((SHIPPING / "vector.toml").read_text())
    sources = settings["sources"]

    assert sources["uploadfilter_decisions"]["include"] == [DECISIONS]
    assert sources["uploadfilter_operational"]["include_matches"] == {
        "SYSLOG_IDENTIFIER": [identifier()]
    }
    assert set(settings["sinks"]["keep"]["inputs"]) == set(sources)


def test_fluent_bit_reads_where_the_logs_are() -> None:
    """This is as for Vector; and no two inputs share the file of their positions."""
    settings = yaml.safe_load((SHIPPING / "fluent-bit.yaml").read_text())
    inputs: dict[str, Any] = {
        one["name"]: one for one in settings["pipeline"]["inputs"]
    }

    assert inputs["tail"]["path"] == DECISIONS
    expected = f"SYSLOG_IDENTIFIER={identifier()}"
    assert inputs["systemd"]["systemd_filter"] == expected
    assert inputs["tail"]["db"] != inputs["systemd"]["db"]


def identifier() -> str:
    """Return the name of the operational log in the unit."""
    unit = (DEPLOY / "systemd" / "uploadfilter@.service").read_text()
    lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    return lines["SyslogIdentifier"]
