"""Repositories of an issuer, honest and attacked."""

import copy
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Snapshot, TargetFile, Targets, Timestamp

from tests.issuing.offices import Office, line_of
from tests.signedsets.keys import signer
from tests.syncing.sites import Site
from uploadfilter.errors import HashSetError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import stored_name

TWENTY = tuple(line_of(f"p-{n}", n) for n in range(20))
ALL = {f"p-{n}" for n in range(20)}


class Case:
    """An issuer, an operator who synced once, and a stick on which things are done.

    Args:
        path: A folder for all of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        epoch_s = time.time()  # noqa: TID251 - python-tuf looks at this clock
        self.office = Office(path / "office", epoch_s=epoch_s)
        self.office.issue(*TWENTY)
        self.site = Site(path / "state", self.office)
        self.site.sync()
        self.stick = path / "stick"

    def again(self, path: Path) -> "Case":
        """Return a copy of all of it in another folder."""
        it = copy.copy(self)
        it.path, it.stick = path, path / "stick"
        for name in ("office", "state"):
            shutil.copytree(self.path / name, path / name, symlinks=True)
        it.office = copy.copy(self.office)
        it.office.folder = IssuerFolder(path / "office")
        it.site = Site(path / "state", it.office)
        return it

    def copy(self) -> Path:
        """Copy the published files onto the stick."""
        shutil.rmtree(self.stick, ignore_errors=True)
        shutil.copytree(self.office.served, self.stick)
        return self.stick

    def refused(
        self, error: type[HashSetError], words: str, source: str | None = None
    ) -> HashSetError:
        """Sync from the stick, and check the invariants after every attack."""
        with pytest.raises(error, match=words) as caught:
            self.site.sync(source=source or str(self.stick))

        assert caught.value.hint
        assert self.site.ids() == ALL
        failure = self.site.status.failure
        assert failure is not None
        assert failure.code == caught.value.code
        return caught.value

    def put(self, role: str, metadata: Metadata[Targets]) -> None:
        """Put metadata of a role onto the stick, and make it the newest there."""
        folder = self.stick / "metadata"
        version = metadata.signed.version
        (folder / f"{version}.{role}.json").write_bytes(md.written(metadata))
        stamp = md.parsed((folder / "timestamp.json").read_bytes(), Timestamp)
        number = stamp.signed.snapshot_meta.version
        gathered = md.parsed(
            (folder / f"{number}.snapshot.json").read_bytes(), Snapshot
        )
        gathered.signed.meta[f"{role}.json"].version = version
        gathered.signed.version = stamp.signed.snapshot_meta.version = number + 1
        stamp.signed.version += 1
        gathered.sign(signer("machine"))
        stamp.sign(signer("machine"))
        (folder / f"{number + 1}.snapshot.json").write_bytes(md.written(gathered))
        (folder / "timestamp.json").write_bytes(md.written(stamp))

    def listing(self, role: str, **files: bytes) -> Metadata[Targets]:
        """Make unsigned metadata of a role, one version on, with these files."""
        now = self.office.now
        named = {name.replace("__", "/"): data for name, data in files.items()}
        for path, data in named.items():
            target = TargetFile.from_data(path, data, ["sha256"])
            place = self.stick / "targets" / stored_name(path, target.hashes["sha256"])
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return md.new_listing(
            named,
            version=now.next_version(role),
            expires=datetime.fromtimestamp(self.office.epoch_s + 864_000, UTC),
        )
