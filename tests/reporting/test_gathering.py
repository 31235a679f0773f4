"""Counting whole logs, and saying what they lack."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree, rmtree

import msgspec
import pytest

from tests.decisions.files.trees import end_of, tree_of
from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REJECTED,
    compress_segments,
    decision,
    write_log,
)
from tests.reporting.site import FIRST, write_site
from uploadfilter.decisions.files.proving import UNSIGNED_MINUTES
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.records import line_hash, moment
from uploadfilter.errors import UsageError
from uploadfilter.reporting.gathered import (
    IS_DAMAGE,
    GatheredLog,
    LogLack,
    ReportDays,
    Said,
)
from uploadfilter.reporting.gathering import (
    GatherOptions,
    gather,
    log_folders,
)

DAYS = 3
SPAN = ReportDays(FIRST, FIRST + timedelta(days=DAYS))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the logs of a site that nobody changes."""
    return write_site(tmp_path_factory.mktemp("site"), days=DAYS, uploads=8)


@pytest.fixture
def log(site: list[Path], tmp_path: Path) -> Path:
    """Return a copy of one log."""
    copytree(site[0].parent, tmp_path / "north")
    return tmp_path / "north" / "log"


def lacks(found: GatheredLog) -> set[LogLack]:
    """Return the kinds of a log's lacks."""
    return {it.lack for it in found.said}


def lines(directory: Path) -> list[bytes]:
    """Return the lines of a log."""
    return [
        line
        for segment in segments(directory)
        for line in (directory / segment.name).read_bytes().split(b"\n")[:-1]
    ]


def test_whole_logs_lack_nothing(site: list[Path]) -> None:
    """All lines are counted; each log stands on its whole checkpoint."""
    logs = gather(site, SPAN, GatherOptions())

    for directory, found in zip(site, logs, strict=True):
        assert found.said == []
        assert found.files == [directory / it.name for it in segments(directory)]
        assert found.standing is not None
        assert found.records == found.standing.size == len(lines(directory))
        assert found.label.startswith(found.instance)


def test_order_of_folders_and_processes_do_not_matter(
    site: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs in another order, counted by processes or kept counts, are the same."""
    plain = gather(site, SPAN, GatherOptions())
    kept = GatherOptions(cache=tmp_path / "cache")
    gather(site, SPAN, kept)
    monkeypatch.setattr("uploadfilter.reporting.gathering.POOL_BYTES", 0)

    assert gather(site[::-1], SPAN, kept) == plain
    assert gather(site, SPAN, GatherOptions(jobs=2)) == plain


def _edit(directory: Path) -> None:
    """Change a record and chain all later ones anew, as somebody with the disk can."""
    before = ""
    for segment in segments(directory):
        path = directory / segment.name
        made = []
        for line in path.read_bytes().split(b"\n")[:-1]:
            record = msgspec.json.decode(line)
            if record["record"] == "decision" and record["verdict"] == "MATCH":
                record |= {"verdict": "NO_MATCH", "matches": []}
            record["previous"] = before or record["previous"]
            made.append(msgspec.json.encode(record))
            before = line_hash(made[-1])
        path.write_bytes(b"\n".join(made) + b"\n")


def _damage(directory: Path) -> None:
    path = directory / segments(directory)[-1].name
    whole = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([whole[0], b"{", *whole[2:]]))


def _tear(directory: Path) -> None:
    with (directory / segments(directory)[-1].name).open("ab") as file:
        file.write(b'{"record":"deci')


def _cut(directory: Path) -> None:
    path = directory / segments(directory)[-1].name
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:-2]) + b"\n")


def _without_tree(directory: Path) -> None:
    rmtree(directory / "tree")


def _without_segment(directory: Path) -> None:
    (directory / segments(directory)[1].name).unlink()


def _damage_tree(directory: Path) -> None:
    (directory / "tree" / "checkpoint").write_text("x")


def _pack(directory: Path) -> None:
    path = directory / segments(directory)[1].name
    path.rename(f"{path}.xz")


def _damage_compressed(directory: Path) -> None:
    (path,) = compress_segments(directory, segments(directory)[1:2])
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("change", "lack"),
    [
        (_edit, LogLack.NOT_IN_TREE),
        (_damage, LogLack.UNREADABLE),
        (_damage, LogLack.CHAIN_BROKEN),
        (_tear, LogLack.UNFINISHED),
        (_cut, LogLack.CUT_OFF),
        (_without_tree, LogLack.NO_CHECKPOINT),
        (_without_segment, LogLack.NOT_ALLOWED),
        (_damage_tree, LogLack.TREE_DAMAGED),
        (_pack, LogLack.NOT_READ),
        (_damage_compressed, LogLack.UNREADABLE),
        (_damage_compressed, LogLack.CHAIN_BROKEN),
    ],
)
def test_whatever_was_done_to_a_log_is_said(
    log: Path, change: Callable[[Path], None], lack: LogLack
) -> None:
    """No damage and no missing record leads to a smaller number in silence."""
    change(log)

    assert lack in lacks(gather([log], SPAN, GatherOptions())[0])


def test_records_after_the_checkpoint_are_not_counted(log: Path) -> None:
    """Figures stand on the checkpoint; newer records are said."""
    before = gather([log], SPAN, GatherOptions())[0]
    write_log(log, [[decision("late")]], start=NOON + 2 * DAY_S + 3600 * 11.99)

    found = gather([log], SPAN, GatherOptions())[0]

    assert (found.records, found.end) == (before.records, before.end)
    assert LogLack.AFTER_CHECKPOINT in lacks(found)


def days_later(log: Path, start: int, count: int) -> None:
    """Write an upload on each of some days; the totals stand before each but one."""
    days = [[decision(f"late{start}-{at}", ACCEPTED)] for at in range(count)]
    write_log(log, days, start=NOON + start * DAY_S)


@pytest.mark.parametrize("compress", [False, True])
def test_files_after_the_checkpoint_are_said_with_their_uploads(
    log: Path, *, compress: bool
) -> None:
    """Whole files that no checkpoint covers are left out, and counted as left out."""
    span = ReportDays(FIRST, FIRST + timedelta(days=DAYS + 4))
    written = len(lines(log))
    days_later(log, DAYS, 6)
    late = lines(log)[written:]
    if compress:
        compress_segments(log, segments(log)[:-1])

    found = gather([log], span, GatherOptions())[0]

    uploads = f"4 uploads, 2026-11-{25 + DAYS} - 2026-12-01"
    assert Said(LogLack.AFTER_CHECKPOINT, len(late)) in found.said
    assert Said(LogLack.LEFT_OUT, 4, uploads) in found.said
    assert Said(LogLack.UNSIGNED, 6, f"2026-11-{25 + DAYS} - 2026-12-03") in found.said
    assert LogLack.UNSIGNED in IS_DAMAGE


def test_many_files_of_one_minute_are_no_older_tree(log: Path) -> None:
    """An operator who changes sets before the next checkpoint is not suspected."""
    now = moment(NOON + DAYS * DAY_S)
    change = ChangeRecord(time=now, change=Change.SUPPRESS, at=now, by=None, details={})
    before = len(segments(log))
    many = [it for _ in range(UNSIGNED_MINUTES) for it in (change, decision("a"))]
    write_log(log, [many], start=now.timestamp())
    assert len(segments(log)) > before + UNSIGNED_MINUTES

    found = lacks(gather([log], SPAN, GatherOptions())[0])

    assert LogLack.AFTER_CHECKPOINT in found
    assert LogLack.UNSIGNED not in found


def test_records_after_the_days_of_a_report_are_not_left_out(log: Path) -> None:
    """A log that grew after the period has all uploads of the period."""
    days_later(log, DAYS, 1)

    found = lacks(gather([log], SPAN, GatherOptions())[0])

    assert LogLack.AFTER_CHECKPOINT in found
    assert not found & {LogLack.LEFT_OUT, LogLack.UNSIGNED}


def test_kinds_of_a_later_release_after_the_checkpoint_are_not_counted(
    log: Path,
) -> None:
    """They change nothing of the figures, so an older report still verifies."""
    with (log / segments(log)[-1].name).open("ab") as file:
        file.write(
            b'{"record":"novel","seq":99999,"previous":"",'
            b'"time":"2026-11-25T12:00:00Z"}\n'
        )

    found = gather([log], SPAN, GatherOptions())[0]

    assert lacks(found) == {LogLack.AFTER_CHECKPOINT}


def test_totals_stand_for_days_whose_records_retention_deleted(tmp_path: Path) -> None:
    """The days are named."""
    directory = tmp_path / "main" / "log"
    days = [[decision(f"a{n}", ACCEPTED), decision(f"b{n}")] for n in range(40)]
    days[3] = [decision("m", REJECTED)]
    write_log(directory, days)
    span = ReportDays(FIRST, FIRST + timedelta(days=40))
    tree_of(directory).grow(end_of(directory))
    assert prune(directory, now=NOON + 39 * DAY_S)

    found = gather([directory], span, GatherOptions())[0]

    assert lacks(found) == {LogLack.TOTALS_ONLY}
    assert found.from_totals[0] == FIRST.isoformat()
    assert found.unknown == []


def test_period_beyond_the_log_is_said(site: list[Path]) -> None:
    """Days before the first and after the last record are no days without uploads."""
    span = ReportDays(date(2026, 11, 1), date(2026, 12, 31))

    found = gather(site[:1], span, GatherOptions())[0]

    assert {LogLack.NOT_BEGUN, LogLack.ENDS_EARLY} <= lacks(found)


def test_clock_that_was_set_back_is_said(tmp_path: Path) -> None:
    """Days are not certain if the clock was set back; by how much is said."""
    directory = tmp_path / "main" / "log"
    write_log(directory, [[decision("a")]], start=NOON + 7200)
    write_log(directory, [[decision("b")]], start=NOON)

    found = gather([directory], SPAN, GatherOptions())[0]

    assert Said(LogLack.CLOCK_BACK, 120) in found.said


def test_one_log_under_two_names_is_refused(site: list[Path], tmp_path: Path) -> None:
    """A copy of a log beside the log would count everything twice."""
    copytree(site[0], tmp_path / "copy")

    with pytest.raises(UsageError, match="are one log"):
        gather([site[0], tmp_path / "copy"], SPAN, GatherOptions())


def test_folder_may_be_a_log_a_proxy_or_a_state_directory(site: list[Path]) -> None:
    """All logs of a state directory are found; a folder without a log is refused."""
    state = site[0].parent.parent.parent

    assert log_folders([state]) == [site[0]]
    assert log_folders([site[0].parent, site[0], site[1]]) == site
    with pytest.raises(UsageError, match="no decision log"):
        log_folders([state / "instances"])
