"""A listed picture in parts of S3, cut anywhere, before a store that takes any part.

Parts come out of order, twice, with other bytes first, in uploads that are given up or
gone on with, and with a proxy that is killed between: no cut makes it retrievable.
"""

import base64
import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import running
from tests.corpus import pictures
from tests.e2e.conftest import import_set, write_set
from tests.sites.behind import check_records
from tests.sites.programs import installed, run
from tests.sites.s3store import Store, s3store

pytestmark = pytest.mark.e2e

BUCKET = "lakes"
ROUTE = '[[routes]]\nname = "store"\npath = "/"\nprotocol = "s3"\n'
PROGRAM = Path(__file__).with_name("s3cuts.py")

LISTED = pictures.jpeg(pictures.photograph(5006, width=64, height=48), quality=40)
UNLISTED = pictures.jpeg(pictures.photograph(5007, width=64, height=48), quality=40)

EVERY = os.environ.get("UPLOADFILTER_EVERY_CUT") == "1"
"""Whether each byte is cut at, which takes minutes."""

AT_ENDS = 8
"""Bytes at both ends of which each is cut at in any case: magic and end marks."""

Part = tuple[int, int, int]
"""Number, begin and end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A store, and what a proxy before it needs.

    Attributes:
        store: The store.
        folder: For state and logs.
    """

    store: Store
    folder: Path

    def proxy(self, name: str) -> AbstractContextManager[running.Proxy]:
        """Run a proxy, with a log of its own and the state of all."""
        return running.proxy(
            self.store.origin,
            state=self.folder / "state",
            log=self.folder / f"{name}.log",
            options=("--mode", "enforce", "--config", f"{self.folder}/config.toml"),
        )

    def send(
        self, url: str, content: bytes, uploads: Sequence[dict[str, Any]]
    ) -> list[tuple[str, int]]:
        """Send uploads; return their ids, and the statuses at their ends."""
        asked = {
            "url": url,
            "key": self.store.key,
            "secret": self.store.secret,
            "bucket": BUCKET,
            "content": base64.b64encode(content).decode(),
            "uploads": uploads,
        }
        done = run(installed("python"), PROGRAM, data=json.dumps(asked).encode())
        return [(known, status) for known, status in json.loads(done.stdout)]

    def keys(self) -> set[str]:
        """Return the names of all objects, as the store itself tells them."""
        listing = ("list_objects_v2", {"Bucket": BUCKET})
        (told,) = self.store.call(self.store.origin, listing)
        return {each["Key"] for each in told.get("Contents", [])}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a store with a bucket."""
    folder = tmp_path_factory.mktemp("cuts")
    (folder / "config.toml").write_text(ROUTE)
    state = folder / "state"
    with s3store(folder, least_part_bytes=1) as store:
        store.call(store.origin, ("create_bucket", {"Bucket": BUCKET}))
        running.run_program("init", state=state)
        entries = write_set(folder / "set.jsonl", LISTED)
        import_set(state, entries, enforced=True)
        yield Stage(store=store, folder=folder)
    check_records(state)


def upload(
    name: str, parts: Sequence[Part], *, known: str = "", ends: bool = True
) -> dict[str, Any]:
    """Return an upload as ``s3cuts.py`` reads it."""
    return {"name": name, "id": known, "parts": parts, "ends": ends}


def cuts(content: bytes) -> list[int]:
    """Return where it is cut: everywhere, or at both ends and at random."""
    size = len(content)
    if EVERY:
        return list(range(1, size))
    ends = {*range(1, AT_ENDS), *range(size - AT_ENDS, size)}
    return sorted(ends | set(random.Random(16).sample(range(1, size), 24)))  # noqa: S311


def shapes(content: bytes) -> dict[str, list[Part]]:
    """Return the ways in which parts come, at random cuts."""
    size, dice = len(content), random.Random(17)  # noqa: S311
    made: dict[str, list[Part]] = {}
    for turn in range(4):
        one, two, three = sorted(dice.sample(range(1, size), 3))
        whole = [(1, 0, one), (2, one, two), (3, two, three), (4, three, size)]
        shuffled = dice.sample(whole, len(whole))
        other = [(number, 0, end - begin) for number, begin, end in whole]
        made |= {
            f"out of order {turn}": shuffled,
            f"each twice {turn}": [*shuffled, *whole],
            f"other bytes first {turn}": [*other, *shuffled],
            f"gaps in numbers {turn}": [(n * 1000 + turn, *at) for n, *at in whole],  # type: ignore[misc] # two of at
        }
    tiny = [
        (number + 1, at, min(at + 64, size))
        for number, at in enumerate(range(0, size, 64))
    ]
    return {**made, "64 bytes each": tiny}


def test_no_cut_makes_it_retrievable(stage: Stage) -> None:
    """Two parts, cut at each of the places; and every other shape."""
    size = len(LISTED)
    plans = {f"cut {at}": [(1, 0, at), (2, at, size)] for at in cuts(LISTED)}
    plans |= shapes(LISTED)
    with stage.proxy("cuts") as proxy:
        listed = [upload(name, parts) for name, parts in plans.items()]
        told = stage.send(proxy.url, LISTED, listed)
        kept = stage.keys()
        unlisted = [upload(f"boat {n}", parts) for n, parts in shapes(UNLISTED).items()]
        stored = stage.send(proxy.url, UNLISTED, unlisted)
        calls = [
            ("get_object", {"Bucket": BUCKET, "Key": each["name"]}) for each in unlisted
        ]
        read = stage.store.call(stage.store.origin, *calls)

    assert [status for _, status in told] == [403] * len(plans)
    assert not kept & set(plans)
    assert [status for _, status in stored] == [200] * len(unlisted)
    assert all(each["Body"] == UNLISTED for each in read)


def test_killed_proxy_forgets_no_part(stage: Stage) -> None:
    """Parts before and after are one upload; a list of an unseen part is unknown."""
    halves = {
        content: [(1, 0, len(content) // 2), (2, len(content) // 2, len(content))]
        for content in (LISTED, UNLISTED)
    }
    names = {LISTED: "lake", UNLISTED: "canoe"}
    with stage.proxy("killed") as proxy:
        begun = {
            content: stage.send(
                proxy.url, content, [upload(names[content], parts[:1], ends=False)]
            )[0][0]
            for content, parts in halves.items()
        }
        proxy.process.kill()
        proxy.process.wait()
    with stage.proxy("next") as proxy:
        ended = {
            content: stage.send(
                proxy.url,
                content,
                [upload(names[content], parts[1:], known=begun[content])],
            )[0][1]
            for content, parts in halves.items()
        }
        unseen = stage.send(
            stage.store.origin, LISTED, [upload("pond", halves[LISTED], ends=False)]
        )
        ((_, unknown),) = stage.send(
            proxy.url, LISTED, [upload("pond", [], known=unseen[0][0])]
        )

    assert (ended[LISTED], ended[UNLISTED], unknown) == (403, 200, 404)
    assert stage.keys() & {"lake", "canoe", "pond"} == {"canoe"}
