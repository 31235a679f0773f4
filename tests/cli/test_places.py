"""The place of state without a named state directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from uploadfilter.cli import places
from uploadfilter.cli.places import (
    StatePlace,
    default_place,
    may_enforce,
    own_default,
    with_unit,
)
from uploadfilter.cli.units import UNIT


def test_own_default_follows_the_environment() -> None:
    """XDG_STATE_HOME names the place if it is absolute."""
    assert own_default({"XDG_STATE_HOME": "/s"}) == Path("/s/uploadfilter")


@pytest.mark.parametrize("value", [{}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "s"}])
def test_own_default_is_in_the_home(value: dict[str, str]) -> None:
    """Without it, or where it is relative, state is in the home directory."""
    assert own_default(value) == Path.home() / ".local/state/uploadfilter"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another")
def test_user_without_an_account_is_told_to_name_a_place() -> None:
    """A container may run as any number, which has no home directory."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        ("/usr/bin/env", "-i", sys.executable, "-c", HOMELESS),
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, "/.local/state/uploadfilter\n")


HOMELESS = """
import os
from uploadfilter.cli.options import config_file
from uploadfilter.cli.places import own_default
os.setuid(1_234_567)
assert config_file(None, environ={}) is None
print(own_default({}))
"""


class Host:
    """A machine on which the service is installed, and one user of it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.state = folder / "var"
        self.own = folder / "home/uploadfilter"
        self.units = folder / "units"
        self.config = folder / "uploadfilter.toml"
        self.system = folder / "system.toml"
        self.state.mkdir()
        self.units.mkdir()
        self.unit = self.units / UNIT
        self.unit.write_text(
            f"[Service]\nEnvironment=UPLOADFILTER_STATE_DIR={self.state}\n"
            "Environment=UPLOADFILTER_ADMIN=127.0.0.1:9180\n"
        )
        patch.setattr(places, "SYSTEM_CONFIG", self.system)

    def place(self, config: Path | None = None) -> StatePlace:
        """Return the places that a command acts on."""
        environ = {"XDG_STATE_HOME": str(self.own.parent)}
        return default_place(config, environ=environ, folders=[self.units])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return a machine with the unit installed."""
    return Host(tmp_path, monkeypatch)


def test_installed_state_is_found_and_said(host: Host) -> None:
    """Root, or the owner, means the state of the service, whatever is in the home."""
    host.own.mkdir(parents=True)

    assert host.place() == StatePlace(path=host.state, named_by=str(host.unit))


def test_other_user_keeps_a_state_of_their_own(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who tries the program is not led to a service of the system."""
    monkeypatch.setattr(os, "geteuid", lambda: host.state.stat().st_uid + 1)
    without = host.place()
    host.own.mkdir(parents=True)

    assert without.path == host.state
    assert host.place() == StatePlace(path=host.own)


def test_without_a_unit_it_is_the_default_of_the_user(host: Host) -> None:
    """As before: nothing is installed, and no option is needed."""
    host.unit.unlink()

    assert host.place() == StatePlace(path=host.own)


@pytest.mark.parametrize("is_installed", [True, False])
def test_file_of_settings_names_the_state(host: Host, *, is_installed: bool) -> None:
    """As for `serve`: the variables of the unit win over the system's file alone."""
    if not is_installed:
        host.unit.unlink()
    for file in (host.config, host.system):
        file.write_text('state = "/srv/state"\n')
    in_file = Path("/srv/state")

    assert host.place(host.config).path == in_file
    assert host.place(host.system).path == (host.state if is_installed else in_file)


@pytest.mark.parametrize("text", ["state = 1", "state", "\0", "[state]\na = 1"])
def test_file_that_says_nothing_plain_is_passed_over(host: Host, text: str) -> None:
    """Its mistakes are left to `config --check`."""
    host.config.write_text(text)

    assert host.place(host.config).path == host.state


def test_system_file_is_read_with_the_variables_of_the_unit(host: Host) -> None:
    """As the service reads it; a variable set by hand wins. Other files stay."""
    environ = {"UPLOADFILTER_ADMIN": "127.0.0.1:1", "HOME": "/"}

    read = with_unit(environ, host.system, folders=[host.units])
    other = with_unit(environ, host.config, folders=[host.units])

    assert read == {**environ, "UPLOADFILTER_STATE_DIR": str(host.state)}
    assert other == environ


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("", {}, False),
        ("mode = 'monitor'", {}, False),
        ("mode = 'enforce'", {}, True),
        ("[[routes]]\nmode = 'enforce'", {}, True),
        ("[[routes]]\nname = 'a'", {}, False),
        ("mode = 'enforce'", {"UPLOADFILTER_MODE": "monitor"}, False),
        ("", {"UPLOADFILTER_MODE": "ENFORCE"}, True),
        ("mode = 1\nroutes = 'x'", {}, False),
        ("not TOML", {}, False),
    ],
)
def test_mode_is_read_as_the_service_reads_it(
    host: Host, text: str, environ: dict[str, str], expected: bool
) -> None:
    """One route in ENFORCE suffices; a variable overrides the file's mode."""
    host.config.write_text(text)

    assert may_enforce(host.config, environ=environ, folders=[]) is expected
