"""Forwarders that do more and more of the filter's work, and nothing besides it.

Each one is the plain forwarder with the whole body read first, then:

- ``held``: nothing more;
- ``scanned``: the bare pipeline, in the same process;
- ``confined``: the same, but a process in the sandbox scans, which gets the body
  through a socket pair and answers as a scanner of the filter does;
- ``recorded``: the same, and one chained record is on disk before the origin gets a
  byte.

They limit nothing, share nothing out fairly, count nothing, and trust their scanner.
The filter takes more than the last of them by the price of all that.
"""

import asyncio
import hashlib
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from benchmarks.peers import Work, forward_to
from benchmarks.proxy.pipeline import BUDGETS, judge, look_up, scan, span_of
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.model import Scan
from uploadfilter.proxy.inspecting.scanning import ALWAYS_SCANNED
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.scanners.inside.confinement import confine, harden
from uploadfilter.scanners.inside.sandbox import SOCKET_FD, Sandbox, support
from uploadfilter.scanners.inside.scanning import prepare
from uploadfilter.scanners.inside.serving import serve
from uploadfilter.scanners.inside.worker import scan_span, warm
from uploadfilter.scanners.wire.messages import (
    FRAME_HEADER,
    ContentReply,
    ProcessKind,
    ScanRequest,
    decode_reply,
    encode_frame,
)

RUNGS: Final = ("held", "scanned", "confined", "recorded")
SCANNERS: Final = 2
"""The filter has as many on two cores."""

_READ: Final = 1024 * 1024
_MOST_DESCRIPTORS: Final = 1024


class ConfinedScanners:
    """Scanners in the sandbox, forked before there is an event loop."""

    def __init__(self) -> None:
        prepare()
        warm()
        self._sockets = [_forked() for _ in range(SCANNERS)]
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    async def open(self) -> None:
        """Connect to them, and wait until they are ready."""
        self._idle = asyncio.Queue()
        for sock in self._sockets:
            reader, writer = await asyncio.open_unix_connection(sock=sock, limit=_READ)
            await _frame(reader)
            self._idle.put_nowait((reader, writer))

    async def scan(self, body: bytes) -> Scan:
        """Have a body scanned by one that is idle."""
        request = ScanRequest(
            spans=(span_of(len(body)),),
            types=ALWAYS_SCANNED,
            budgets=BUDGETS,
            cpu_left_s=BUDGETS.upload_cpu_s,
            process=ProcessKind.ALONE,
            attached=len(body),
        )
        reader, writer = await self._idle.get()
        writer.writelines((encode_frame(request), body))
        reply = decode_reply(await _frame(reader))
        self._idle.put_nowait((reader, writer))
        if not isinstance(reply, ContentReply):
            raise TypeError(f"not a reply: {reply!r}")
        return reply.scan


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (length,) = FRAME_HEADER.unpack(await reader.readexactly(FRAME_HEADER.size))
    return await reader.readexactly(length)


def _forked() -> socket.socket:
    """Fork a scanner, and return our end of its socket pair."""
    ours, its = socket.socketpair()
    if os.fork():
        its.close()
        return ours
    os.dup2(its.fileno(), SOCKET_FD)
    os.closerange(SOCKET_FD + 1, _MOST_DESCRIPTORS)
    with socket.socket(fileno=SOCKET_FD) as sock:
        harden()
        confine(address_space=BUDGETS.address_space, sandbox=Sandbox(support()))
        serve(sock, scan_span)
    os._exit(0)


class Records:
    """Chained records in one file, each on disk before its effect."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._last = ""
        self._number = 0

    async def write(self, judged: Judgement, known: Scan) -> None:
        """Put a decision on record; the loop serves others meanwhile."""
        self._number += 1
        record = {
            "record": "decision",
            "number": self._number,
            "previous": self._last,
            "verdict": judged.verdict,
            "size": known.size,
            "signals": {it.type: it.value.hex() for it in known.exact},
        }
        line = msgspec.json.encode(record) + b"\n"
        self._last = hashlib.sha256(line).hexdigest()
        await asyncio.get_running_loop().run_in_executor(None, self._put, line)

    def _put(self, line: bytes) -> None:
        os.write(self._fd, line)
        os.fdatasync(self._fd)


def _working(
    rung: str, generation: Generation, confined: ConfinedScanners | None, folder: Path
) -> Work:
    """Return the work that a rung does between the body and the origin."""
    records = Records(folder / "records.jsonl") if rung == "recorded" else None

    async def work(body: bytes) -> None:
        known = look_up(generation, body)
        if confined is None:
            found = scan(body, len(body))
        else:
            found = await confined.scan(body)
        judged = judge(generation, known, found)
        if records is not None:
            await records.write(judged, known)

    async def nothing(_: bytes) -> None:
        pass

    return nothing if rung == "held" else work


def main(rung: str, origin: int, reference: Path) -> None:
    """Serve one rung to the end of this process."""
    confined = ConfinedScanners() if rung in {"confined", "recorded"} else None
    prepare()

    async def run(generation: Generation, folder: Path) -> None:
        if confined is not None:
            await confined.open()
        await forward_to(origin, _working(rung, generation, confined, folder))

    with (
        ReferenceReader.open(reference) as reader,
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
    ):
        uvloop.run(run(reader.current(), Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
