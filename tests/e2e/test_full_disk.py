"""The disk is full, at every write in turn; and what becomes of uploads then.

The promise under test: nothing is at the origin without a decision on record, and the
service is back by itself as soon as there is room.
"""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import Stage, import_set, log, stage, write_set
from tests.e2e.curl import curl, put
from tests.e2e.interposing import Faults, interposed, library
from tests.tuning import tuned_program

pytestmark = pytest.mark.e2e

ENFORCE = ("--mode", "enforce")

BIG = 3 * 1024 * 1024
"""Longer than what a spool keeps in memory, so that the upload needs the disk."""

EVERY = int(os.environ.get("FAULTS_EVERY", "13"))
"""Which of the writes of a start and of a command are failed in turn: every 13th in CI,
where each takes the start of two processes; 1 for all."""


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uploads be refused at once if there is no space for their records."""
    limits = "uploadfilter.web.requests.limits", "ProxyLimits"
    program = tuned_program(tmp_path, *limits, log_room_s=0.01)
    monkeypatch.setenv("UPLOADFILTER_PROGRAM", str(program))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what makes a disk full."""
    return library(tmp_path_factory.mktemp("interposed"))


@pytest.fixture
def faults(built: Path, tmp_path: Path) -> Iterator[Faults]:
    """Return the disk of the state directory, as yet with room."""
    with interposed(built, below=tmp_path / "state") as faults:
        yield faults


def upload(site: Stage, number: int) -> int:
    """Upload one large picture or a small one, each another one; return the status."""
    content = pictures.unlisted() + number.to_bytes(8, "big")
    large = content + bytes(BIG) if number % 2 else content
    return put(site.url(f"/files/{number}.jpg"), large).status


def works_again(site: Stage) -> None:
    """Wait until uploads of both kinds are accepted again."""
    running.wait_for(
        lambda: (upload(site, 100_000), upload(site, 100_001)) == (201, 201) or None,
        what="uploads that are accepted",
    )


def settled(state: Path, origin: str) -> None:
    """Start once more, so that unfinished records are completed."""
    with running.proxy(origin, state=state, log=state.parent / "settling.log"):
        pass


def without_outcome(state: Path) -> set[str]:
    """Return the accepted decisions that have no outcome."""
    accepted = {
        record["id"]
        for record in log(state, "--records", "decision")
        if record["effect"] == "ACCEPT"
    }
    return accepted - {
        record["decision"] for record in log(state, "--records", "outcome")
    }


@pytest.mark.usefixtures("hasty")
def test_full_disk_at_any_write_lets_nothing_pass_unrecorded(
    state: Path, faults: Faults, tmp_path: Path
) -> None:
    """Each upload is accepted and on record, or answered 503; then all is well."""
    spool = tmp_path / "state" / "spool"
    spool.mkdir()
    config = tmp_path / "uploadfilter.toml"
    config.write_text(f'spool_directory = "{spool}"\n')
    with stage(tmp_path, *ENFORCE, "--config", str(config)) as site:
        works_again(site)
        before = faults.seen
        statuses = [upload(site, 0), upload(site, 1)]
        writes = faults.seen - before

        answers = {}
        for after in range(writes + 1):
            faults.fill_up(after=after)
            answers[after] = [upload(site, 2 + 2 * after), upload(site, 3 + 2 * after)]
            faults.mend()
            works_again(site)
        published = site.published()
        running.stop(site.proxy.process)
        settled(state, site.origin)
        decided = {record["id"] for record in log(state, "--records", "decision")}
        verified = running.run_program("verify", state=state)

    assert without_outcome(state) == set()
    assert statuses == [201, 201]
    assert writes > 2
    assert {status for pair in answers.values() for status in pair} <= {201, 503}
    assert answers[0] == [503, 503]
    assert {file["decision"] for file in published.values()} <= decided
    assert b"verified" in verified.stdout


def test_full_disk_at_the_start_is_said_and_mended_by_room(
    state: Path, faults: Faults, tmp_path: Path
) -> None:
    """A proxy either says why it cannot begin, or begins and is well with room."""
    before = faults.seen
    with stage(tmp_path, *ENFORCE) as site:
        started = faults.seen - before
        ended = set()
        for after in range(0, started + EVERY, EVERY):
            log_file = tmp_path / f"{after}.log"
            faults.fill_up(after=after)
            try:
                other = ("--instance", f"other-{after}", *ENFORCE)
                with running.proxy(
                    site.origin, state=state, log=log_file, options=other
                ) as proxy:
                    faults.mend()
                    works_again(replace(site, proxy=proxy))
            except running.DemoError:
                ended.add(after)
                said = log_file.read_text()

                assert "Traceback" not in said
                assert "No space left" in said
            faults.mend()

    assert 0 in ended


def test_full_disk_under_a_command_leaves_the_reference_set(
    state: Path, faults: Faults, tmp_path: Path
) -> None:
    """Whichever write fails, the command says so and the old generation is sound."""
    first = write_set(tmp_path / "first.jsonl", pictures.listed())
    second = write_set(tmp_path / "second.jsonl", pictures.unlisted())
    import_set(state, first, name="first")
    before = faults.seen
    import_set(state, second, name="second")
    writes = faults.seen - before
    running.run_program("hashset", "remove", "second", "--yes", state=state)
    kept = running.run_program("hashset", "list", "--json", state=state).stdout

    for after in range(0, writes, EVERY):
        faults.fill_up(after=after)
        done = running.run_program(
            *("hashset", "import", str(second), "--name", "second"),
            *("--category", "demo"),
            state=state,
            may_fail=True,
        )
        failed = faults.failed
        faults.mend()
        listed = running.run_program("hashset", "list", "--json", state=state).stdout

        assert b"Traceback" not in done.stderr
        if done.returncode == 0:
            running.run_program("hashset", "remove", "second", "--yes", state=state)
            continue
        assert failed
        assert done.returncode == 2
        assert b'"second"' not in listed
    checked = running.run_program("verify", "--reference", state=state)

    assert b'"first"' in kept
    assert checked.returncode == 0


DISK_BYTES = 40 * 1024 * 1024
"""Of a disk for the state alone; a tenth of it is kept back."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a state directory on a small, separate file system."""
    state = tmp_path / "state"
    state.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs")
    done = subprocess.run([*mount, state], check=False, capture_output=True)  # noqa: S603 - trusted arguments
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield state
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)  # noqa: S603, S607


def fill(file: Path, *, leave_bytes: int) -> None:
    """Fill a disk except some bytes."""
    told = os.statvfs(file.parent)
    free = told.f_bavail * told.f_frsize
    with file.open("ab") as filling:
        os.posix_fallocate(filling.fileno(), 0, free - leave_bytes)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("leave_bytes", [1024 * 1024, 0], ids=["reserve", "full"])
def test_small_disk_that_fills_up_stops_uploads_alone(
    small_disk: Path, tmp_path: Path, leave_bytes: int
) -> None:
    """Requests without a body go on, uploads in flight end, and free room helps."""
    running.run_program("init", state=small_disk)
    filling = small_disk / "filling"
    with stage(tmp_path, *ENFORCE) as site:
        works_again(site)
        fill(filling, leave_bytes=leave_bytes)
        running.wait_for(
            lambda: upload(site, 1) == 503 or None, what="an upload that gets 503"
        )
        refused = [upload(site, number) for number in range(2, 4)]
        passed = [curl(site.url("/files")).status for _ in range(2)]
        filling.unlink()
        works_again(site)
        published = site.published()
        running.stop(site.proxy.process)
    records = log(small_disk)
    decided = {record["id"] for record in records if record["record"] == "decision"}
    sheds = [record for record in records if record["record"] == "shed"]
    verified = running.run_program("verify", state=small_disk)

    assert refused == [503] * 2
    assert passed == [200] * 2
    assert {file["decision"] for file in published.values()} <= decided
    assert without_outcome(small_disk) == set()
    assert {record["reason"] for record in sheds} == {"log_unwritable"}
    assert sum(record["count"] for record in sheds) >= 3
    assert b"verified" in verified.stdout


def test_upload_waits_for_room_on_a_disk_that_is_cleared(
    small_disk: Path, tmp_path: Path
) -> None:
    """It goes on by itself, before its client takes it for a failure."""
    running.run_program("init", state=small_disk)
    filling = small_disk / "filling"
    with stage(tmp_path, *ENFORCE) as site:
        works_again(site)
        fill(filling, leave_bytes=0)
        running.wait_for(
            lambda: upload(site, 1) == 503 or None, what="an upload that gets 503"
        )
        with ThreadPoolExecutor() as others:
            waiting = others.submit(upload, site, 2)
            passed = curl(site.url("/files")).status
            filling.unlink()
            status = waiting.result()

    assert passed == 200
    assert status == 201


def test_proxy_starts_on_a_disk_that_has_its_reserve(
    small_disk: Path, tmp_path: Path
) -> None:
    """After a crash on a full disk the outcomes that were lost can be written."""
    running.run_program("init", state=small_disk)
    with stage(tmp_path, *ENFORCE) as site:
        works_again(site)
        fill(small_disk / "filling", leave_bytes=1024 * 1024)
        site.proxy.process.kill()
        site.proxy.process.wait()
        again = tmp_path / "again.log"
        with running.proxy(
            site.origin, state=small_disk, log=again, options=ENFORCE
        ) as proxy:
            restarted = replace(site, proxy=proxy)
            refused = upload(restarted, 1)
            (small_disk / "filling").unlink()
            works_again(restarted)

    assert refused == 503
