"""A whole filter before an origin that shows every byte: the service as it runs.

Everything is real: the reference set in LMDB, the scanner processes, the decision log.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.proxy.wire import WireOrigin, exchange, wire_origin
from tests.waiting import until
from uploadfilter.config import Settings
from uploadfilter.decisions.records.records import (
    DecisionRecord,
    OutcomeRecord,
    Record,
    decode,
)
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.model import Entry, EntrySignal, Mode, Signal, SignalType
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.service.running import Running, running
from uploadfilter.signals.exact import Digests
from uploadfilter.web.answering import texts
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.limits import ProxyLimits

HOST = b"Host: site.example\r\n"
CLOSE = HOST + b"Connection: close\r\n"


@dataclass(slots=True, kw_only=True)
class Site:
    """A filter and its origin.

    Attributes:
        port: Where the filter listens.
        origin: The server behind it.
        state: Its state directory.
        service: The filter itself; ``None`` if it is another process.
    """

    port: int
    origin: WireOrigin
    state: Path
    service: Running | None = None

    @property
    def metrics(self) -> Metrics:
        """The metrics of the filter; they can be read after its end, too."""
        assert self.service is not None
        return self.service.watched.metrics

    async def send(self, *pieces: bytes) -> bytes:
        """Send bytes to the filter and return its whole answer."""
        return await exchange(self.port, *pieces)

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send any request; a body of ``None`` has no length either."""
        length = [] if body is None else [f"Content-Length: {len(body)}"]
        lines = "".join(f"{line}\r\n" for line in (*headers, *length))
        head = f"{method} {target} HTTP/1.1\r\n".encode() + CLOSE + lines.encode()
        return await self.send(head + b"\r\n" + (body or b""))

    async def put(self, body: bytes, *headers: bytes, target: bytes = b"/x") -> bytes:
        """Upload a raw body."""
        lines = b"".join(line + b"\r\n" for line in headers)
        head = b"PUT %s HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n"
        return await self.send(head % (target, CLOSE, lines, len(body)), body)

    async def post_form(self, body: bytes, boundary: bytes = b"b0undary") -> bytes:
        """Upload a form that is already encoded."""
        kind = b"Content-Type: multipart/form-data; boundary=" + boundary
        lines = CLOSE + kind + b"\r\n"
        head = b"POST /form HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n"
        return await self.send(head % (lines, len(body)), body)

    def records(self) -> list[Record]:
        """Return everything on record so far, in order."""
        files = sorted((self.state / "instances" / "main" / "log").glob("*.jsonl"))
        return [
            decode(line) for file in files for line in file.read_bytes().splitlines()
        ]

    async def new_decision(self, known: int) -> DecisionRecord:
        """Return the decision that follows the first ``known`` ones, once it is there.

        For uploads whose client gets no answer to wait for.
        """
        await until(lambda: len(self.decisions()) > known)
        return self.decisions()[known]

    def decisions(self) -> list[DecisionRecord]:
        """Return the decisions on record, in order."""
        return [item for item in self.records() if isinstance(item, DecisionRecord)]

    async def outcome(self, decision: str) -> int | str:
        """Return the outcome of a decision when it is recorded."""
        await until(lambda: decision in self.outcomes())
        return self.outcomes()[decision]

    def outcomes(self) -> dict[str, int | str]:
        """Return the outcomes on record by the ids of their decisions."""
        return {
            item.decision: item.outcome
            for item in self.records()
            if isinstance(item, OutcomeRecord)
        }


def settings(state: Path, origin: str, /, **changes: Any) -> Settings:  # noqa: ANN401 - any of its fields
    """Return settings of a small filter in ``ENFORCE``."""
    return replace(
        Settings(
            origin=OriginSettings(url=origin),
            listen=(TCPAddress(host="127.0.0.1", port=0),),
            state=state,
            mode=Mode.ENFORCE,
            scanner=ScannerSettings(workers=1),
            # No result of a test may depend on how busy its machine is.
            evidence=EvidenceSettings(enabled=False),
            proxy=ProxyLimits(linger_s=0.05, half_closed_s=0.2, drain_idle_s=0.05),
            wording=texts.load(objection="https://site.example/objection"),
        ),
        **changes,
    )


@asynccontextmanager
async def site(
    state: Path,
    *,
    listed: Sequence[Entry] | None = (),
    **changes: Any,  # noqa: ANN401 - any field of the settings
) -> AsyncIterator[Site]:
    """Run a filter and its origin for the length of the block.

    Args:
        state: Where the filter keeps its state.
        listed: Entries of the reference set; ``None`` for no reference set at all.
        changes: Other settings than those of a small filter in ``ENFORCE``.
    """
    if listed is not None:
        list_entries(state, listed)
    async with (
        wire_origin() as origin,
        running(settings(state, origin.url, **changes)) as service,
    ):
        yield Site(port=service.port, origin=origin, state=state, service=service)


def list_entries(
    state: Path, entries: Sequence[Entry], *, name: str = "demo", enforced: bool = True
) -> None:
    """Put a hash set in force, as an import does."""
    directory = ReferenceDirectory(state / REFERENCE_DIRECTORY)
    with directory.writer() as writer:
        collected = writer.collect()
        for entry in entries:
            collected.add(entry)
        info = SetInfo(
            name=name,
            issuer="local",
            categories=("a",),
            enforced=enforced,
            imported_at=0,
        )
        writer.replace_set(collected, info)


def entry(number: int, *signals: Signal) -> Entry:
    """Make an entry with these signals."""
    return Entry(
        id=f"entry-{number}",
        category="a",
        signals=tuple(EntrySignal(signal=signal) for signal in signals),
    )


def exact_entry(number: int, content: bytes) -> Entry:
    """Make an entry that lists these bytes by their SHA-256."""
    return entry(number, sha256(content))


def sha256(content: bytes) -> Signal:
    """Return the SHA-256 of these bytes as a signal."""
    digests = Digests()
    digests.update(content)
    (found,) = [item for item in digests.signals() if item.type is SignalType.SHA256]
    return found


def form(*parts: tuple[bytes, bytes], boundary: bytes = b"b0undary") -> bytes:
    """Encode a form.

    Args:
        parts: Header lines of each part (without the last line end) and its content.
        boundary: Between the parts.
    """
    encoded = [
        b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, lines, content)
        for lines, content in parts
    ]
    return b"".join(encoded) + b"--%s--\r\n" % boundary


def file_part(content: bytes, name: bytes = b"file") -> tuple[bytes, bytes]:
    """Make a part of a form that is a picture file."""
    lines = (
        b'Content-Disposition: form-data; name="%s"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg"
    )
    return lines % name, content
