"""The unit of the service, read as systemd reads it."""

from pathlib import Path

import pytest

from tests.repository import ROOT
from uploadfilter.cli.units import UNIT, installed_unit


def environment(*folders: Path, instance: str = "main") -> dict[str, str]:
    """Return the variables of the unit in these folders."""
    unit = installed_unit(instance, folders=folders)
    assert unit is not None
    return dict(unit.environment)


def write(path: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_unit_of_the_package_names_its_state() -> None:
    """The unit that we ship is understood, and other variables are left out."""
    assert environment(ROOT / "deploy/systemd") == {
        "UPLOADFILTER_STATE_DIR": "/var/lib/uploadfilter",
        "UPLOADFILTER_ADMIN": "127.0.0.1:9180",
    }


def test_no_unit_is_none(tmp_path: Path) -> None:
    """A machine without the package, and one whose folders are not there."""
    assert installed_unit(folders=[tmp_path, tmp_path / "missing"]) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("Environment=UPLOADFILTER_A=1", "1", id="plain"),
        pytest.param('Environment="UPLOADFILTER_A=1 2"', "1 2", id="quoted"),
        pytest.param("Environment=X=1 UPLOADFILTER_A=2", "2", id="two-in-a-line"),
        pytest.param(
            "Environment=UPLOADFILTER_A=%S/a%%b-%i", "/var/lib/a%b-main", id="%"
        ),
        pytest.param(
            "Environment=UPLOADFILTER_A=1\\\n UPLOADFILTER_B=2", "1", id="line"
        ),
        pytest.param("# Environment=UPLOADFILTER_A=1", None, id="comment"),
        pytest.param("Environment=UPLOADFILTER_A=1\nEnvironment=", None, id="reset"),
        pytest.param("[Unit]\nEnvironment=UPLOADFILTER_A=1", None, id="section"),
        pytest.param("Environment='UPLOADFILTER_A=1", None, id="broken"),
    ],
)
def test_environment_is_read(tmp_path: Path, text: str, value: str | None) -> None:
    """As in systemd.exec(5); broken lines are ignored."""
    write(tmp_path / UNIT, f"[Service]\n{text}\n")

    assert environment(tmp_path).get("UPLOADFILTER_A") == value


def test_drop_ins_come_after_the_unit_and_by_name(tmp_path: Path) -> None:
    """One of an instance is its own; one in /etc hides its namesake of the package."""
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    line = "[Service]\nEnvironment=UPLOADFILTER_{}={}\n"
    write(usr / UNIT, line.format("A", "unit"))
    write(usr / f"{UNIT}.d/10-a.conf", line.format("A", "hidden"))
    write(etc / f"{UNIT}.d/10-a.conf", line.format("A", "10"))
    write(etc / f"{UNIT}.d/20-b.conf", line.format("B", "20"))
    write(etc / "uploadfilter@b.service.d/90.conf", line.format("A", "of-b"))

    assert environment(etc, usr) == {"UPLOADFILTER_A": "10", "UPLOADFILTER_B": "20"}
    assert environment(etc, usr, instance="b")["UPLOADFILTER_A"] == "of-b"


def test_environment_file_is_read(tmp_path: Path) -> None:
    """This includes a file that may be missing."""
    write(tmp_path / "env", "# ours\nUPLOADFILTER_A=1\n")
    lines = f"EnvironmentFile={tmp_path}/env\nEnvironmentFile=-{tmp_path}/none\n"
    write(tmp_path / UNIT, f"[Service]\n{lines}")

    assert environment(tmp_path) == {"UPLOADFILTER_A": "1"}
