"""Every file has the same verdict, reason and matches, whatever way it comes.

Tricks that hide a listed picture, bombs, and everyday files: a sample of each family
comes by every way in ``make test``, the others by one way of each door in
``make test-slow``.
"""

import asyncio
import os
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from io import BytesIO
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from benchmarks.everyday.made import MAKERS
from tests.corpus.bombs.bombs import BOMBS
from tests.corpus.tricks import tricks
from tests.corpus.tricks.kit import Family
from tests.doors.visiting import Visit, pass_files, visit
from tests.e2e.hiding import values, view
from tests.proxy.site import CLOSE, entry
from uploadfilter.model import Reason, Signal, SignalType, Variant, Verdict
from uploadfilter.proxy.requests.limits import ProxyLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

BYTES = {"Content-Type": "application/octet-stream"}

TARGET = tricks.photograph(tricks.TARGET_SEED).resize((160, 120))
DECOY = tricks.photograph(tricks.DECOY_SEED).resize((160, 120))

SAMPLE = frozenset({"document.pdf", "document-password.pdf"})
"""Files of ``make test`` beside the first one of each family."""

LARGER = frozenset(f"phone-{size}.heic" for size in (12, 24, 26, 48))
"""Files whose encoding takes minutes; smaller ones are among the tricks."""

SAME = (
    *("verdict", "action", "effect", "reason", "would", "would_reason"),
    *("matches", "matches_omitted", "mode", "generation", "size"),
)
"""What is the same on record; other fields tell how far a search came in its time."""

Ask = Callable[[Visit, bytes], Awaitable[object]]


async def put(it: Visit, content: bytes) -> object:
    """Upload through the proxy."""
    head = b"POST /x HTTP/1.1\r\n%sContent-Type: application/octet-stream\r\n" % CLOSE
    return await it.site.send(
        head + b"Content-Length: %d\r\n\r\n" % len(content), content
    )


async def pass_on(it: Visit, content: bytes) -> object:
    """Ask the clamd door about an open file."""
    file = os.memfd_create("upload")
    try:
        os.pwrite(file, content, 0)
        return await asyncio.to_thread(pass_files, it.clamd, [file], b"zFILDES\0")
    finally:
        os.close(file)


WAYS: Mapping[str, Ask] = {
    "proxy": put,
    "scan": lambda it, content: it.ask("POST", "/v1/scan", BytesIO(content), BYTES),
    "check": lambda it, content: it.ask("POST", "/v1/check/x", BytesIO(content), BYTES),
    "stream": lambda it, content: it.stream(content),
    "file": pass_on,
}
EACH_DOOR = ("proxy", "scan", "stream")
"""One way of each door."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    """Return a filter that lists the target, with all its doors open."""
    seen = view(TARGET)
    signals = [
        Signal(type=it, value=values(seen, it)[Variant.UPRIGHT])
        for it in (SignalType.PDQ, SignalType.PHASH)
    ]
    folder = tmp_path_factory.mktemp("doors")
    proxy = ProxyLimits(linger_s=0.05, drain_idle_s=0.05, match_budget=10_000)
    async with visit(folder, listed=[entry(1, *signals)], proxy=proxy) as it:
        yield it


async def facts_of(it: Visit, way: str, content: bytes) -> dict[str, Any]:
    """Send a content by one way; return what is on record about it."""
    before = len(it.site.decisions())
    await WAYS[way](it, content)
    record = await it.site.new_decision(before)
    facts: dict[str, Any] = msgspec.to_builtins(record)
    if record.reason is Reason.SEARCH_UNFINISHED:
        # CPU seconds end the search, which differ from one scan to the next.
        facts |= {"verdict": Verdict.NO_MATCH, "reason": None, "would_reason": None}
    return {name: facts.get(name) for name in SAME}


Make = Callable[[], bytes]


def parameters() -> Iterator[Any]:
    """Yield each file; those that are no sample of their family are slow."""
    families: dict[str, dict[str, Make]] = {
        **{family: {} for family in Family},
        "hostile": {it.name: it.make for it in BOMBS},
        "everyday": {n: make for n, (_, make) in MAKERS.items() if n not in LARGER},
    }
    for trick in tricks.TRICKS:
        families[trick.family][trick.name] = partial(trick.make, TARGET, DECOY)
    for family, files in families.items():
        for number, (name, make) in enumerate(files.items()):
            is_slow = number > 0 and name not in SAMPLE
            marks = [pytest.mark.slow] if is_slow else []
            ways = EACH_DOOR if is_slow else tuple(WAYS)
            yield pytest.param(make, ways, id=f"{family}-{name}", marks=marks)


@pytest.mark.parametrize(("make", "ways"), [*parameters()])
async def test_each_way_tells_the_same(
    doors: Visit, make: Make, ways: Sequence[str]
) -> None:
    """No door has a rule of its own, and no way is another one around the filter."""
    content = make()
    found = {way: await facts_of(doors, way, content) for way in ways}

    assert {
        (way, name): (value, found["proxy"][name])
        for way, facts in found.items()
        for name, value in facts.items()
        if value != found["proxy"][name]
    } == {}
