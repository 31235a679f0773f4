"""Sending a canary: keys, doors, and answers of whatever stands there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from tests.issuing.offices import Office, line_of
from tests.syncing.moments import epoch_s
from tests.syncing.sites import Site
from uploadfilter.errors import ServiceError, UsageError
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets.canaries import CanaryClaim, ListedCanaries
from uploadfilter.syncing.canaries import (
    Sent,
    canary_key,
    doors,
    listed_in,
    note_listening,
    send,
)
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress

NOW_S = 1_795_000_000.0
KEY = bytes(range(32))


def test_key_is_made_once_and_is_the_operators(tmp_path: Path) -> None:
    """All proxies and commands of a state directory use the same key."""
    key = canary_key(tmp_path / "state")
    path = tmp_path / "state" / "canary.key"

    assert len(key) == canaries.KEY_BYTES
    assert canary_key(tmp_path / "state") == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [it.name for it in path.parent.iterdir()] == ["canary.key"]
    with pytest.raises(ServiceError):
        canary_key(path / "below")


def test_doors_are_where_proxies_listen(tmp_path: Path) -> None:
    """Each proxy has one address; listeners for a front end's header are left out."""
    listening: dict[str, list[object]] = {
        "a": [TCPAddress(host="0.0.0.0", port=80), TCPAddress(host="::1", port=81)],  # noqa: S104 - read, not bound
        "b": [UnixAddress(path="/run/b", mode=0o660, group="www-data")],
        "c": [TCPAddress(host="::", port=82)],
        "d": [TCPAddress(host="::1", port=83, proxy_protocol=True)],
    }
    for name, addresses in listening.items():
        own = tmp_path / "instances" / name
        own.mkdir(parents=True)
        note_listening(own, addresses)

    assert doors(tmp_path) == (
        "http://127.0.0.1:80/",
        "unix:/run/b",
        "http://[::1]:82/",
    )
    assert doors(tmp_path / "none") == ()


@contextmanager
def answering(body: bytes, heard: list[tuple[str, bytes]]) -> Iterator[str]:
    """Run a server that answers 403 with these bytes, for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            value = self.headers[canaries.HEADER.decode()]
            heard.append((value, self.rfile.read(length)))
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/upload"
        server.shutdown()


@pytest.mark.parametrize(
    ("body", "decision"),
    [
        (b'{"decision":"20261127-00"}', "20261127-00"),
        (b'{"decision":7}', ""),
        (b"[]", ""),
        (b"[" * 50_000, ""),
        (b"\xff" * 100_000, ""),
        (b"<html>", ""),
    ],
)
def test_canary_is_sent_with_its_header(body: bytes, decision: str) -> None:
    """A failing front end may answer, and then there is no decision."""
    heard: list[tuple[str, bytes]] = []
    with answering(body, heard) as door:
        answer = send(door, KEY, epoch_s=NOW_S)

    assert answer == Sent(status=403, decision=decision)
    ((value, content),) = heard
    assert content == canaries.picture()
    assert canaries.said([value.encode()], KEY, NOW_S) is CanaryClaim.CANARY


def test_what_does_not_answer_is_said(tmp_path: Path) -> None:
    """The port has no listener, the socket is missing, or the address is malformed."""
    for door in ("http://127.0.0.1:9/", f"unix:{tmp_path}/none"):
        with pytest.raises(ServiceError, match="no answer"):
            send(door, KEY, epoch_s=NOW_S)
    for door in ("ftp://a/", "http://", "http://[::1/", "127.0.0.1:80", ""):
        with pytest.raises(UsageError):
            send(door, KEY, epoch_s=NOW_S)


def test_sets_in_force_say_which_canaries_they_have(tmp_path: Path) -> None:
    """Sets of earlier releases have none, and this is reported."""
    office = Office(tmp_path / "office", epoch_s=epoch_s())
    office.issue(line_of("a", 1))
    site = Site(tmp_path / "state", office)
    site.sync()
    with site.directory.reader() as reader:
        before = listed_in(reader.current())
    office.canaries = canaries.entries()
    office.issue()
    site.sync()
    with site.directory.reader() as reader:
        after = listed_in(reader.current())

    assert before == (ListedCanaries(set="unit7", ids=(), enforced=True),)
    assert after == (ListedCanaries(set="unit7", ids=canaries.IDS, enforced=True),)
