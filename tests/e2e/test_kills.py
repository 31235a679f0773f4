"""SIGKILL for every process in turn, under load, with two proxies on one state.

After each: no upload is at the origin without a record, no accepted upload on record is
without its outcome (``unknown`` where the crash ate it), and the service is back by
itself, a killed proxy with the help of the program that started it.
"""

import contextlib
import http.client
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, write_set
from tests.e2e.curl import curl
from tests.e2e.interposing import interposed, library
from tests.e2e.processes import children, wait_until_gone

pytestmark = pytest.mark.e2e

INSTANCES = ("one", "two")
ENFORCE = ("--mode", "enforce")


@dataclass(slots=True)
class Load:
    """Uploads without a pause, to whatever proxy is up.

    Attributes:
        urls: Where each instance listens now.
        ends: Tells the uploaders to end.
        statuses: The answers of each instance; 0 for a connection that broke.
    """

    urls: dict[str, str]
    ends: threading.Event = field(default_factory=threading.Event)
    statuses: dict[str, Counter[int]] = field(
        default_factory=lambda: {name: Counter() for name in INSTANCES}
    )

    def upload(self, instance: str, uploader: int) -> None:
        """Upload one picture after another until the end."""
        number = 0
        while not self.ends.is_set():
            number += 1
            name = f"{instance}-{uploader}-{number}"
            content = pictures.unlisted() + name.encode()
            url = f"{self.urls[instance]}/files/{name}.jpg"
            status = 0
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = running.request(url, method="PUT", body=content).status
            self.statuses[instance][status] += 1

    def goes_on(self, instance: str) -> None:
        """Wait until an instance has accepted some more uploads."""
        known = self.statuses[instance][201]
        running.wait_for(
            lambda: self.statuses[instance][201] > known + 5 or None,
            what=f"uploads that instance {instance} accepts",
        )


@contextlib.contextmanager
def load(urls: dict[str, str]) -> Iterator[Load]:
    """Upload for the length of the block, by two connections to each instance."""
    load = Load(urls)
    threads = [
        threading.Thread(target=load.upload, args=(name, uploader))
        for name in INSTANCES
        for uploader in range(2)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.ends.set()
        for thread in threads:
            thread.join()


def descendants(parent: int) -> list[int]:
    """Return the processes that a proxy has started, the template before scanners."""
    below = sorted(children(parent))
    return [*below, *(pid for child in below for pid in sorted(children(child)))]


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two proxies on one state directory, before one origin.

    Attributes:
        folder: For everything.
        origin: URL of the origin.
        proxies: By the name of their instance.
        stack: Ends the processes that still run.
    """

    folder: Path
    origin: str
    proxies: dict[str, running.Proxy]
    stack: contextlib.ExitStack

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.folder / "state"

    def start(self, name: str) -> str:
        """Start an instance, as a service manager does; return its URL."""
        log_file = self.folder / f"{name}.log"
        log_file.unlink(missing_ok=True)
        options = (*ENFORCE, "--instance", name)
        self.proxies[name] = self.stack.enter_context(
            running.proxy(self.origin, state=self.state, log=log_file, options=options)
        )
        return self.proxies[name].url

    def kill(self, name: str) -> None:
        """Kill a proxy; what it had started ends as well."""
        orphans = descendants(self.proxies[name].process.pid)
        self.proxies[name].process.kill()
        wait_until_gone(orphans)

    def accepted(self, name: str) -> set[str]:
        """Return the accepted decisions of an instance, each with its outcome."""
        records = log(self.state, "--instance", name)
        accepted = {
            record["id"] for record in records if record.get("effect") == "ACCEPT"
        }
        outcomes = {item["decision"] for item in records if item["record"] == "outcome"}

        assert accepted - outcomes == set()
        return accepted


@pytest.fixture
def pair(state: Path, tmp_path: Path) -> Iterator[Pair]:
    """Run two proxies on one state directory."""
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(
            running.origin(tmp_path / "uploads", log=tmp_path / "origin.log")
        )
        pair = Pair(folder=state.parent, origin=origin, proxies={}, stack=stack)
        for name in INSTANCES:
            pair.start(name)
        yield pair


def test_any_process_may_be_killed_under_load(pair: Pair) -> None:
    """Template, scanners, proxies and a command that writes, one after another."""
    with load({name: proxy.url for name, proxy in pair.proxies.items()}) as uploads:
        for name in INSTANCES:
            uploads.goes_on(name)
        for victim in descendants(pair.proxies["one"].process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            uploads.goes_on("one")
        for name in INSTANCES:
            pair.kill(name)
            uploads.urls[name] = pair.start(name)
            uploads.goes_on(name)
        kill_import(pair)
        for name in INSTANCES:
            uploads.goes_on(name)
    published = curl(f"{pair.origin}/files").json()
    for name in INSTANCES:
        running.stop(pair.proxies[name].process)
        verify = ("verify", str(pair.state / "instances" / name))

        assert b"verified" in running.run_program(*verify, state=pair.state).stdout
    accepted = set.union(*(pair.accepted(name) for name in INSTANCES))
    assert {file["decision"] for file in published} <= accepted
    assert set(uploads.statuses["two"]) <= {0, 201}


def kill_import(pair: Pair) -> None:
    """Kill an import in the middle, which changes nothing; the next one succeeds."""
    hash_set = write_set(pair.folder / "demo.jsonl", pictures.listed())
    pipe = pair.folder / "pipe"
    os.mkfifo(pipe)
    arguments = ("hashset", "import", str(pipe), "--name", "x", "--category", "demo")
    with (
        subprocess.Popen(  # noqa: S603 -- our own program
            [running.program(), *arguments],
            env=running.environment(pair.state),
            stderr=subprocess.DEVNULL,
        ) as importing,
        pipe.open("wb", buffering=0) as file,
    ):
        file.write(hash_set.read_bytes())
        importing.kill()
    import_set(pair.state, hash_set, enforced=True)


def test_clock_that_jumps_loses_nothing(state: Path, tmp_path: Path) -> None:
    """Set years ahead and back, under load: uploads go on, and the log stays whole."""
    built = library(tmp_path)
    with (
        interposed(built, below=state) as faults,
        running.origin(tmp_path / "uploads", log=tmp_path / "origin.log") as origin,
        running.proxy(
            origin, state=state, log=tmp_path / "proxy.log", options=ENFORCE
        ) as proxy,
    ):
        answers = Counter[int]()
        for number, seconds in enumerate((0, 3600, 10**8, -(10**8), 0)):
            faults.jump(seconds)
            for turn in range(3):
                content = pictures.unlisted() + bytes((number, turn))
                url = f"{proxy.url}/files/{number}-{turn}.jpg"
                answers[running.request(url, method="PUT", body=content).status] += 1
        running.stop(proxy.process)
        decisions = log(state, "--records", "decision")
        verified = running.run_program("verify", state=state)

    assert answers == {201: 15}
    assert len(decisions) == 15
    assert all(record["duration_ms"] >= 0 for record in decisions)
    assert b"verified" in verified.stdout
