"""A small machine with its own systemd, made of namespaces.

It runs the real ``systemd`` as its first process, with the real machine's programs and
network; what it writes to ``/usr``, ``/etc`` and ``/var`` stays in memory, and it sees
none of the real machine's processes and units. So a package can be installed, and a
unit started with all its hardening, and nothing of that is left. Needs root.
"""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.demo import running
from tests.deploy.programs import shown
from tests.sites.programs import debian, missing

SCRIPT = Path(__file__).with_name("machine.sh")

COMMAND_TIMEOUT_S = 90.0
"""The slowest command installs a package of 300 MB."""

_SYSTEMD = Path("/usr/lib/systemd/systemd")
_NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--cgroup")
_CLEARANCE = """
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /sys/fs/cgroup
[ ! -e "$1" ] || find "$1" -depth -type d -exec rmdir {} +
"""
"""Removes the leftovers of a machine that has ended: empty groups of processes."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs.

    Attributes:
        pid: Of its first process, as the real machine sees it.
    """

    pid: int

    def run(self, *command: str, may_fail: bool = False) -> str:
        """Run a command on it as root, to its end, and return its output.

        Raises:
            AssertionError: It failed.
        """
        enter = ("nsenter", "--target", str(self.pid), *_NAMESPACES, "--")
        done = subprocess.run(  # noqa: S603 - commands of the tests
            [*enter, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        assert may_fail or done.returncode == 0, shown(command, done.stdout)
        return done.stdout.decode()

    def write(self, path: str, text: str) -> None:
        """Write a file on it."""
        place = str(Path(path).parent)
        self.run("sh", "-c", 'mkdir -p "$1"', "sh", place)
        self.run("sh", "-c", 'printf %s "$1" >"$2"', "sh", text, path)

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit, as ``systemctl show`` has it."""
        return self.run(
            "systemctl", "show", "--value", f"--property={name}", unit
        ).strip()


@contextlib.contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Run a machine for the length of the block.

    Args:
        folder: For its output, and as the place where its memory is mounted.
    """
    if os.geteuid() != 0:
        missing("right to make a machine", cure="run the tests as root")
    if not _SYSTEMD.exists():
        missing("systemd", cure="apt: systemd")
    unshare = debian("unshare", package="util-linux")
    (folder / "machine").mkdir()
    cgroup = f"uploadfilter-{secrets.token_hex(4)}"
    command = (
        *(unshare, "--mount", "--fork", "--kill-child", "bash"),
        *(str(SCRIPT), str(folder / "machine"), cgroup),
    )
    log = folder / "machine.log"
    with running.process(command, log=log) as outermost:
        try:
            yield running.wait_for(
                lambda: _booted(outermost, log), what="a machine to start"
            )
        finally:
            # It ends with the process that made it, and everything on it.
            outermost.kill()
            outermost.wait()
            running.wait_for(
                lambda: _clear(cgroup) or None, what="the end of a machine"
            )


def _booted(outermost: "subprocess.Popen[bytes]", log: Path) -> Machine | None:
    """Return the machine once its systemd answers."""
    assert outermost.poll() is None, log.read_text()
    pid = _last_child(outermost.pid)
    try:
        # By its name: the file lies on the machine's own file system.
        if Path(f"/proc/{pid}/exe").readlink() != _SYSTEMD:
            return None
    except (FileNotFoundError, ProcessLookupError):  # a helper that has just ended
        return None
    made = Machine(pid)
    state = made.run("systemctl", "is-system-running", may_fail=True).strip()
    return made if state in {"running", "degraded"} else None


def _last_child(pid: int) -> int:
    """Return the process at the end of a chain of only children."""
    while True:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if len(children) == 1:
                pid = int(children[0])
                continue
        return pid


def _clear(cgroup: str) -> bool:
    """Remove the machine's leftovers in the kernel; false while it is still ending."""
    done = subprocess.run(  # noqa: S603 - our own lines
        ["unshare", "--mount", "sh", "-ec", _CLEARANCE, "sh", cgroup],  # noqa: S607
        check=False,
        capture_output=True,
        timeout=COMMAND_TIMEOUT_S,
    )
    return done.returncode == 0
