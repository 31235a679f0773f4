"""Shared options: where state lives, and moments of the past."""

import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from uploadfilter.cli.options import (
    CONFIG_VARIABLE,
    config_file,
    create_state,
    log_directory,
    moment,
    moment_until,
)
from uploadfilter.errors import UsageError

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_new_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    """No other user may enter a state directory that the program makes."""
    create_state(tmp_path / "a/b")

    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700


def test_state_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """A directory that an operator made is not changed silently."""
    (tmp_path / "s").mkdir()
    # The umask of the user who runs the tests reduces the mode of mkdir.
    (tmp_path / "s").chmod(0o750)

    create_state(tmp_path / "s")

    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o750


def test_log_is_in_the_instance_directory(tmp_path: Path) -> None:
    """The log of an instance is where its proxy writes it."""
    assert log_directory(tmp_path, None) == tmp_path / "instances/main/log"


@pytest.mark.parametrize("name", ["../x", ".", "..", "a/b"])
def test_instance_name_cannot_leave_its_place(tmp_path: Path, name: str) -> None:
    """A name is one step below ``instances``."""
    with pytest.raises(UsageError, match="instance"):
        log_directory(tmp_path, name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("90m", NOW - timedelta(minutes=90), id="age"),
        pytest.param("7d", NOW - timedelta(days=7), id="days"),
        pytest.param("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC), id="date"),
        pytest.param(
            "2026-03-01T10:00:00+02:00", datetime(2026, 3, 1, 8, tzinfo=UTC), id="zone"
        ),
    ],
)
def test_moment_table(text: str, expected: datetime) -> None:
    """Ages, dates and times are moments; without a zone they are UTC."""
    assert moment(text, now=NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "d", "-3d", "1.5h", "²d", "9" * 30 + "w"]
)
def test_other_text_is_no_moment(text: str) -> None:
    """Anything else is refused with a hint."""
    with pytest.raises(UsageError, match="not a point in time"):
        moment(text, now=NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("72h", NOW + timedelta(hours=72)),
        ("0s", NOW),
        ("2w", NOW + timedelta(weeks=2)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
    ],
)
def test_end_is_a_date_or_a_time_from_now(text: str, expected: datetime) -> None:
    """A number and a unit count from now; a date without a zone is in UTC."""
    assert moment_until(text, now=NOW) == expected


@pytest.mark.parametrize("text", ["", "h", "72", "-1h", "1.5h", "1y", "9" * 30 + "w"])
def test_end_that_is_neither_is_refused(text: str) -> None:
    """Whatever else is written is an error that shows an example."""
    with pytest.raises(UsageError) as refused:
        moment_until(text, now=NOW)

    assert "72h" in refused.value.hint


def test_configuration_file_is_the_first_of_its_places(tmp_path: Path) -> None:
    """The one that is named, else the user's own, else that of the system."""
    own, system = tmp_path / "uploadfilter/uploadfilter.toml", tmp_path / "system.toml"
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert config_file(None, environ=environ, system=system) is None
    system.touch()
    assert config_file(None, environ=environ, system=system) == system
    own.parent.mkdir()
    own.touch()
    assert config_file(None, environ=environ, system=system) == own
    environ[CONFIG_VARIABLE] = "/named"
    assert config_file(None, environ=environ, system=system) == Path("/named")
    assert config_file(Path("/typed"), environ=environ, system=system) == Path("/typed")


def test_configuration_file_that_leads_nowhere_is_not_passed_over(
    tmp_path: Path,
) -> None:
    """A broken link is a mistake to be told, and no reason to use another file."""
    own, system = tmp_path / "uploadfilter/uploadfilter.toml", tmp_path / "system.toml"
    system.touch()
    own.parent.mkdir()
    own.symlink_to("nowhere")
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert config_file(None, environ=environ, system=system) == own


def test_empty_variable_means_no_configuration_file(tmp_path: Path) -> None:
    """It can be switched off."""
    system = tmp_path / "system.toml"
    system.touch()

    assert config_file(None, environ={CONFIG_VARIABLE: ""}, system=system) is None


def test_state_directory_is_named_to_people_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A pipe or a file of standard error gets no note about where state lives."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    log_directory(None, None)
    piped = capfd.readouterr()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    log_directory(None, None)
    shown = capfd.readouterr()

    assert (piped.out, piped.err, shown.out) == ("", "", "")
    assert str(tmp_path) in shown.err
