"""A backup of a state directory that is in use, and what comes back from it."""

import io
import ipaddress
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.backups import LISTED, SUPPRESSED, files, listed
from tests.corpus import pictures
from tests.inspection.tripped import tripped
from tests.proxy.site import Site, entry, list_entries, sha256, site
from tests.proxy.wire import status
from tests.waiting import until
from uploadfilter import backup
from uploadfilter.backup import (
    MANIFEST,
    BackupManifest,
    is_left_out,
    restore_backup,
    write_backup,
)
from uploadfilter.decisions.files.verify import verify
from uploadfilter.errors import BackupError
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signedsets import canaries
from uploadfilter.state import DEFAULT_INSTANCE, log_directory
from uploadfilter.web.requests.limits import ProxyLimits

UNLISTED = pictures.jpeg(pictures.photograph(3, width=160, height=120))
DEMOTED = canaries.picture()

LIMITS = ProxyLimits(tripwire_networks=3, drain_idle_s=0.05, match_budget=1000)
FRONT_END = (ipaddress.ip_network("127.0.0.1"),)


def silent(_done: int, _total: int) -> None:
    """Show no progress."""


def saved(state: Path) -> bytes:
    """Return a backup of a state directory."""
    file = io.BytesIO()
    write_backup(state, file, made_s=0, progress=silent)
    return file.getvalue()


def restored(
    content: bytes, state: Path, *, log_continues: bool = True
) -> BackupManifest:
    """Restore a state directory from a backup."""
    return restore_backup(
        io.BytesIO(content), state, log_continues=log_continues, progress=silent
    )


async def statuses(it: Site) -> list[int]:
    """Upload everything from a network that nothing was counted of."""
    uploads = (LISTED, SUPPRESSED, UNLISTED, DEMOTED, LISTED[:100], b"text")
    return [
        status(await it.put(upload, b"X-Forwarded-For: 192.0.2.1"))
        for upload in uploads
    ]


async def test_every_decision_is_the_same_after_a_restore(tmp_path: Path) -> None:
    """Nothing that was taken off is on again: suppressions, and demoted entries."""
    old, new = tmp_path / "old", tmp_path / "new"
    list_entries(old, listed())
    with ReferenceDirectory(old / REFERENCE_DIRECTORY).writer() as writer:
        writer.switch_off("demo", "entry-2", why="wrong", by="ann")
    settings: dict[str, Any] = {"trusted_proxies": FRONT_END, "proxy": LIMITS}
    async with site(old, listed=None, **settings) as it:
        for network in range(1, 4):
            await it.put(DEMOTED, b"X-Forwarded-For: 198.51.%d.1" % network)
        await until(lambda: tripped(old) != [])
        before = await statuses(it)
        content = saved(old)
        # What comes after the backup is not in it.
        await it.put(UNLISTED)

    restored(content, new, log_continues=False)
    assert verify(log_directory(new, DEFAULT_INSTANCE)).ok
    async with site(new, listed=None, **settings) as it:
        after = await statuses(it)

    assert before == after == [403, 200, 200, 200, before[4], 200]


def test_every_file_is_in_the_backup(tmp_path: Path) -> None:
    """A file of which nobody has thought is not forgotten; modes are kept."""
    state = tmp_path / "state"
    list_entries(state, listed())
    (state / "objections" / "deep" / "empty").mkdir(parents=True)
    (state / "objections" / "deep" / "new-kind-of-file").write_bytes(b"x" * 100_000)
    restored(saved(state), tmp_path / "new")

    assert files(tmp_path / "new") == files(state)
    assert (tmp_path / "new" / "objections" / "deep" / "empty").is_dir()
    for path in state.rglob("*.mdb"):
        other = tmp_path / "new" / path.relative_to(state)
        assert other.stat().st_mode == path.stat().st_mode


def test_only_what_is_temporary_is_left_out(tmp_path: Path) -> None:
    """Links and sockets are no state; a file that is being written is not whole."""
    (tmp_path / "state" / ".new-base").mkdir(parents=True)
    (tmp_path / "state" / ".new-base" / "data.mdb").write_bytes(b"half")
    (tmp_path / "state" / "tripwire.json.tmp").write_bytes(b"half")
    (tmp_path / "state" / "key").write_bytes(b"whole")
    (tmp_path / "state" / "link").symlink_to("/etc/passwd")
    restored(saved(tmp_path / "state"), tmp_path / "new")

    assert files(tmp_path / "new") == {"key": b"whole"}
    assert [is_left_out(name) for name in ("a.tmp", ".old-1", "lock", "data.mdb")] == [
        *(True, True, False, False)
    ]


def test_log_that_was_set_back_begins_a_new_tree(tmp_path: Path) -> None:
    """Its key has signed records that are not there any more."""
    own = tmp_path / "state" / "instances" / "main"
    (own / "log" / "tree").mkdir(parents=True)
    (own / "log" / "tree" / "checkpoint").write_bytes(b"signed")
    (own / "log" / "1.jsonl").write_bytes(b"record")
    (own / "tree.key").write_bytes(b"key")
    restored(saved(tmp_path / "state"), tmp_path / "new", log_continues=False)

    assert files(tmp_path / "new" / "instances" / "main") == {
        "log/1.jsonl": b"record",
        "before-restore/tree.key": b"key",
        "before-restore/tree/checkpoint": b"signed",
    }


def test_what_is_deleted_after_days_is_not_kept_longer(tmp_path: Path) -> None:
    """The key of today's addresses, and sealed evidence, have an end by promise."""
    own = tmp_path / "state" / "instances" / "main"
    (own / "evidence").mkdir(parents=True)
    (own / "evidence" / "sealed").write_bytes(b"sealed")
    (own / "client-key").write_bytes(b"key of today")
    (own / "tree.key").write_bytes(b"key")
    restored(saved(tmp_path / "state"), tmp_path / "new")

    assert files(tmp_path / "new") == {"instances/main/tree.key": b"key"}


def test_sqlite_file_is_as_after_its_last_transaction(tmp_path: Path) -> None:
    """Also while another one is open, and while the last ones are in the -wal file."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(sqlite3.connect(state / "it.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE t (n)")
        db.execute("INSERT INTO t VALUES (1)")
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO t VALUES (2)")
        restored(saved(state), tmp_path / "new")
        db.execute("COMMIT")

    with closing(sqlite3.connect(tmp_path / "new" / "it.db")) as db:
        assert db.execute("SELECT n FROM t").fetchall() == [(1,)]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("moment", range(10))
def test_generation_that_is_replaced_meanwhile_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Whenever an import and a compaction come, the old or the new one is restored."""
    state = tmp_path / "state"
    list_entries(state, listed())
    opened = 0
    real = backup._open  # noqa: SLF001 - the moment between two files

    def open_later(path: Path, *rest: Any) -> object:  # noqa: ANN401 - passed on
        nonlocal opened
        opened += 1
        if opened == moment + 1:
            list_entries(state, [entry(7, sha256(UNLISTED))])
            with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
                writer.compact()
        return real(path, *rest)

    monkeypatch.setattr(backup, "_open", open_later)
    restored(saved(state), tmp_path / "new")

    report = ReferenceDirectory(tmp_path / "new" / REFERENCE_DIRECTORY).check()
    assert report.problems == ()
    assert report.files > 0


def rewritten(content: bytes, change: Callable[[tarfile.TarInfo], None]) -> bytes:
    """Return a backup whose members were changed."""
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(plain)) as old,
        tarfile.open(fileobj=out, mode="w") as new,
    ):
        for member in old:
            data = old.extractfile(member)
            change(member)
            new.addfile(member, data)
    return zstandard.ZstdCompressor().compress(out.getvalue())


def rename(name: str) -> Callable[[tarfile.TarInfo], None]:
    """Return a change that gives the key another name."""

    def change(member: tarfile.TarInfo) -> None:
        member.name = name if member.name == "key" else member.name

    return change


def become_link(member: tarfile.TarInfo) -> None:
    """Make the key a link to a file elsewhere."""
    if member.name == "key":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda it: it[: len(it) // 2], id="cut"),
        pytest.param(lambda it: it[:-4], id="end is missing"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"no archive", id="something else"),
        pytest.param(lambda it: rewritten(it, rename("../key")), id="outside"),
        pytest.param(lambda it: rewritten(it, rename("/key")), id="absolute"),
        pytest.param(lambda it: rewritten(it, rename("other")), id="renamed"),
        pytest.param(lambda it: rewritten(it, rename(MANIFEST)), id="two manifests"),
        pytest.param(lambda it: rewritten(it, become_link), id="link"),
    ],
)
def test_damaged_or_forged_backup_restores_nothing(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    """It is refused aloud, and the state directory is as empty as before."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "key").write_bytes(b"secret")
    (state / "log").write_bytes(b"record\n" * 1000)

    with pytest.raises(BackupError):
        restored(spoil(saved(state)), tmp_path / "new")

    assert list((tmp_path / "new").iterdir()) == []
    assert not (tmp_path / "key").exists()


def test_state_that_is_there_is_not_touched(tmp_path: Path) -> None:
    """Two states are never mixed."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "key").write_bytes(b"secret")
    content = saved(state)
    (state / "key").write_bytes(b"another")

    with pytest.raises(BackupError, match="is not empty"):
        restored(content, state)

    assert files(state) == {"key": b"another"}
