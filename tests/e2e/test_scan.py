"""``scan`` as an installed program: pipes, Ctrl-C, and remaining processes."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, write_set
from tests.e2e.processes import children, wait_until_gone

pytestmark = pytest.mark.e2e

MANY = 400
"""Files: minutes of work, so that each scan is ended in the middle."""


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Let programs be interrupted, also if the tests run in the background.

    A shell lets its background processes ignore Ctrl-C, and so their children.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a folder with many pictures."""
    (tmp_path / "many").mkdir()
    pictures.fill_slowly(tmp_path / "many", MANY)
    return tmp_path / "many"


def start(state: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``scan`` in a separate process group, with its output in a pipe."""
    return subprocess.Popen(  # noqa: S603 -- our own program
        [running.program(), "scan", *arguments],
        env=running.environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_ctrl_c_ends_the_scan_with_all_its_processes(state: Path, many: Path) -> None:
    """Ctrl-C reaches the whole group; the exit code is 130, and no process is left."""
    with start(state, "--json", str(many)) as scan:
        assert scan.stdout is not None
        scan.stdout.readline()
        scanners = children(scan.pid)
        os.killpg(scan.pid, signal.SIGINT)
        _, err = scan.communicate(timeout=60)

    assert scanners
    assert scan.returncode == 130
    assert err == b""
    wait_until_gone(scanners)


def test_reader_that_goes_away_ends_the_scan_quietly(state: Path, many: Path) -> None:
    """``scan | head`` ends without an error, and no process is left."""
    with start(state, str(many)) as scan:
        assert scan.stdout is not None
        assert scan.stderr is not None
        scan.stdout.readline()
        scanners = children(scan.pid)
        scan.stdout.close()
        code = scan.wait(timeout=60)
        err = scan.stderr.read()

    assert code == 141
    assert err == b""
    wait_until_gone(scanners)


def test_killed_scan_leaves_no_scanner(state: Path, many: Path) -> None:
    """Scanners end with the process that started them, even if that was killed."""
    with start(state, "--json", str(many)) as scan:
        assert scan.stdout is not None
        scan.stdout.readline()
        scanners = children(scan.pid)
        scan.kill()

    assert scanners
    wait_until_gone(scanners)


def test_listed_picture_is_found_in_other_guise(state: Path, tmp_path: Path) -> None:
    """The same core as in the proxy finds a resized and a mirrored copy."""
    import_set(state, write_set(tmp_path / "demo.jsonl", pictures.listed()))
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a-small.jpg").write_bytes(pictures.smaller())
    (folder / "b-mirrored.jpg").write_bytes(pictures.mirrored())
    (folder / "c-other.jpg").write_bytes(pictures.unlisted())
    done = running.run_program(
        "scan", "--json", str(folder), state=state, may_fail=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 1
    assert [line["verdict"] for line in lines] == ["MATCH", "MATCH", "NO_MATCH"]
    assert lines[1]["matches"][0]["variant"] == "mirror"
