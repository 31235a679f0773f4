"""The size of the log and the time its disk lasts, for programs and for people."""

from pathlib import Path

import pytest

from tests.cli.running import json_lines, run
from tests.decisions.logs import decision, write_log
from uploadfilter.cli.log.space import space_lines
from uploadfilter.decisions.files.room import Room
from uploadfilter.decisions.records.outlook import MOST_DAYS

ROOM = Room(
    log_bytes=12_345_678,
    free_bytes=9_000_000_000,
    reserve_bytes=16_777_216,
    bytes_a_day=500_000_000,
    days_left=17.97,
)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the log of a state directory belongs."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    return tmp_path / "instances/main/log"


def test_space_for_programs(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The fields are those of the operator's page."""
    write_log(directory, [[decision("a")]])
    code = run(monkeypatch, "log", "space", "--json")
    (found,) = json_lines(capfd.readouterr().out)

    assert code == 0
    assert set(found) == set(Room.__slots__)
    assert found["log_bytes"] > 0
    assert found["days_left"] == MOST_DAYS  # the log is of another day


def test_space_for_people(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Four figures and their meaning."""
    write_log(directory, [[decision("a")]])

    assert run(monkeypatch, "log", "space") == 0
    assert "the log takes" in capfd.readouterr().out


def test_space_in_words() -> None:
    """Megabytes, and days with a fraction: the last ones count."""
    assert space_lines(ROOM) == [
        "the log takes     12.3 MB",
        "it grows by       500.0 MB a day",
        "free on its disk  9,000.0 MB",
        "of it kept back   16.8 MB",
        "the rest is for   18.0 days",
    ]


@pytest.mark.usefixtures("directory")
def test_log_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A wrong --state is the usual cause."""
    assert run(monkeypatch, "log", "space") != 0
    assert "--state" in capfd.readouterr().err
