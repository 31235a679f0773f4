"""Looking back at a bucket, and on a cluster, with the servers of others."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from deploy.demo import running
from tests.corpus import pictures
from tests.sites.s3store import s3store

pytestmark = pytest.mark.e2e


class Looking:
    """A reference set, and the commands on it.

    Args:
        folder: Holds the state, the files and the stores.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "in"
        self.files.mkdir()
        self.environment = {**running.environment(folder / "state")}
        self.call("init")

    def words(self, *words: str) -> list[str]:
        """Return a command line of this environment, which has the extras."""
        return [sys.executable, "-m", "uploadfilter", *words]

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(  # noqa: S603 -- our own program
            self.words(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def fill(self, count: int) -> None:
        """Make pictures."""
        for number in range(count):
            data = pictures.jpeg(pictures.photograph(number, width=160, height=120))
            (self.files / f"{number}.jpg").write_bytes(data)

    def scanned(self, source: str, store: str, *more: str) -> dict[str, int]:
        """Scan a source, and return the counts."""
        to = str(self.folder / store)
        done = self.call("lookback", "scan", source, "-o", to, "--json", *more)
        assert done.returncode == 0, done.stderr
        found: dict[str, int] = json.loads(done.stdout)
        return found

    def report(self, store: str) -> str:
        """Match a store, and return the report."""
        done = self.call("lookback", "match", str(self.folder / store))
        return done.stdout


@pytest.fixture(name="looking")
def _looking(tmp_path: Path) -> Iterator[Looking]:
    looking = Looking(tmp_path)
    yield looking
    shutil.rmtree(tmp_path / "in")


def test_bucket_is_scanned_like_a_folder(looking: Looking, tmp_path: Path) -> None:
    """Each object, once; a replaced object is scanned again."""
    picture = pictures.jpeg(pictures.photograph(1, width=160, height=120))
    replaced = pictures.jpeg(pictures.photograph(2, width=160, height=120))
    with s3store(tmp_path) as store:
        looking.environment |= {
            "AWS_ACCESS_KEY_ID": store.key,
            "AWS_SECRET_ACCESS_KEY": store.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        bucket = {"Bucket": "lakes"}
        put = [
            ("put_object", {**bucket, "Key": f"a/{n}é.jpg", "Body": picture})
            for n in range(3)
        ]
        store.call(store.origin, ("create_bucket", bucket), *put)
        words = ("s3://lakes/a", "out", "--endpoint", store.origin, "--jobs", "1")
        assert looking.scanned(*words)["scanned"] == 3
        other = {**bucket, "Key": "a/0é.jpg", "Body": replaced}
        store.call(store.origin, ("put_object", other))
        counts = looking.scanned(*words)
    assert (counts["scanned"], counts["known"]) == (1, 2)


def test_cluster_finds_what_one_machine_finds(looking: Looking) -> None:
    """Two workers; one is killed, and its batch goes to the other one."""
    looking.fill(70)
    source = str(looking.files)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        engine = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
        words = ("lookback", "scan", source, "-o", str(looking.folder / "many"))
        command = subprocess.Popen(  # noqa: S603 -- our own program
            looking.words(*words, "--json", *engine),
            env=looking.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        while not cluster.scheduler.tasks:
            assert command.poll() is None
            time.sleep(0.05)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        out, _ = command.communicate(timeout=240)
        assert command.returncode == 0
    assert json.loads(out)["scanned"] == 70
    assert looking.scanned(source, "many")["known"] == 70


def test_killed_scan_goes_on(looking: Looking) -> None:
    """After SIGKILL, the same command ends with every file scanned, once."""
    looking.fill(20)
    store = looking.folder / "out"
    words = ("lookback", "scan", str(looking.files), "-o", str(store))
    command = subprocess.Popen(  # noqa: S603 -- our own program
        looking.words(*words, "--file-rate", "2"), env=looking.environment
    )
    while not (store / "store.json").exists():
        assert command.poll() is None
        time.sleep(0.05)
    command.kill()
    command.wait()
    counts = looking.scanned(str(looking.files), "out")
    assert counts["scanned"] + counts["known"] == 20
    assert looking.report("out") == ""
