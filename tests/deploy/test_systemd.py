"""The units as systemd reads them, and the program as a service manager hears it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.demo import running
from tests.deploy.programs import DEPLOY, shown
from tests.sites.programs import debian

pytestmark = pytest.mark.e2e

UNITS = DEPLOY / "systemd"
SERVICE = "uploadfilter@.service"
SYNC = "uploadfilter-sync.service"
"""Its timer runs it each minute. What it runs is tested in
``tests/cli/hashset/test_signed.py``; under systemd itself it was not run."""

FORMS = "uploadfilter-forms.service"
"""The process of the forms, which ``tests/service/test_forms.py`` runs."""

EXPOSURE = 15
"""Tenths of systemd's figure for how much of the machine a service can reach, 100 being
all of it. The rest is the network, the clock's device and the user's own files."""

WATCHDOG_US = 200_000

WITHIN_S = 30.0
"""Seconds until the program must have said something; a cold start takes three."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return the units in a folder where the program is installed."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for service in (folder / SERVICE, folder / SYNC, folder / FORMS):
        text = service.read_text().replace("/usr/bin/uploadfilter", running.program())
        service.write_text(text)
    return folder


def analyze(*arguments: str) -> str:
    """Run ``systemd-analyze`` and return its output.

    Raises:
        AssertionError: It finds something.
    """
    command = (debian("systemd-analyze", package="systemd"), *arguments)
    done = subprocess.run(  # noqa: S603 - the program that is meant
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    assert done.returncode == 0, shown(command, done.stdout)
    return done.stdout.decode()


def test_systemd_finds_no_fault_in_the_units(units: Path) -> None:
    """Every setting is known, and every program and unit that is named is there."""
    instance = units / "uploadfilter@main.service"
    instance.symlink_to(SERVICE)
    others = (
        units / "uploadfilter.socket",
        units / "uploadfilter.slice",
        units / SYNC,
        units / FORMS,
        units / "uploadfilter-sync.timer",
    )
    said = analyze("verify", "--man=no", str(instance), *map(str, others))

    assert "uploadfilter" not in said


@pytest.mark.parametrize("name", [SERVICE, SYNC, FORMS])
def test_unit_reaches_little_of_the_machine(units: Path, name: str) -> None:
    """A change that gives the unit more access than it needs is found."""
    analyze(
        *("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}"),
        str(units / name),
    )


def links(root: Path) -> set[str]:
    """Return the links that ``systemctl enable`` has made."""
    folder = root / "etc/systemd/system"
    return {str(it.relative_to(folder)) for it in folder.rglob("*") if it.is_symlink()}


def test_disabling_one_proxy_leaves_the_socket_to_the_others(tmp_path: Path) -> None:
    """A shared unit stays when one proxy is removed; each proxy starts it."""
    place = tmp_path / "usr/lib/systemd/system"
    shutil.copytree(UNITS, place)
    systemctl = debian("systemctl", package="systemd")

    def run(*arguments: str) -> None:
        subprocess.run(  # noqa: S603 - the program that is meant
            [systemctl, "--root", str(tmp_path), "--quiet", *arguments],
            check=True,
            timeout=60,
        )

    run("enable", "uploadfilter.socket", "uploadfilter@main", "uploadfilter@b")
    both = links(tmp_path)
    run("disable", "uploadfilter@b")
    wants = "multi-user.target.wants/uploadfilter@{}.service"

    assert both - links(tmp_path) == {wants.format("b")}
    assert {wants.format("main"), "sockets.target.wants/uploadfilter.socket"} <= both
    assert "Sockets=uploadfilter.socket" in (place / SERVICE).read_text().splitlines()


def test_unit_knows_the_reload() -> None:
    """Only a type that waits for a reload tells when it has ended."""
    assert "Type=notify-reload" in (UNITS / SERVICE).read_text().splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A proxy, and its messages to the service manager.

    Attributes:
        proxy: The process.
        messages: Where its messages arrive.
    """

    proxy: subprocess.Popen[bytes]
    messages: socket.socket

    def wait_for(self, wanted: str) -> list[str]:
        """Return the lines of the first message with a line; others are passed over."""
        while True:
            lines = self.messages.recv(4096).decode().split("\n")
            if wanted in lines:
                return lines


@contextlib.contextmanager
def started(state: Path, address: str) -> Iterator[Told]:
    """Run the program as a service manager does, with a watchdog."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0", 1))
        manager.settimeout(WITHIN_S)
        environment = {
            **running.environment(state),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(WATCHDOG_US),
        }
        arguments = ("--origin", "http://127.0.0.1:9", "--listen", "127.0.0.1:0")
        command = (running.program(), "serve", *arguments)
        log = state / "proxy.log"
        with running.process(command, log=log, env=environment) as proxy:
            yield Told(proxy=proxy, messages=manager)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory with an empty reference set."""
    running.run_program("init", state=tmp_path / "state")
    return tmp_path / "state"


@pytest.mark.parametrize("address", ["path", "@uploadfilter-test"])
def test_manager_is_told_of_start_life_and_end(state: Path, address: str) -> None:
    """READY when it listens, pings for as long as it lives, STOPPING at its end."""
    address = f"{address}-{os.getpid()}" if address[0] == "@" else str(state / "notify")
    with started(state, address) as told:
        ready = told.wait_for("READY=1")
        told.wait_for("WATCHDOG=1")
        told.wait_for("WATCHDOG=1")
        told.proxy.send_signal(signal.SIGTERM)
        told.wait_for("STOPPING=1")
        code = told.proxy.wait(WITHIN_S)

    assert ready[1].startswith("STATUS=MONITOR at 127.0.0.1:")
    assert code == 0


def test_proxy_that_hangs_sends_no_ping(state: Path) -> None:
    """A process whose loop hangs cannot report that it works."""
    with started(state, str(state / "notify")) as told:
        told.wait_for("WATCHDOG=1")
        told.proxy.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, told.proxy.pid, os.WSTOPPED)
        told.messages.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                told.messages.recv(4096)
        told.messages.settimeout(5 * WATCHDOG_US / 1e6)
        with pytest.raises(TimeoutError):
            told.messages.recv(4096)
        told.proxy.send_signal(signal.SIGCONT)
        told.messages.settimeout(WITHIN_S)
        told.wait_for("WATCHDOG=1")


def test_running_proxy_writes_no_core_and_private_files(state: Path) -> None:
    """This holds for any limits and umask of the user who started it."""
    with started(state, str(state / "notify")) as told:
        told.wait_for("READY=1")
        process = Path(f"/proc/{told.proxy.pid}")
        limits = (process / "limits").read_text().splitlines()
        status = (process / "status").read_text().splitlines()
    (core,) = (line for line in limits if line.startswith("Max core file size"))

    assert core.split()[4:6] == ["0", "0"]
    assert "Umask:\t0077" in status
