"""Ask the proxies that run whether they are ready, and send a canary through each."""

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from uploadfilter.doctor.results import Area, Diagnosis, failure, success, warning
from uploadfilter.doors.settings import APISettings, ClamdSettings
from uploadfilter.errors import ServiceError, StoreError
from uploadfilter.model import Verdict
from uploadfilter.proxy.admin.health import WHAT_TO_DO, Check
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.rejections import REJECT_STATUSES
from uploadfilter.signedsets.canaries import ListedCanaries
from uploadfilter.syncing.canaries import (
    WAIT_S,
    connection_to,
    door_of,
    doors,
    listed_in,
)
from uploadfilter.syncing.canarychecks import CanaryCheck, check_door
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress

_MOST_BYTES: Final = 1 << 16
_PONG_BYTES: Final = 64
_Address: TypeAlias = TCPAddress | UnixAddress
_SEE_NIGHT: Final = (
    "What each fault means: docs/operating/night.md, 'A canary is missed'."
)
_START: Final = (
    "Start the service, and read its operational log if it does not stay up."
)
_START_FORMS: Final = (
    "Run 'systemctl start uploadfilter-forms', or else 'uploadfilter forms', and read "
    "its operational log if it does not stay up."
)
_UNRECORDED: Final = (
    "Its log cannot be written, or another program answers there: see the checks of "
    "'uploadfilter doctor' for disk and proxy."
)


class _CheckAnswer(msgspec.Struct, frozen=True):
    ready: bool
    detail: str


class _UnenforcedAnswer(msgspec.Struct, frozen=True):
    detail: str
    to_do: str


class _ReadyAnswer(msgspec.Struct, frozen=True):
    """What ``/readyz`` answers."""

    checks: dict[str, _CheckAnswer]
    unenforced: tuple[_UnenforcedAnswer, ...] = ()


def examine_readiness(settings: AdminSettings) -> Iterator[Diagnosis]:
    """Ask the admin listener for the checks that the proxy makes of itself."""
    if settings.address is None:
        yield warning(
            Area.PROXY,
            "it has no admin listener, so its own checks and metrics cannot be read",
            'Set listen = "127.0.0.1:9180" in [admin].',
        )
        return
    door = door_of(str(settings.address))
    try:
        answer = msgspec.json.decode(_read(door, "/readyz"), type=_ReadyAnswer)
    except (OSError, http.client.HTTPException) as exc:
        text = f"the admin listener at {door} does not answer: {exc}"
        yield failure(Area.PROXY, text, _START)
        return
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = f"the admin listener at {door} gives an answer that is not ours"
        hint = "Another program, or another release, listens there: see listen in "
        yield failure(Area.PROXY, text, f"{hint}[admin].")
        return
    bad = {name: it for name, it in answer.checks.items() if not it.ready}
    for name, check in bad.items():
        hint = WHAT_TO_DO[Check(name)] if name in set(Check) else _START
        yield failure(Area.PROXY, f"not ready: {name}: {check.detail}", hint)
    for item in answer.unenforced:
        yield warning(Area.PROXY, item.detail, item.to_do)
    if not bad:
        yield success(Area.PROXY, f"it is ready, says {door}")


def examine_doors(
    api: APISettings, clamd: ClamdSettings, forms: _Address | None = None
) -> Iterator[Diagnosis]:
    """Ask the doors that are wanted whether they answer."""
    if api.address is not None:
        yield _examine_door("scan API", api.address, _ask_api)
    if clamd.address is not None:
        yield _examine_door("clamd door", clamd.address, _ask_clamd)
    if forms is not None:
        yield _examine_door(
            "process of the forms", forms, _ask_forms, to_do=_START_FORMS
        )


def _examine_door(
    name: str,
    address: _Address,
    ask: Callable[[_Address], str],
    to_do: str = _START,
) -> Diagnosis:
    try:
        fault = ask(address)
    except PermissionError:
        hint = "Its mode and group say who may ask: see listen of this door."
        return failure(Area.DOORS, f"this user may not open the {name}'s socket", hint)
    except (OSError, http.client.HTTPException) as exc:
        text = f"the {name} at {address} does not answer: {exc}"
        return failure(Area.DOORS, text, to_do)
    if fault:
        text = f"the {name} at {address} {fault}"
        return failure(Area.DOORS, text, "See what is wrong with the proxy, above.")
    return success(Area.DOORS, f"the {name} at {address} answers")


def _ask_api(address: _Address) -> str:
    connection, _ = connection_to(_url_of(address))
    with contextlib.closing(connection):
        connection.request("GET", "/v1/health")
        status = connection.getresponse().status
    return "" if status == HTTPStatus.OK else f"answers {status}"


def _ask_forms(address: _Address) -> str:
    connection, _ = connection_to(_url_of(address))
    with contextlib.closing(connection):
        connection.request("GET", "/static/forms.css")
        status = connection.getresponse().status
    return "" if status == HTTPStatus.OK else f"answers {status}"


def _url_of(address: _Address) -> str:
    if isinstance(address, UnixAddress):
        return f"unix:{address.path}"
    return door_of(str(address))


def _ask_clamd(address: _Address) -> str:
    with contextlib.closing(_connect(address)) as client:
        client.sendall(b"zPING\0")
        answer = client.recv(_PONG_BYTES)
    return "" if answer == b"PONG\0" else f"answers {answer!r}"


def _connect(address: _Address) -> socket.socket:
    if isinstance(address, TCPAddress):
        return socket.create_connection((address.host, address.port), timeout=WAIT_S)
    client = socket.socket(socket.AF_UNIX)
    try:
        client.settimeout(WAIT_S)
        client.connect(address.path)
    except OSError:
        client.close()
        raise
    return client


def examine_canaries(
    state: Path, clock: Callable[[], float], urls: Sequence[str] = ()
) -> Iterator[Diagnosis]:
    """Send the harmless canary through each proxy of the state directory.

    No byte of it reaches the origin. It is recorded as a canary.

    Args:
        state: The state directory.
        clock: Seconds since the epoch.
        urls: Where to send it, as ``send`` takes it; empty for one address of each
            proxy.

    Raises:
        UsageError: A URL has another form.
    """
    try:
        with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
            generation = reader.current()
            listed = listed_in(generation)
            yield from _of_listed(listed)
            found = tuple(urls) or doors(state)
            if not found:
                yield _of_no_address(is_listed=any(it.ids for it in listed))
            for url in found:
                checked = check_door(state, url, generation, listed, clock=clock)
                yield from _of_canary(checked, listed)
    except (StoreError, ServiceError) as exc:
        yield failure(Area.CANARY, f"no canary was sent: {exc}", exc.hint or _START)


def _of_listed(listed: Iterable[ListedCanaries]) -> Iterator[Diagnosis]:
    for it in listed:
        if not it.ids:
            text = f"{it.set} lists no canary, so nothing proves that it is searched"
            hint = "An older version published it: ask its issuer for a new number."
            yield warning(Area.CANARY, text, hint)


def _of_no_address(*, is_listed: bool) -> Diagnosis:
    """Return the result if nothing can be tried: bad where something must be found."""
    text = "no canary was sent: no proxy has noted an address that can be tried"
    hint = "Start the service, or name the front door with --url."
    return (failure if is_listed else warning)(Area.CANARY, text, hint)


def _of_canary(
    checked: CanaryCheck, listed: Iterable[ListedCanaries]
) -> Iterator[Diagnosis]:
    for name, fault in checked.faults:
        text = f"{checked.url}: {name or 'no result'}: {fault}"
        unnamed = _START if checked.sent is None else _UNRECORDED
        yield failure(Area.CANARY, text, _SEE_NIGHT if name else unnamed)
    seen, sent = checked.seen, checked.sent
    if seen is None or sent is None:
        return
    how = "rejected" if sent.status in REJECT_STATUSES else "accepted"
    decision = (
        f"{seen.verdict} on route {seen.route!r} in {seen.mode}, {how}, {seen.id}"
    )
    wrong = {name for name, _ in checked.faults}
    names = [it.set for it in listed if it.ids]
    good = [name for name in names if name not in wrong]
    if good:
        text = f"{checked.url}: found by {', '.join(good)}: {decision}"
        yield success(Area.CANARY, text)
    elif not names and seen.verdict is Verdict.INCONCLUSIVE:
        text = f"{checked.url}: a harmless upload was not checked: {seen.reason}"
        yield failure(Area.CANARY, f"{text}; {decision}", _START)
    elif not names:
        text = f"{checked.url}: a harmless upload was checked and recorded; no set in "
        yield success(Area.CANARY, f"{text}force lists a canary: {decision}")


def _read(door: str, path: str) -> bytes:
    connection, _ = connection_to(door)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read(_MOST_BYTES)
