"""A file has the same verdict, reason and matches, whatever way it comes.

Behind the doors one library inspects all files, and ``tests/e2e/test_tricks.py`` and
``tests/scanners/test_bombs.py`` send it each trick and each bomb. Here one of each
family comes by every way in ``make test``, and one of each type and each reason by one
way of each door in ``make test-slow``. All others, marked ``nightly``, take minutes.
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
from tests.doors.visiting import Visit, pass_files, visit
from tests.e2e.hiding import values, view
from tests.proxy.site import CLOSE, entry
from uploadfilter.model import Reason, Signal, SignalType, Variant, Verdict
from uploadfilter.web.requests.limits import ProxyLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

BYTES = {"Content-Type": "application/octet-stream"}

TARGET = tricks.photograph(tricks.TARGET_SEED).resize((160, 120))
DECOY = tricks.photograph(tricks.DECOY_SEED).resize((160, 120))

LARGER = frozenset(f"phone-{size}.heic" for size in (12, 24, 26, 48))
"""Files whose encoding takes minutes; smaller ones are among the tricks."""

EVERYDAY = ("zip-cp437.zip", "document.pdf", "document-password.pdf")
BOUNDED = {
    Reason.UNDECODABLE: "avif-4-gigapixels",
    Reason.TRUNCATED: "jxl-huge",
    Reason.TOO_MANY_PIXELS: "png-169-megapixels",
    Reason.OUT_OF_TIME: "pdf-small-inline",
    Reason.OUT_OF_MEMORY: "zstd-zeros",
    Reason.TOO_MANY_CONTENTS: "zstd-frames",
    Reason.TOO_MANY_FRAMES: "webp-frames",
    Reason.KEY_FRAME_UNSEEN: "gif-frames",
    Reason.TOO_MANY_JPEG_SCANS: "jpeg-2000-scans",
    Reason.TOO_COMPRESSED: "ole-packed",
    Reason.TOO_DEEP: "gzip-nested",
    Reason.NOT_INSPECTED: "svg-entities",
}
"""For each reason that bombs have, one that costs little."""

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
    """Yield each file, marked by when it comes."""
    files: list[tuple[str, str, Make]] = [
        *(("everyday", n, make) for n, (_, make) in MAKERS.items() if n not in LARGER),
        *(("hostile", bomb.name, bomb.make) for bomb in BOMBS),
        *(
            (it.family, it.name, partial(it.make, TARGET, DECOY))
            for it in tricks.TRICKS
        ),
    ]
    reasons = {("hostile", name): reason for reason, name in BOUNDED.items()}
    sample = {
        *(("everyday", name) for name in EVERYDAY),
        *reasons,
        *((trick.family, trick.name) for trick in tricks.tricks_of_each_kind()),
    }
    families: set[str] = set()
    for family, name, make in files:
        is_sample = (family, name) in sample
        is_first = is_sample and family not in families
        marks = []
        if not is_first and name not in EVERYDAY:
            marks = [pytest.mark.slow, *([] if is_sample else [pytest.mark.nightly])]
        families |= {family} if is_first else set()
        ways = EACH_DOOR if marks else tuple(WAYS)
        reason = reasons.get((family, name))
        yield pytest.param(make, ways, reason, id=f"{family}-{name}", marks=marks)


@pytest.mark.parametrize(("make", "ways", "reason"), [*parameters()])
async def test_each_way_tells_the_same(
    doors: Visit, make: Make, ways: Sequence[str], reason: Reason | None
) -> None:
    """No door has a rule of its own, and no way is another one around the filter."""
    content = make()
    found = {way: await facts_of(doors, way, content) for way in ways}

    assert reason in {None, found["proxy"]["reason"]}
    assert {
        (way, name): (value, found["proxy"][name])
        for way, facts in found.items()
        for name, value in facts.items()
        if value != found["proxy"][name]
    } == {}
