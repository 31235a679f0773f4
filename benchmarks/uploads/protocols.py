"""CPU of uploads in pieces, by protocol and size of a piece, beside the raw body.

A figure is the CPU time of all processes of the filter for one file. Every file at the
origin is compared, and a listed picture in pieces must be refused.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.load import Connection
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import SEED, files_of
from benchmarks.uploads.plan import Plan
from benchmarks.uploads.sending import PROTOCOLS, File, Sender, raw
from benchmarks.uploads.stage import Stage, address, connected, listed, staged, told

KIB: Final = 1024
PIECES: Final = {"64 KiB": 64 * KIB, "1 MB": 10**6, "8 MB": 8 * 10**6}
PHOTO_KB: Final = 2000
LONG_BYTES: Final = 10 * 10**6
RAW: Final = "raw"
AIMS: Final = {"1 MB": 2.0, "8 MB": 1.5}
"""Most CPU of a file in pieces of such a size, beside the raw body. Each piece is a
request, and on disk before it is answered; clients send 5 MB and more by default
(S3 8 MB, Nextcloud 10 MB, tus the whole file)."""

_LONG_OF: Final = 4
"""A long file is sent so many times less often than a photo."""


def files(plan: Plan) -> dict[str, tuple[str, Sequence[bytes]]]:
    """Return the files of each row: their type, and different ones of it."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    long = [rng.bytes(LONG_BYTES) for _ in range(2)]
    photos = files_of(PHOTO_KB)[: plan.different]
    return {
        "photo of 2 MB": ("image/jpeg", photos),
        "10 MB": ("application/octet-stream", long),
    }


async def _spent(
    stage: Stage, connection: Connection, send: Sender, todo: Sequence[File]
) -> float:
    """Send files; return the CPU milliseconds of the filter for one.

    Raises:
        RuntimeError: A file was refused, or is not at the origin as it was sent.
    """
    begun_s = stage.proxy.cpu_s()
    for file in todo:
        answer = await send(connection, file)
        if answer.status not in {200, 201, 204}:
            raise RuntimeError(
                f"{send.__name__}: {answer.status} {answer.body[:300]!r}"
            )
    ms = (stage.proxy.cpu_s() - begun_s) / len(todo) * 1000
    await stage.check(send.__name__, told(*(file.data for file in todo)))
    return ms


async def protocols(folder: Path, plan: Plan) -> Part:
    """Measure every protocol with every size of a piece, in turn with the raw body."""
    rows: list[dict[str, Any]] = []
    with staged(folder / "protocols") as stage:
        async with connected(stage.proxy.port) as connection:
            for name in PROTOCOLS:
                await _refused(stage, name)
            for content, (kind, bodies) in files(plan).items():
                is_long = len(bodies[0]) == LONG_BYTES
                times = max(plan.files // (_LONG_OF if is_long else 1), 1)
                todo = [bodies[number % len(bodies)] for number in range(times)]
                rows += await _rows(stage, connection, plan, content, kind, todo)
    aims = [
        Aim(
            text=f"CPU beside raw: {row['protocol']}, {row['content']}, {row['piece']}",
            measured=row["times_raw"],
            most=AIMS[row["piece"]],
        )
        for row in rows
        if row["piece"] in AIMS
    ]
    return Part(rows=rows, aims=aims)


async def _refused(stage: Stage, name: str) -> None:
    """Prove that a listed picture in pieces is refused."""
    file = File(data=listed(), kind="image/jpeg", piece=64 * KIB, client=address())
    async with connected(stage.proxy.port) as own:
        answer = await PROTOCOLS[name](own, file)
    await stage.check_refused(name, answer.status)


async def _rows(
    stage: Stage,
    connection: Connection,
    plan: Plan,
    content: str,
    kind: str,
    bodies: Sequence[bytes],
) -> list[dict[str, Any]]:
    """Measure one content."""
    ways: list[tuple[str, str, Sender]] = [(RAW, "", raw)]
    ways += [(name, size, send) for name, send in PROTOCOLS.items() for size in PIECES]
    spent: dict[tuple[str, str], list[float]] = {way[:2]: [] for way in ways}
    for number in range(plan.rounds + 1):
        for name, size, send in ways:
            todo = [
                File(data=body, kind=kind, piece=PIECES.get(size, len(body)))
                for body in (bodies if number else bodies[:1])
            ]
            ms = await _spent(stage, connection, send, todo)
            spent[name, size] += [ms] if number else []  # the first round warms up
    base = spent[RAW, ""]
    return [
        {
            "content": content,
            "protocol": name,
            "piece": size,
            "cpu_ms": round(statistics.median(values), 1),
            "times_raw": round(
                statistics.median(a / b for a, b in zip(values, base, strict=True)), 2
            ),
        }
        for (name, size), values in spent.items()
    ]
