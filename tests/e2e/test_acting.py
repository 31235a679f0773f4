"""Commands of root on the state of the service: whatever they write is the service's.

The service is a user without a name here, as in a container; the package's own user is
tried in ``tests/deploy``.
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.core import TyperGroup

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import write_set
from tests.issuing.offices import Office, line_of
from uploadfilter.cli import whole_program

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else"),
]

OWNER, STRANGER = 64_242, 64_243
"""Users that no machine has, so that neither has a name or belongs to a group."""


_WATCHED = """
import os, sys
def note(event, details):
    if event == "import" and os.geteuid():
        sys.stderr.write(f"imported as the owner: {details[0]}\\n")
sys.addaudithook(note)
from uploadfilter import cli
sys.argv[:] = ["uploadfilter", *sys.argv[1:]]
cli.main()
"""
"""Runs a command, and tells what it imports once root has become the owner: in a folder
that only root may enter, the owner could not import anything."""

_AS_USER = """
import contextlib, importlib, os, pkgutil, sys
import numpy.ma
from uploadfilter import cli, config
user, *arguments = sys.argv[1:]
cli.whole_program()  # which loads every command
options = "--limit 1 --verdict match --since 1d --state /nowhere".split()
sys.argv[:] = ["uploadfilter", "log", "show", *options]
try:
    cli.main()  # which has libraries load what they load when they are first used
except SystemExit:
    pass
for name in ("encodings", "lmdb", "rich", "typer", "typer._click"):
    for module in pkgutil.iter_modules(importlib.import_module(name).__path__):
        # lmdb.cffi, which is for PyPy, would be compiled where cffi is installed.
        if module.name != "cffi" and not module.name.startswith("__"):
            with contextlib.suppress(ImportError, AssertionError):
                importlib.import_module(f"{name}.{module.name}")
os.setgroups([])
os.setresgid(*[int(user)] * 3)
os.setresuid(*[int(user)] * 3)
sys.argv[:] = ["uploadfilter", *arguments]
cli.main()
"""
"""Runs a command as a user who may not enter the folder of the program: the checkout,
or the interpreter, may lie in the home of root."""


def _python() -> str:
    """Return the interpreter of the program that is tested."""
    first = Path(running.program()).read_text("utf-8").partition("\n")[0]
    return first.removeprefix("#!").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A state directory of the service, and root's files beside it.

    Attributes:
        folder: Root's folder, which no other user may enter.
        state: The state directory; it belongs to ``OWNER``.
    """

    folder: Path
    state: Path

    def run(
        self, *arguments: str, user: int | None = None, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command of the program, as root unless another user is named."""
        program = [_python(), "-c", _WATCHED]
        if user is not None:
            program = [_python(), "-c", _AS_USER, str(user)]
        return subprocess.run(  # noqa: S603 - our own program
            [*program, *arguments],
            env={**running.environment(self.state), "HOME": str(self.folder)},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def set_file(self, name: str = "demo.jsonl") -> str:
        """Write a hash set that only root may read."""
        path = write_set(self.folder / name, pictures.listed())
        path.chmod(0o600)
        return str(path)

    def strangers(self) -> list[str]:
        """Return files of the state directory that others own or can open."""
        return [
            f"{path}: {found.st_uid}, {stat.filemode(found.st_mode)}"
            for path in (self.state, *self.state.rglob("*"))
            for found in [path.lstat()]
            if (found.st_uid, found.st_gid) != (OWNER, OWNER)
            # The rights of a link do not matter.
            or (not path.is_symlink() and stat.S_IMODE(found.st_mode) & 0o077)
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Return an empty state directory of the service."""
    with TemporaryDirectory() as folder:
        # Others must be able to come as far as the state directory.
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        state.mkdir(mode=0o700)
        os.chown(state, OWNER, OWNER)
        yield Machine(folder=tmp_path, state=state)


WRITING: tuple[tuple[str, ...], ...] = (
    ("init",),
    ("hashset", "import", "FILE", "--name", "demo", "--category", "demo"),
    ("hashset", "import", "FILE", "--name", "other", "--category", "demo"),
    ("hashset", "enforce", "other"),
    ("hashset", "off", "demo", "entry-0", "--why", "stock", "--by", "ab"),
    ("hashset", "on", "demo", "entry-0"),
    ("hashset", "remove", "other", "--yes"),
    ("hashset", "import", "ENCASE", "--known-good", "--name", "known"),
    ("hashset", "remove", "known", "--known-good"),
    ("hashset", "rollback", "--yes"),
    ("hashset", "rollback", "--release"),
    ("hashset", "feedback", "--key", "hoster-1"),
    ("api", "token", "gallery"),
    ("api", "token", "gallery", "--revoke"),
)
"""Every command that writes into the state directory, in an order that works."""

SIGNED = frozenset({"hashset trust", "hashset sync"})
"""The same for signed sets, which need an issuer; they have a separate test."""

ISSUING = frozenset(
    f"issuer {name}"
    for name in (
        *("new", "key", "rotate", "build", "propose", "sign", "publish"),
        *("withdraw", "export", "status", "feedback", "page", "open-evidence"),
    )
) | {"hashset known-good", "lookback scan", "backup"}
"""They write where they are told to, and never into the state directory."""

READING = frozenset(
    {
        "doctor",
        "scan",
        "hashset convert",
        "hashset list",
        "lookback match",
        "lookup",
        "hashset diff",
        "log prove",
        "log show",
        "report",
        "log totals",
        "verify",
        "config",
        "objection review",
        "objection statement",
    }
)


def commands(group: TyperGroup, above: str = "") -> Iterator[str]:
    """Yield every command of the program."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


def words(command: Sequence[str]) -> str:
    """Return the name of a command without its arguments."""
    is_grouped = command[0] in {"api", "hashset", "objection"}
    return " ".join(command[: 2 if is_grouped else 1])


def test_every_command_is_known_to_write_or_not() -> None:
    """A new command goes into one of the lists above, so that it is tried as root."""
    apart = {"serve", "forms", "restore"}
    known = {*READING, *map(words, WRITING), *SIGNED, *ISSUING, *apart}

    assert set(commands(whole_program())) == known


def test_commands_of_root_leave_nothing_of_root(machine: Machine) -> None:
    """Whatever root does, each file is the owner's, and closed to others."""
    known = machine.folder / "known.hash"
    known.write_bytes((b"HASH\r\n\xff\0" + bytes(1152))[:1152] + bytes(range(18)))
    given = {"FILE": machine.set_file(), "ENCASE": str(known)}
    for command in WRITING:
        done = machine.run(*(given.get(word, word) for word in command))

        assert done.returncode == 0, done.stderr.decode()
        assert b"imported as the owner" not in done.stderr, command
        assert machine.strangers() == [], command


def test_state_that_root_restores_is_the_owners(machine: Machine) -> None:
    """The backup is root's file, which the owner of the state cannot read."""
    backup = str(machine.folder / "b.tar.zst")
    set_of = (machine.set_file(), "--name", "demo", "--category", "demo")
    assert machine.run("hashset", "import", *set_of).returncode == 0
    assert machine.run("backup", backup).returncode == 0
    assert machine.strangers() == []
    for path in machine.state.iterdir():
        shutil.rmtree(path)

    done = machine.run("restore", backup)

    assert done.returncode == 0, done.stderr.decode()
    assert machine.strangers() == []
    assert machine.run("hashset", "list", "demo").returncode == 0


def test_signed_set_that_root_takes_is_the_owners(machine: Machine) -> None:
    """Root trusts an issuer and syncs by hand; the service's timer goes on with it."""
    now_s = time.time()  # noqa: TID251 - the program looks at this clock
    office = Office(machine.state.parent / "office", epoch_s=now_s)
    office.issue(*(line_of(f"p-{number}", number) for number in range(20)))
    root = machine.state.parent / "root.json"
    root.write_bytes(office.root)
    digest = hashlib.sha256(office.root).hexdigest()
    for path in (office.served, *office.served.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    office.served.parent.chmod(0o755)
    source = ("--name", "unit7", "--from", str(office.served), "--digest", digest)
    for command in (
        ("init",),
        ("hashset", "trust", str(root), *source, "--category", "1"),
        ("hashset", "sync", "unit7"),
    ):
        done = machine.run(*command)

        assert done.returncode == 0, done.stderr.decode()
        assert machine.strangers() == [], command


def test_journal_says_who_did_it_not_as_whom(machine: Machine) -> None:
    """Root became the owner to write; on record is root, with every change."""
    file = machine.set_file()
    for command in WRITING[:6]:
        done = machine.run(*(file if word == "FILE" else word for word in command))
        assert done.returncode == 0, done.stderr.decode()
    lines = (machine.state / "reference" / "journal").read_text().splitlines()

    assert len(lines) == 6
    assert {json.loads(line)["by"]["uid"] for line in lines} == {0}


def test_owner_reads_what_root_has_imported(machine: Machine) -> None:
    """The running service is that user: files that root imports belong to it."""
    machine.run("init")
    arguments = ("--name", "demo", "--category", "demo")
    machine.run("hashset", "import", machine.set_file(), *arguments)
    machine.run("hashset", "enforce", "demo")
    done = machine.run("hashset", "list", "--json", user=OWNER)

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["lack"] is None


def test_hash_set_may_come_through_a_pipe_of_root(machine: Machine) -> None:
    """Root reads the files that root sends, although the owner writes."""
    digest = b"568b72d9fa3101692a4928a5a1ef8d84"
    done = machine.run(
        *("hashset", "import", "/dev/stdin", "--name", "own", "--category", "own"),
        stdin=digest,
    )

    assert done.returncode == 0, done.stderr.decode()
    assert machine.strangers() == []


@pytest.mark.parametrize("what", ["reference/current", "reference/key", "instances"])
def test_files_of_root_are_named_before_anything_is_written(
    machine: Machine, what: str
) -> None:
    """An older version left them: which they are, and how they go back."""
    machine.run("init")
    place = machine.state / what
    if what == "instances":
        place.mkdir(mode=0o700)
    os.chown(place, 0, 0)
    before = sorted(machine.state.rglob("*"))
    done = machine.run(
        *("hashset", "import", machine.set_file(), "--name", "a", "--category", "demo")
    )
    config = machine.folder / "uploadfilter.toml"
    config.write_text('origin = "http://127.0.0.1:9"')
    checked = machine.run("config", "--check", str(config), "--json")

    assert done.returncode == 2
    assert f"{str(place)!r} to root".encode() in done.stderr
    assert f"chown -R {OWNER}: {machine.state}".encode() in done.stderr
    assert sorted(machine.state.rglob("*")) == before
    assert any(
        str(place) in item["problem"] for item in json.loads(checked.stdout)["problems"]
    )


def test_parent_of_a_missing_state_directory_says_whose_it_will_be(
    machine: Machine,
) -> None:
    """Root makes a directory in another user's for that user."""
    inner = Machine(folder=machine.folder, state=machine.state / "inner")
    done = inner.run("init")

    assert done.returncode == 0, done.stderr.decode()
    assert machine.strangers() == []


@pytest.mark.parametrize(
    "command",
    [
        ("hashset", "import", "FILE", "--name", "demo", "--category", "demo"),
        ("hashset", "list"),
        ("log", "show"),
    ],
    ids=" ".join,
)
def test_stranger_is_told_whose_it_is(
    machine: Machine, command: tuple[str, ...]
) -> None:
    """A user other than root and the owner gets the names of owner and user."""
    machine.run("init")
    file = machine.state.parent / "own.txt"
    file.write_text("568b72d9fa3101692a4928a5a1ef8d84\n")
    file.chmod(0o644)  # whatever the umask is
    arguments = (str(file) if word == "FILE" else word for word in command)
    done = machine.run(*arguments, user=STRANGER)

    assert done.returncode == 2, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert f"belongs to user {OWNER}, and this is user {STRANGER}".encode() in (
        done.stderr
    )
