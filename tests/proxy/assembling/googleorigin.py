"""Google's resumable uploads as an origin: both ways, and it shows its bytes."""

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.proxy.wire import Got

_RANGE = re.compile(rb"bytes (?:([0-9]+)-([0-9]+)|\*)/([0-9]+|\*)")


@dataclass(slots=True)
class GoogleOrigin:
    """The sessions and files of a service; give ``answer`` to a ``WireOrigin``.

    It is the worst service that there can be: it shows unfinished files, and adds bytes
    of requests without a range to those before.

    Attributes:
        sessions: The bytes so far, by target.
        seen: Every content that a visitor could have fetched at any time.
        ended: Sessions whose file is complete, by target.
        fails: The status of every request with bytes, if it is not 0.
        breaks_off: Whether the connection ends after a request with bytes, unanswered.
        whole: How many requests with bytes came.
    """

    sessions: dict[str, bytes] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    ended: dict[str, bytes] = field(default_factory=dict)
    fails: int = 0
    breaks_off: bool = False
    whole: int = 0

    async def answer(
        self, got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        method, target = got.head.split(b"\r\n")[0].decode().split(" ")[:2]
        command = (got.header(b"x-goog-upload-command") or [b""])[0]
        if target in self.sessions and got.body:
            self.whole += 1
            if self.breaks_off:
                writer.transport.abort()
                return
        if command == b"start" or "uploadType=resumable" in target:
            status, headers = self._begin(target, command)
        elif target not in self.sessions:
            status, headers = self._afterwards(target)
        elif method == "DELETE" or command == b"cancel":
            del self.sessions[target]
            status, headers = 499, {}
        elif command:
            status, headers = self._commanded(target, command, got)
        else:
            status, headers = self._ranged(target, got)
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", "Content-Length: 0"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()

    def _begin(self, target: str, command: bytes) -> tuple[int, dict[str, str]]:
        path = target.partition("?")[0]
        address = f"{path}?upload_id={len(self.sessions) + len(self.ended)}"
        self.sessions[address] = b""
        url = f"http://site.example{address}"
        if command:
            return 200, {"X-Goog-Upload-URL": url, "X-Goog-Upload-Status": "active"}
        return 200, {"Location": url}

    def _afterwards(self, target: str) -> tuple[int, dict[str, str]]:
        if target in self.ended:
            return 200, {"X-Goog-Upload-Status": "final"}
        return 404, {}

    def _commanded(
        self, target: str, command: bytes, got: Got
    ) -> tuple[int, dict[str, str]]:
        held = self.sessions[target]
        if b"upload" in command:
            if self.fails:
                return self.fails, {}
            assert got.header(b"x-goog-upload-offset") == [b"%d" % len(held)]
            self._add(target, got.body)
        if b"finalize" in command:
            self._end(target)
            return 200, {"X-Goog-Upload-Status": "final"}
        return 200, {
            "X-Goog-Upload-Status": "active",
            "X-Goog-Upload-Size-Received": str(len(self.sessions[target])),
        }

    def _ranged(self, target: str, got: Got) -> tuple[int, dict[str, str]]:
        ranged = got.header(b"content-range")
        if got.body and self.fails:
            return self.fails, {}
        self._add(target, got.body)
        held = self.sessions[target]
        if ranged:
            found = _RANGE.fullmatch(ranged[0])
            assert found, ranged
            if found[1]:
                assert int(found[1]) + len(got.body) == int(found[2]) + 1
            if found[3] == b"*" or int(found[3]) > len(held):
                last = {"Range": f"bytes=0-{len(held) - 1}"} if held else {}
                return 308, last
        self._end(target)
        return 200, {}

    def _add(self, target: str, data: bytes) -> None:
        if not data:
            return
        self.sessions[target] += data
        self.seen.add(self.sessions[target])

    def _end(self, target: str) -> None:
        self.ended[target] = self.sessions.pop(target)


def _phrase(status: int) -> str:
    return "Cancelled" if status == 499 else HTTPStatus(status).phrase
