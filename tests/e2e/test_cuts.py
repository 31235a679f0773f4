"""A listed picture cut at every byte, over ends of the proxy: never retrievable."""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from deploy.demo import running
from tests.corpus import pictures
from tests.e2e.conftest import import_set, log, write_set
from tests.e2e.cutting import Cut, Origins, TusCut, Wire, cuts, together
from tests.proxy.wire import wire_origin

pytestmark = pytest.mark.e2e

CUTS_EVERY = int(os.environ.get("CUTS_EVERY", "60"))
"""Bytes between two cuts: 60 in CI, and 1 for a cut at each byte."""

CUTS_SEED = int(os.environ.get("CUTS_SEED", "16"))
"""Seed of the other cuts, the order of the pieces, and what goes wrong."""

TOGETHER = 240
"""Uploads that are under way at once, while the proxy ends."""

ENDS = ("kill", "last") if CUTS_EVERY > 1 else ("kill", "term", "last")

CONFIG = """
[[routes]]
name = "files"
path = "/files"
protocol = "tus"
[[routes]]
name = "pages"
protocol = "forms"
"""

LISTED = pictures.png(pictures.photograph(1, width=16, height=12))
UNLISTED = pictures.png(pictures.photograph(2, width=16, height=12))


@dataclass(slots=True, kw_only=True)
class Stage:
    """A proxy that ends again and again.

    Attributes:
        origin: URL of the origin.
        folder: For everything.
        wire: The way to the proxy.
        chance: Says when it ends.
        ends: How it has ended, each time.
    """

    origin: str
    folder: Path
    wire: Wire
    chance: Random
    ends: list[str]

    async def carry(self, uploads: Sequence[Cut]) -> None:
        """Bring uploads to their ends, over those of the proxy."""
        for end in ENDS:
            options = ("--mode", "enforce", "--config", str(self.folder / "c.toml"))
            with running.proxy(
                self.origin,
                state=self.folder / "state",
                log=self.folder / f"{len(self.ends)}.log",
                options=options,
            ) as proxy:
                self.wire.port = int(proxy.url.rpartition(":")[2])
                rounds = 0 if end == "last" else self.chance.randrange(1, 5)
                for _ in range(rounds):
                    await together(uploads)
                while end == "last" and not all(each.ended for each in uploads):
                    await together(uploads)
                ending = asyncio.ensure_future(together(uploads))
                await asyncio.sleep(self.chance.random() * 0.2)
                if end == "kill":
                    proxy.process.kill()
                else:
                    proxy.process.terminate()
                await asyncio.to_thread(proxy.process.wait)
                await ending
                self.ends.append(end)


async def test_listed_picture_is_never_retrievable(tmp_path: Path) -> None:
    """In any order, broken off, with lies about offsets, twice, and gone on with."""
    chance, wire, origins = Random(CUTS_SEED), Wire(), Origins()  # noqa: S311 - no secret
    running.run_program("init", state=tmp_path / "state")
    entries = write_set(tmp_path / "set.jsonl", LISTED)
    import_set(tmp_path / "state", entries, enforced=True)
    (tmp_path / "c.toml").write_text(CONFIG)
    listed = cuts(wire, LISTED, every=CUTS_EVERY, chance=chance)
    others = cuts(wire, UNLISTED, every=4 * CUTS_EVERY, chance=chance, kinds=(TusCut,))
    uploads = [*listed, *others]
    chance.shuffle(uploads)
    async with wire_origin() as origin:
        origin.answering = origins.answer
        stage = Stage(
            origin=origin.url, folder=tmp_path, wire=wire, chance=chance, ends=[]
        )
        for at in range(0, len(uploads), TOGETHER):
            await stage.carry(uploads[at : at + TOGETHER])
    records = log(tmp_path / "state", "--records", "decision")
    verdicts = Counter(record["verdict"] for record in records)
    figures = f"{len(listed)} cuts; {wire.requests} requests; {stage.ends}; {verdicts}"
    print(figures)  # noqa: T201 - for a person who runs all of them

    assert {each.ended for each in listed} <= {403, 404}
    assert set(origins.shown()) == {UNLISTED}
    # One more may be there whose client lost the answer, and would begin anew.
    assert len(origins.shown()) >= sum(each.ended in {200, 204} for each in others)
    assert verdicts["MATCH"] >= sum(each.ended == 403 for each in listed)
