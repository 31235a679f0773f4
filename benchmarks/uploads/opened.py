"""Memory and disk of an upload that is open, by protocol, beside a body that waits.

Many uploads are begun, get one piece, and wait for the next. Their connections are
closed; a raw body that waits keeps its own.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.proxy.report import Aim, Part
from benchmarks.uploads.plan import Plan
from benchmarks.uploads.sending import ANSWERED, PROTOCOLS, File
from benchmarks.uploads.stage import Stage, address, connected, request, staged

PIECE_BYTES: Final = 64 * 1024
PER_CLIENT: Final = 50
MEMORY_AIM_KB: Final = 16.0
"""Most memory of an upload that waits on disk for its next piece."""

DISK_AIM: Final = 1.25
"""Most disk, beside the bytes that are held."""

_KB: Final = 1000
_SETTLE_S: Final = 1.0


async def opened(folder: Path, plan: Plan) -> Part:
    """Measure each protocol in a filter of its own."""
    rows = []
    for name in (*PROTOCOLS, "raw"):
        lines = (f"open_uploads = {plan.opened + 64}",)
        with staged(folder / name, lines=lines) as stage:
            rows.append(await _row(stage, name, plan.opened))
    aims = [
        Aim(
            text=f"{row['protocol']}: {what} of an open upload",
            measured=row[key],
            most=most,
        )
        for row in rows
        if row["protocol"] != "raw"
        for what, key, most in (
            ("KB of memory", "memory_kb", MEMORY_AIM_KB),
            ("disk beside its bytes", "disk_times", DISK_AIM),
        )
    ]
    return Part(rows=rows, aims=aims)


async def _row(stage: Stage, name: str, count: int) -> dict[str, Any]:
    held = bytes(PIECE_BYTES)
    await _begin(stage, name, held, 50, AsyncExitStack())  # to warm up
    await asyncio.sleep(_SETTLE_S)
    before, disk_before = _memory(stage), _disk(stage.state / "uploads")
    async with AsyncExitStack() as stack:
        await _begin(stage, name, held, count, stack)
        await asyncio.sleep(_SETTLE_S)
        memory = (_memory(stage) - before) / count
        disk = (_disk(stage.state / "uploads") - disk_before) / count
    return {
        "protocol": name,
        "uploads": count,
        "held_kb": PIECE_BYTES / _KB,
        "memory_kb": round(memory / _KB, 1),
        "disk_kb": round(disk / _KB, 1),
        "disk_times": round(disk / PIECE_BYTES, 3),
    }


def _memory(stage: Stage) -> int:
    """Return the private memory of the proxy itself, without its scanners."""
    text = Path(f"/proc/{stage.proxy.pid}/status").read_text("ascii")
    words = next(each.split() for each in text.splitlines() if "RssAnon" in each)
    return int(words[1]) * 1024


def _disk(folder: Path) -> int:
    """Return the bytes of the blocks that files take."""
    return sum(file.stat().st_blocks * 512 for file in folder.glob("*.*"))


async def _begin(
    stage: Stage, name: str, piece: bytes, count: int, stack: AsyncExitStack
) -> None:
    """Begin uploads that get one piece of two."""
    client = ""
    for number in range(count):
        client = client if number % PER_CLIENT else address()
        if name == "raw":
            asked = request("PUT", "/upload", body=piece * 2, client=client)
            connection = await stack.enter_async_context(connected(stage.proxy.port))
            connection.send(asked.head + piece)
            continue
        file = File(
            data=piece * 2,
            kind="image/jpeg",
            piece=len(piece),
            client=client,
            is_left=True,
        )
        async with connected(stage.proxy.port) as connection:
            answer = await PROTOCOLS[name](connection, file)
        if answer.status not in ANSWERED:
            raise RuntimeError(f"{name}: {answer}")
