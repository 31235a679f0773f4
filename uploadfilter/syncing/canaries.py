"""Send a canary to the address for clients, and find out its result.

::

    DIR/
      canary.key                     0600: the key of the operator's canaries
      instances/<name>/canary.json   the proxy's note about canaries
      instances/<name>/listening     the addresses that the proxy listens on

Rules this module keeps: the key is made once and never leaves the machine; the result
of a canary is read from the proxy's own note, because answers disclose nothing.
"""

import contextlib
import http.client
import os
import secrets
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from uploadfilter.errors import ServiceError, StoreError, UsageError
from uploadfilter.inspection.canaries import Canaries
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets.canaries import (
    CanaryNote,
    CanaryOutcome,
    ListedCanaries,
)
from uploadfilter.state import PRIVATE_FILE, make_private
from uploadfilter.syncing.statuses import NOTE
from uploadfilter.web.counting.canaries import CanaryCounts

KEY: Final = "canary.key"
LISTENING: Final = "listening"

WAIT_S: Final = 30.0
"""Time to wait for an answer: longer than a scan may wait in the queue of a busy
proxy."""

_MOST_BYTES: Final = 1 << 16
_UNIX: Final = "unix:"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The answer to a canary.

    Attributes:
        decision: Id of its decision record; empty if the answer has none.
    """

    status: int
    decision: str


def canary_key(state: Path) -> bytes:
    """Return the key of a state directory; make it if there is none.

    Raises:
        ServiceError: The key cannot be read or made.
    """
    path = state / KEY
    try:
        make_private(state)
        if not path.exists():
            _make(path)
        return path.read_bytes()
    except OSError as exc:
        raise ServiceError(
            f"cannot use {str(path)!r}: {exc.strerror}",
            hint="Check that this user may read and write the state directory.",
        ) from exc


def canaries_of(
    state: Path,
    own: Path,
    counts: CanaryCounts,
    clock: Callable[[], float],
    reference: ReferenceReader,
) -> Canaries:
    """Return the keeper of one proxy's canaries; ``own`` is the proxy's directory."""

    def is_listed() -> bool:
        """Tell whether it should be found; without a reference set nothing is."""
        try:
            return any(it.ids for it in listed_in(reference.current()))
        except StoreError:
            return True

    return Canaries(
        canary_key(state), counts, is_listed=is_listed, clock=clock, file=own / NOTE
    )


def note_listening(own: Path, addresses: Iterable[object]) -> None:
    """Write down a proxy's addresses; without them an operator has to name one."""
    path = own / LISTENING
    with contextlib.suppress(OSError):
        path.write_text("".join(f"{it}\n" for it in addresses), encoding="utf-8")
        path.chmod(PRIVATE_FILE)


def doors(state: Path) -> tuple[str, ...]:
    """Return one address of each proxy of a state directory, as ``send`` takes it."""
    found = []
    for path in sorted((state / "instances").glob(f"*/{LISTENING}")):
        lines = path.read_text(encoding="utf-8").splitlines()
        # A proxy that expects a front end's header is reached through that front end.
        plain = [it for it in lines if "proxy_protocol" not in it.split()]
        found += [door_of(it.split()[0]) for it in plain[:1]]
    return tuple(found)


def seen_as(known: Iterable[CanaryNote], decision: str) -> CanaryOutcome | None:
    """Return the result of a canary, by its id; ``None`` if no proxy here knows it."""
    every = (seen for note in known for seen in note.recent)
    return next((seen for seen in every if seen.id == decision), None)


def listed_in(generation: LayeredGeneration) -> tuple[ListedCanaries, ...]:
    """Return the canaries of each signed set in force, even if it has none."""
    found = []
    for info in generation.sets:
        if info.signed is not None:
            there = generation.has_entries(info.name, list(canaries.IDS))
            ids = tuple(it for it in canaries.IDS if there[it])
            found.append(ListedCanaries(set=info.name, ids=ids, enforced=info.enforced))
    return tuple(found)


def send(door: str, key: bytes, *, epoch_s: float) -> Sent:
    """Send the canary.

    Args:
        door: ``http://HOST:PORT/PATH``, the same under https, or ``unix:/PATH``.
        key: The key in the state directory of the proxy.
        epoch_s: Seconds since the epoch.

    Raises:
        UsageError: The address has another form.
        ServiceError: There was no answer.
    """
    connection, path = connection_to(door)
    headers = {
        "Content-Type": "image/png",
        "Accept": "application/json",
        canaries.HEADER.decode(): canaries.header_value(key, epoch_s).decode(),
    }
    try:
        with contextlib.closing(connection):
            connection.request("POST", path, canaries.picture(), headers)
            answer = connection.getresponse()
            body = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as exc:
        raise ServiceError(
            f"no answer from {door!r}: {str(exc) or type(exc).__name__}",
            hint="Does the proxy run, and listen there? --url names another address.",
        ) from exc
    return Sent(status=answer.status, decision=_decision(body))


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=WAIT_S)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(self._path)


def connection_to(door: str) -> tuple[http.client.HTTPConnection, str]:
    """Return a connection that is not open yet, and the path to ask for.

    Raises:
        UsageError: The address has another form.
    """
    if door.startswith(_UNIX):
        return _Unix(door.removeprefix(_UNIX)), "/"
    try:
        url = urlsplit(door)
        host, port = url.hostname, url.port
    except ValueError as exc:
        raise _no_door(door) from exc
    if not host or url.scheme not in {"http", "https"}:
        raise _no_door(door)
    path = url.path or "/"
    if url.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=WAIT_S), path
    context = ssl.create_default_context()
    return (
        http.client.HTTPSConnection(host, port, timeout=WAIT_S, context=context),
        path,
    )


def _no_door(door: str) -> UsageError:
    return UsageError(
        f"{door!r} is not an address of a proxy",
        hint="Write http://127.0.0.1:8080/, https://upload.example.org/ or "
        "unix:/run/uploadfilter/http.",
    )


def door_of(address: str) -> str:
    """Return an address that a proxy listens on as ``send`` takes it."""
    if address.startswith(_UNIX):
        return address
    host, _, port = address.rpartition(":")
    return f"http://{_EVERYWHERE.get(host, host)}:{port}/"


def _decision(body: bytes) -> str:
    try:
        shape = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    found = shape.get("decision") if isinstance(shape, dict) else None
    return found if isinstance(found, str) else ""


def _make(path: Path) -> None:
    """Make the key; two proxies that do so at once get the same one."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(canaries.KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
