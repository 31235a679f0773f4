"""An operator for tests: a state directory that trusts an issuer and syncs."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from tests.issuing.offices import Office
from uploadfilter.gate.judging import GateSettings
from uploadfilter.hashsets.choices import Chosen
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signedsets.freshness import Status
from uploadfilter.syncing.gating import Passage
from uploadfilter.syncing.taking import SyncReport, sync
from uploadfilter.syncing.trusting import Trusted

CHOSEN = Chosen(categories=["1"])
NOTHING_SAID = Chosen()


def none_shipped() -> Path | None:
    """Return no corpus of the program, which takes a while to be taken."""
    return None


WITHOUT_DEFAULT = Passage(default=none_shipped)


class Site:
    """An operator who takes one signed set.

    Args:
        path: Where the state directory is made.
        office: The issuer, whose root is trusted.
        source: Where the set comes from, if not the issuer's own folder.
    """

    def __init__(self, path: Path, office: Office, source: str | None = None) -> None:
        self.state = path
        self.office = office
        self.epoch_s = office.epoch_s
        self.trusted = Trusted.of(path, "unit7")
        self.directory = ReferenceDirectory(
            path / REFERENCE_DIRECTORY, clock=lambda: self.epoch_s
        )
        self.trusted.trust(office.root, source or str(office.served))

    def sync(
        self,
        chosen: Chosen | None = None,
        source: str | None = None,
        *,
        is_accepted: bool = False,
        settings: GateSettings | None = None,
    ) -> SyncReport:
        """Update the set to the published one."""
        if chosen is None:
            chosen = NOTHING_SAID if self.ids() is not None else CHOSEN
        return sync(
            self.trusted,
            self.directory,
            chosen=chosen,
            clock=lambda: self.epoch_s,
            source=source,
            passage=dataclasses.replace(
                WITHOUT_DEFAULT,
                is_accepted=is_accepted,
                settings=settings or GateSettings(),
            ),
        )

    @property
    def status(self) -> Status:
        """The status of the set."""
        return self.trusted.status()

    def ids(self) -> set[str] | None:
        """Return the ids in force; ``None`` if the set does not exist."""
        with self.directory.writer() as writer:
            if all(info.name != "unit7" for info in writer.sets):
                return None
            return set(writer.generation.first_ids("unit7", 100_000))

    def number(self) -> int:
        """Return the number of the generation in force."""
        with self.directory.writer() as writer:
            return writer.number


Answer = Callable[[BaseHTTPRequestHandler, Path], None]
"""Answers a request for a file in its own way."""


def send(handler: BaseHTTPRequestHandler, path: Path) -> None:
    """Answer with a file, as any web server does."""
    if not path.is_file():
        handler.send_error(404)
        return
    data = path.read_bytes()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


@contextmanager
def serving(folder: Path, answer: Answer = send) -> Iterator[str]:
    """Serve a folder over HTTP on this machine, for the length of the block.

    Yields:
        Its URL.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, folder / self.path.lstrip("/"))

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # So that closing it waits for its running requests.
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
