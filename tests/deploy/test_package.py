"""The Debian package, installed on a machine with a real systemd, and lived with."""

import re
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.demo import running
from tests.deploy.conftest import origin
from tests.deploy.machine import Machine, machine
from tests.deploy.programs import made
from tests.e2e import pictures
from tests.e2e.conftest import write_set
from tests.e2e.curl import Answer, curl
from tests.ports import free_port
from tests.sites.programs import debian

pytestmark = pytest.mark.e2e

CONFIGURATION = "/etc/uploadfilter/uploadfilter.toml"
STATE = "/var/lib/uploadfilter"
SETTINGS = """
origin = "{origin}"
listen = "inherited:http"
mode = "enforce"

[admin]
listen = {{ env = "UPLOADFILTER_ADMIN" }}

[scanner]
require_sandbox = true
"""

INSTANCES = ("main", "b", "hung")
"""The proxies of the tests; each has its own admin listener."""

LOG = "/run/operational.log"
"""There is no journal on the machine, so the operational log goes here."""

TO_LOG = f"[Service]\nStandardOutput=append:{LOG}\nStandardError=append:{LOG}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine on which the package is installed, before a site.

    Attributes:
        machine: The machine.
        package: The installed package.
        url: Where uploads come in.
        said: Output of the installation.
        started: Units that ran right after the installation, before anybody started
            one.
    """

    machine: Machine
    package: Path
    url: str
    said: str
    started: str

    def put(self, name: str, content: bytes) -> Answer:
        """Upload a file."""
        return curl(f"{self.url}/files/{name}", "-T", "-", data=content)

    def operate(self, command: str) -> str:
        """Run a command of the program as root, as docs/operating/install.md does."""
        return self.machine.run(*shlex.split(command))

    def not_of_the_service(self) -> str:
        """Return the files in the state directory that are not the service's."""
        return self.machine.run("find", STATE, "!", "-user", "uploadfilter")

    def install(self) -> str:
        """Install the package, or install it again; return the output."""
        # Nobody pulls the plug: without a sync for each of its 10,000 files.
        options = ("--force-unsafe-io", "--install")
        return self.machine.run("dpkg", *options, str(self.package))

    def pid(self, instance: str = "main") -> int:
        """Return the process of a proxy, as the machine sees it."""
        return int(self.machine.property(f"uploadfilter@{instance}", "MainPID"))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Return a machine with the package, set up as the documents say, and started."""
    debian("dpkg-deb", package="dpkg")
    package = made("UPLOADFILTER_DEB")
    folder = tmp_path_factory.mktemp("host")
    hash_set = write_set(folder / "unit7.jsonl", pictures.listed())
    port = free_port()
    with origin(folder) as site, machine(folder) as made_machine:
        installed = Host(
            machine=made_machine,
            package=package,
            url=f"http://127.0.0.1:{port}",
            said="",
            started="",
        )
        said = installed.install()
        started = made_machine.run(
            *("systemctl", "list-units", "--all", "--no-legend", "uploadfilter*")
        )
        made_machine.write(CONFIGURATION, SETTINGS.format(origin=site))
        system = "/etc/systemd/system/uploadfilter"
        made_machine.write(f"{system}@.service.d/log.conf", TO_LOG)
        for instance in INSTANCES:
            admin = (
                f"[Service]\nEnvironment=UPLOADFILTER_ADMIN=127.0.0.1:{free_port()}\n"
            )
            made_machine.write(f"{system}@{instance}.service.d/admin.conf", admin)
        listen = f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n"
        made_machine.write(f"{system}.socket.d/port.conf", listen)
        made_machine.write("/run/unit7.jsonl", hash_set.read_text())
        installed.operate("uploadfilter init")
        installed.operate(
            "uploadfilter hashset import /run/unit7.jsonl --name unit7 --category demo"
        )
        installed.operate("uploadfilter hashset enforce unit7")
        installed.operate("uploadfilter config --check")
        made_machine.run("systemctl", "daemon-reload")
        enable = ("systemctl", "enable", "--now", "uploadfilter@main")
        made_machine.run(*enable, may_fail=True)
        state = made_machine.property("uploadfilter@main", "ActiveState")
        assert state == "active", made_machine.run("cat", LOG)
        yield Host(
            machine=made_machine,
            package=package,
            url=installed.url,
            said=said,
            started=started,
        )


def test_installation_starts_nothing(host: Host) -> None:
    """Nothing runs before the operator has named an origin and made a reference set."""
    assert host.started == ""


def test_installation_says_what_to_do_next(host: Host) -> None:
    """The remaining steps are stated in order, with the page that explains them."""
    steps = (CONFIGURATION, "uploadfilter init", "hashset import", "enable --now")
    places = [host.said.find(step) for step in steps]

    assert -1 not in places
    assert places == sorted(places)


def test_state_and_configuration_are_private(host: Host) -> None:
    """Other users can read neither the state nor the settings of the proxies."""
    stat = ("stat", "--format=%a %U %G", STATE, CONFIGURATION)

    assert host.machine.run(*stat).splitlines() == [
        "700 uploadfilter uploadfilter",
        "640 root uploadfilter",
    ]


def test_commands_of_root_act_as_the_service(host: Host) -> None:
    """Commands of root use the unit's state, and write as its user."""
    host.operate("uploadfilter hashset import /run/unit7.jsonl --name unit7")
    answer = host.put("l.jpg", pictures.listed())

    assert host.not_of_the_service() == ""
    assert answer.status == 403


def test_stranger_is_told_as_whom_to_come_back(host: Host) -> None:
    """Another user than root or the service is told which user to be."""
    nobody = ("runuser", "--user", "nobody", "--")
    said = host.machine.run(
        *nobody, *shlex.split("uploadfilter hashset list"), may_fail=True
    )

    assert "belongs to uploadfilter, and this is nobody" in said
    assert "Traceback" not in said


def test_proxy_that_is_disabled_leaves_the_socket(host: Host) -> None:
    """The other proxies still accept from it."""
    host.machine.run("systemctl", "enable", "--now", "uploadfilter@b")
    host.machine.run("systemctl", "disable", "--now", "uploadfilter@b")
    answer = host.put("a.jpg", pictures.unlisted())

    assert host.machine.property("uploadfilter.socket", "ActiveState") == "active"
    assert answer.status == 201


def test_unit_filters_uploads(host: Host) -> None:
    """A started unit is ready: it lets one picture pass and rejects the other."""
    accepted = host.put("a.jpg", pictures.unlisted())
    rejected = host.put("l.jpg", pictures.listed())

    assert accepted.status == 201
    assert rejected.status == 403
    # At the start with its addresses, after a reload without them.
    assert "ENFORCE" in host.machine.property("uploadfilter@main", "StatusText")


def test_unit_leaves_the_scanners_their_sandbox(host: Host) -> None:
    """In the unit's sandbox, scanners can still confine themselves completely."""
    host.put("a.jpg", pictures.unlisted())

    assert "sandbox_incomplete" not in host.machine.run("cat", LOG)


def test_unit_takes_what_the_proxy_does_not_need(host: Host) -> None:
    """It has no capability, no new privilege, few system calls, no path to write."""
    pid = host.pid()
    status = dict(
        line.split(":\t", 1)
        for line in host.machine.run("cat", f"/proc/{pid}/status").splitlines()
        if ":\t" in line
    )
    inside = ("nsenter", "--target", str(pid), "--mount", "--")
    written = host.machine.run(*inside, "touch", "/etc/x", "/usr/x", may_fail=True)

    assert {status[f"Cap{kind}"] for kind in ("Eff", "Prm", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split()[0] != "0"
    assert written.count("Read-only file system") == 2


def test_memory_of_a_proxy_is_closed_to_its_own_user(host: Host) -> None:
    """Another program of the same user learns nothing from the proxy."""
    as_user = ("runuser", "--user", "uploadfilter", "--", "cat")
    read = host.machine.run(*as_user, f"/proc/{host.pid()}/environ", may_fail=True)

    assert "Permission denied" in read


def test_watchdog_replaces_a_proxy_that_hangs(host: Host) -> None:
    """A proxy that no longer answers the manager is ended, and another takes over."""
    unit = "uploadfilter@hung"
    quick = "[Service]\nWatchdogSec=1s\nTimeoutAbortSec=1s\n"
    host.machine.write(f"/etc/systemd/system/{unit}.service.d/quick.conf", quick)
    host.machine.run("systemctl", "daemon-reload")
    host.machine.run("systemctl", "start", unit)
    first = host.pid("hung")
    host.machine.run("kill", "-STOP", str(first))
    running.wait_for(
        lambda: host.machine.property(unit, "NRestarts") != "0" or None,
        what="the watchdog to act",
    )
    running.wait_for(
        lambda: host.machine.property(unit, "ActiveState") == "active" or None,
        what="another proxy to be ready",
    )
    second = host.pid("hung")
    host.machine.run("systemctl", "stop", unit)

    assert second not in {0, first}


def test_rolling_restart_of_two_loses_no_request(host: Host) -> None:
    """While one proxy of two is started again, every request is answered well."""
    host.machine.run("systemctl", "start", "uploadfilter@b")
    before = host.pid("main"), host.pid("b")
    ended = threading.Event()
    statuses: list[int] = []

    def upload() -> None:
        while not ended.is_set():
            statuses.append(host.put("rolling.txt", b"holiday").status)

    threads = [threading.Thread(target=upload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for instance in ("main", "b"):
        host.machine.run("systemctl", "restart", f"uploadfilter@{instance}")
    ended.set()
    for thread in threads:
        thread.join()
    after = host.pid("main"), host.pid("b")
    host.machine.run("systemctl", "stop", "uploadfilter@b")

    assert set(before).isdisjoint(after)
    assert set(statuses) == {201}


def test_reload_takes_the_settings_up(host: Host) -> None:
    """``systemctl reload`` ends when the new settings are in force, in one process."""
    before, settings = host.pid(), host.machine.run("cat", CONFIGURATION)
    host.machine.write(CONFIGURATION, settings.replace('"enforce"', '"monitor"'))
    host.machine.run("systemctl", "reload", "uploadfilter@main")
    monitored = host.put("l.jpg", pictures.listed())
    host.machine.write(CONFIGURATION, settings)
    host.machine.run("systemctl", "reload", "uploadfilter@main")
    enforced = host.put("l.jpg", pictures.listed())

    assert (monitored.status, enforced.status) == (201, 403)
    assert host.pid() == before


def test_reload_of_a_broken_file_fails_and_changes_nothing(host: Host) -> None:
    """The operator is told, and uploads are filtered as before."""
    before, settings = host.pid(), host.machine.run("cat", CONFIGURATION)
    host.machine.write(CONFIGURATION, settings.replace("mode", "mood"))
    reload = ("systemctl", "reload", "uploadfilter@main")
    said = host.machine.run(*reload, may_fail=True)
    rejected = host.put("l.jpg", pictures.listed())
    host.machine.write(CONFIGURATION, settings)
    host.machine.run(*reload)

    assert "failed" in said
    assert rejected.status == 403
    assert host.pid() == before


def test_upgrade_starts_the_new_proxy_and_keeps_the_settings(host: Host) -> None:
    """Installing a release over another keeps the configuration and the state."""
    before, settings = host.pid(), host.machine.run("cat", CONFIGURATION)
    generations = host.operate("uploadfilter hashset list --json")
    said = host.install()

    assert "Next:" not in said
    assert host.pid() not in {0, before}
    assert host.machine.run("cat", CONFIGURATION) == settings
    assert host.operate("uploadfilter hashset list --json") == generations
    assert host.put("l.jpg", pictures.listed()).status == 403


def test_removal_stops_the_proxies_and_keeps_the_records(host: Host) -> None:
    """A new installation takes the decisions of the old one up."""
    host.put("a.jpg", pictures.unlisted())
    host.machine.run("dpkg", "--remove", "uploadfilter")
    left = host.machine.run("find", STATE, "-name", "*.jsonl")
    units = host.machine.run(
        *("systemctl", "list-units", "--no-legend", "--state=active", "uploadfilter*")
    )
    host.install()
    host.machine.run("systemctl", "start", "uploadfilter@main")
    verified = host.operate("uploadfilter verify")

    assert left
    assert not re.search(r"uploadfilter(@\w+\.service|\.socket)", units)
    assert "verified" in verified
    assert host.put("l.jpg", pictures.listed()).status == 403


def test_backup_is_restored_on_another_machine(host: Host) -> None:
    """Copies that are made while it runs are complete."""
    host.put("a.jpg", pictures.unlisted())
    host.operate("uploadfilter backup /run/backup.tar.zst")
    host.machine.run(*shlex.split("install -d -m 0700 -o uploadfilter /var/lib/moved"))
    restore = "uploadfilter restore /run/backup.tar.zst --log-continues"
    host.operate(f"{restore} --state /var/lib/moved")
    there = "env UPLOADFILTER_STATE_DIR=/var/lib/moved uploadfilter"
    host.operate(f"{there} verify --reference")
    verified = host.operate(f"{there} verify")
    host.machine.run("rm", "-r", "/var/lib/moved", "/run/backup.tar.zst")

    assert "verified" in verified
