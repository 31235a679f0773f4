"""A listed picture cut anywhere, over ends of the proxy: never retrievable.

An upload does one step at a time and survives everything: a step whose answer is lost
is done again, as its client would. What a listed picture's bytes may never do is reach
the origin, whatever the order of steps, ends of the proxy and new beginnings.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from deploy.demo import running
from tests.e2e.conftest import import_set, log, write_set
from tests.proxy.assembling.origins import Origins, serve
from tests.proxy.assembling.senders import (
    LISTED,
    PATHS,
    SENDERS,
    UNLISTED,
    Sender,
    TusPartsSender,
    TusSender,
    broken,
    header,
    whole,
)
from tests.proxy.site import Site
from tests.proxy.wire import status, wire_origin

pytestmark = pytest.mark.e2e

CUTS_EVERY = int(os.environ.get("CUTS_EVERY", "60"))
"""Bytes between two cuts: 60 in CI, and 1 for a cut at each byte."""

CUTS_SEED = int(os.environ.get("CUTS_SEED", "16"))
"""Seed of the other cuts, the order of the pieces, and what goes wrong."""

TOGETHER = 240
"""Uploads that are under way at once, while the proxy ends."""

MOST_STEPS = 80
"""Steps after which an upload counts as one that never ends."""

ODDS_OF_BREAKING_OFF = 0.15
GONE = frozenset({403, 404})
"""Statuses after which a client begins anew."""

CONFIG = "".join(
    f'[[routes]]\nname = "{protocol}"\npath = "{path}"\nprotocol = "{protocol}"\n'
    for protocol, path in PATHS.items()
)


@dataclass(slots=True, kw_only=True)
class Cut:
    """One upload, and what became of it.

    Attributes:
        sender: Its client.
        is_listed: Whether its file is the listed picture.
        chance: Decides what its client does.
        waiting: The pieces that are still sent, in order, some of them twice.
        is_begun: Whether its client has begun it.
        ended: The status that ended it; 0 while it goes on.
        steps: Steps so far.
    """

    sender: Sender
    is_listed: bool
    chance: Random
    waiting: list[int] = field(default_factory=list)
    is_begun: bool = False
    ended: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        """Choose an order."""
        self.waiting = [*range(len(self.sender.pieces))]
        if not self.sender.is_ordered:
            self.waiting += self.chance.choices(self.waiting, k=2)
            self.chance.shuffle(self.waiting)

    async def step(self, site: Site) -> None:
        """Do the next step; a lost answer is no answer."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise AssertionError(f"an upload never ends: {self}")
        is_whole = not self.is_begun or self.chance.random() > ODDS_OF_BREAKING_OFF
        self.sender.site = whole(site) if is_whole else broken(site)
        # The proxy may have ended: an answer is lost, or only a part of one comes.
        with suppress(AssertionError, OSError, EOFError, ValueError, IndexError):
            await self._step()

    async def _step(self) -> None:
        sender, code = self.sender, 0
        if not self.is_begun:
            await sender.begin()
            self.is_begun = True
            return
        if isinstance(sender, TusSender):
            answer = await sender.ask("HEAD", sender.target)
            at = int(header(answer, b"upload-offset") or 0)
            self.waiting = [n for n in self.waiting if sender.at(n + 1) > at]
            code = status(answer)
        if self.waiting:
            code = status(await sender.step(self.waiting[0]))
            # A part of tus that is complete takes no further bytes.
            is_known = isinstance(sender, TusPartsSender) and code == 409
            if code // 100 == 2 or is_known:
                self.waiting.pop(0)
        elif sender.join_ends:
            code = status(await sender.join() or b"")
            self.ended = code if code // 100 == 2 else 0
        elif self.is_listed and not sender.is_ordered:
            # No answer was the end: the client of a form sends the slices again.
            self.waiting = [*range(len(sender.pieces))]
        else:
            self.ended = 200
        if code in GONE:
            self.ended = code


def cuts(data: bytes, origins: Origins, site: Site, chance: Random) -> list[Cut]:
    """Return uploads that cut a file at every so many bytes, by each protocol."""
    made: list[Cut] = []
    for at in range(1 + chance.randrange(CUTS_EVERY), len(data), CUTS_EVERY):
        for kind in SENDERS:
            more = chance.sample(range(1, len(data)), k=chance.randrange(3))
            edges = sorted({0, at, *more, len(data)})
            pieces = [data[a:b] for a, b in pairwise(edges)]
            sender = kind(site=site, origins=origins, pieces=pieces)
            own = Random(chance.random())  # noqa: S311 - no secret
            made.append(Cut(sender=sender, is_listed=data is LISTED, chance=own))
    return made


async def carry(site: Site, uploads: Sequence[Cut], chance: Random) -> None:
    """Bring uploads to their ends, over those of the proxy."""

    async def together() -> None:
        await asyncio.gather(*(it.step(site) for it in uploads if not it.ended))

    config = str(site.state.parent / "c.toml")
    for number, end in enumerate(("kill", "term", "last")):
        with running.proxy(
            site.origin.url,
            state=site.state,
            log=site.state.parent / f"{chance.random()}-{number}.log",
            options=("--mode", "enforce", "--config", config),
        ) as proxy:
            site.port = int(proxy.url.rpartition(":")[2])
            for _ in range(0 if end == "last" else chance.randrange(1, 5)):
                await together()
            while end == "last" and not all(each.ended for each in uploads):
                await together()
            ending = asyncio.ensure_future(together())
            await asyncio.sleep(chance.random() * 0.2)
            if end == "kill":
                proxy.process.kill()
            else:
                proxy.process.terminate()
            await asyncio.to_thread(proxy.process.wait)
            await ending


async def test_listed_picture_is_never_retrievable(tmp_path: Path) -> None:
    """In any order, broken off, twice, and gone on with after a kill."""
    chance, origins = Random(CUTS_SEED), Origins()  # noqa: S311 - no secret
    running.run_program("init", state=tmp_path / "state")
    entries = write_set(tmp_path / "set.jsonl", LISTED)
    import_set(tmp_path / "state", entries, enforced=True)
    (tmp_path / "c.toml").write_text(CONFIG)
    async with wire_origin() as origin:
        origin.answering = serve(origins.reply)
        site = Site(port=0, origin=origin, state=tmp_path / "state")
        listed = cuts(LISTED, origins, site, chance)
        others = cuts(UNLISTED, origins, site, chance)
        uploads = [*listed, *others]
        chance.shuffle(uploads)
        for at in range(0, len(uploads), TOGETHER):
            await carry(site, uploads[at : at + TOGETHER], chance)
    records = log(tmp_path / "state", "--records", "decision")
    verdicts = Counter(record["verdict"] for record in records)

    assert {each.ended for each in listed} <= GONE
    # Visitors could fetch the other picture, and its slices and chunks.
    assert UNLISTED in origins.shown()
    assert all(each in UNLISTED for each in origins.shown())
    assert verdicts["MATCH"] >= sum(each.ended == 403 for each in listed)
