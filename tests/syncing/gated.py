"""A signed set that passes a gate."""

import time
from collections.abc import Sequence
from pathlib import Path

from tests.issuing.offices import Office, line_of, md5_of
from tests.knowngood.corpora import corpus_file
from tests.syncing.sites import Site
from uploadfilter.knowngood.store import KnownGood
from uploadfilter.reference.entries.off import Party

HARMLESS = 7
"""The number of the entry that is known to be good, see ``offices.md5_of``."""


class Case:
    """An issuer of 20 entries, and an operator with a known-good corpus."""

    def __init__(self, path: Path, known: Sequence[int] = (HARMLESS,)) -> None:
        self.path = path
        now_s = time.time()  # noqa: TID251 - python-tuf has no other
        self.office = Office(path / "office", epoch_s=now_s)
        self.office.issue(*(line_of(f"p-{n}", n) for n in range(20)))
        self.site = Site(path / "state", self.office)
        self.site.state.mkdir(mode=0o700, exist_ok=True)
        self.kept = KnownGood(self.site.state)
        self.know(known)

    def know(self, numbers: Sequence[int], name: str = "own") -> None:
        """Take a corpus of digests."""
        digests = [bytes.fromhex(md5_of(it)) for it in numbers]
        given = corpus_file(self.path / "given", md5=digests)
        with self.site.directory.writer(create=True) as writer:
            secret = writer.secret
        with given.open("rb") as file:
            self.kept.add_corpus(name, given, file, secret=secret, epoch_s=1.0)

    def held(self) -> set[str]:
        """Return which entries are in quarantine."""
        with self.site.directory.writer() as writer:
            return {it.entry for it in writer.generation.off_by(Party.GATE)}

    def revoked(self) -> set[str]:
        """Return which entries are withdrawn for good."""
        with self.site.directory.writer() as writer:
            rows = writer.generation.off_by(Party.ISSUER)
            return {it.entry for it in rows if it.is_lasting}

    def damage(self) -> Path:
        """Damage the corpus."""
        (path,) = self.kept.path.glob("own.*")
        path.write_bytes(path.read_bytes()[:-1])
        return path
