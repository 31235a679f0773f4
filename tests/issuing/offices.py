"""An issuer for tests: a real folder, real keys, and officers who sign on demand."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.signedsets.keys import holders, signer
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import holding, proposing, publishing, signing, staging
from uploadfilter.issuing.folder import IssuerFolder, SetSettings
from uploadfilter.issuing.proposing import Review
from uploadfilter.issuing.published import Published, published
from uploadfilter.model import Entry
from uploadfilter.signedsets.metadata import Holders
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    REVOKE,
    ROOT,
    TARGETS,
    TIMESTAMP,
    Lifetimes,
)

NOW_S = 1_795_000_000.0
"""When the issuer of tests begins: in 2026, like everything here."""

TOP = holders(2, "ann", "bob", "cid")
HOLDERS = {
    ROOT: TOP,
    TARGETS: TOP,
    HASHSET: holders(2, "dora", "eve", "gus"),
    REVOKE: holders(1, "fay"),
    GATHERED: holders(1, "machine"),
    TIMESTAMP: holders(1, "machine"),
}


def md5_of(number: int) -> str:
    """Return a digest that no reader leaves out."""
    return f"{number:08x}" + "a5c3d2e1f0b4968712345678"


def line_of(entry_id: str, number: int, category: str = "1") -> str:
    """Return the JSON line of an entry of one digest."""
    return json.dumps({"id": entry_id, "category": category, "md5": md5_of(number)})


class Office:
    """An issuer's folder, and those who work on it.

    Args:
        path: Where the folder is made.
        epoch_s: When, in seconds since the epoch.
        lifetimes: For how long signatures are believed.
        roles: The holders of each role.
        canaries: The canaries that every set lists beside its own entries.
    """

    def __init__(
        self,
        path: Path,
        *,
        epoch_s: float = NOW_S,
        lifetimes: Lifetimes | None = None,
        roles: dict[str, Holders] | None = None,
        canaries: Sequence[Entry] = (),
    ) -> None:
        self.epoch_s = epoch_s
        self.canaries = canaries
        settings = SetSettings(
            set="unit7", issuer="Police unit 7", lifetimes=lifetimes or Lifetimes()
        )
        self.folder = IssuerFolder.create(path, settings)
        holding.propose_holders(
            self.folder, Published(), roles or HOLDERS, epoch_s=epoch_s
        )

    @property
    def now(self) -> Published:
        """The published data."""
        return published(self.folder)

    @property
    def served(self) -> Path:
        """The entries that operators read."""
        return self.folder.path / "published"

    @property
    def root(self) -> bytes:
        """The root that operators are given."""
        return (self.folder.metadata / "1.root.json").read_bytes()

    def stage(self, *lines: str, whole: bool = False) -> staging.StagedChanges:
        """Stage entries."""
        path = self.folder.path.parent / "staging.jsonl"
        path.write_text("".join(line + "\n" for line in lines))
        with self.folder.locked():
            return staging.stage_file(
                self.folder, path, now=self.now, tally=Tally(), is_whole=whole
            )

    def remove(self, *ids: str) -> None:
        """Stage ids to be taken away."""
        with self.folder.locked():
            staging.stage_deletions(self.folder, ids)

    def propose(self) -> Review:
        """Make a proposal."""
        with self.folder.locked():
            return proposing.propose(
                self.folder,
                self.now,
                epoch_s=self.epoch_s,
                parameters={},
                listing=self.canaries,
            )

    def sign(self, *names: str) -> None:
        """Sign the proposal."""
        with self.folder.locked():
            for name in names:
                signing.sign(self.folder, self.now, signer(name))

    def publish(self, machine: str = "machine") -> publishing.Publication:
        """Publish the signed proposal."""
        with self.folder.locked():
            return publishing.publish(
                self.folder, self.now, signer(machine), epoch_s=self.epoch_s
            )

    def issue(self, *lines: str, names: Sequence[str] = ("dora", "eve")) -> int:
        """Stage, propose, sign and publish; return the number of the set."""
        if lines:
            self.stage(*lines)
        self.propose()
        first = () if self.now.root else ("ann", "bob", "fay")
        self.sign(*first, *names)
        return self.publish().sequence

    def withdraw(
        self, *ids: str, by: str = "fay", is_thief: bool = False
    ) -> tuple[int, int]:
        """Withdraw entries; a thief of the keys ignores the withdrawals of today."""
        if is_thief:
            (self.folder.path / "withdrawals.json").unlink(missing_ok=True)
        with self.folder.locked():
            return publishing.withdraw(
                self.folder,
                self.now,
                ids,
                officer=signer(by),
                machine=signer("machine"),
                epoch_s=self.epoch_s,
            )

    def renew(self) -> None:
        """Confirm again that the published data is the newest."""
        with self.folder.locked():
            publishing.renew(
                self.folder, self.now, signer("machine"), epoch_s=self.epoch_s
            )

    def ids(self) -> set[str]:
        """Return the ids that are published."""
        hashset = self.now.hashset
        assert hashset is not None
        return {i for shard in range(256) for i in hashset.lines(shard)}
