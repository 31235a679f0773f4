"""The clamd door: programs that ask ClamAV's daemon ask the filter.

Most of them take an ``ERROR`` for "not checked", and let the file pass. So whatever is
not accepted is ``FOUND``. Rules this module keeps:

- Only a stream over the size limit is an ``ERROR``, by which clients know it.
- All who may open the socket have one quota, so that they leave the proxy its places.
- A stream is read up to its empty chunk, even if it is answered before: a client that
  is broken off may send the rest anew, as if it were a whole file.
"""

import asyncio
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from uploadfilter.doors.clamdwire import ClamdWire
from uploadfilter.doors.quotas import USUAL, Quotas, Scope
from uploadfilter.inspection.admission import TurnedAway
from uploadfilter.inspection.commands import Forward
from uploadfilter.inspection.intake import Intake
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Action, EntryState, Reason
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.head.clientside import client_side
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients.rawclients import PulledBody, RawClient, read_file
from uploadfilter.web.counting.labels import RequestKind
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce
from uploadfilter.web.requests.tracing import Traced

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_PATH: Final = "/clamd"  # by which the route is chosen
_COMMANDS: Final = "PING VERSION VERSIONCOMMANDS INSTREAM FILDES STATS IDSESSION END"
_STATS: Final = (  # as clamd words it; only the threads mean anything here
    "POOLS: 1\n\nSTATE: VALID PRIMARY\n"
    "THREADS: live {busy}  idle 0 max {most} idle-timeout 30\n"
    "QUEUE: 0 items\n\tSTATS 0.000000 \n\nMEMSTATS: heap N/A mmap N/A used N/A "
    "free N/A releasable N/A pools 1 pools_used N/A pools_total N/A\nEND"
)
_UNKNOWN: Final = "UNKNOWN COMMAND"
_TOO_LONG: Final = "INSTREAM size limit exceeded. ERROR"
_LAST: Final = frozenset({_UNKNOWN, _TOO_LONG})  # they end a session, too
_LATER: Final = "RetryLater"
_SKIP_PAUSE_S: Final = 0.05  # as in clients/server.py: 5 MB/s
_RAW: Final = BodyPlan(kind=BodyKind.RAW)
_UNAVAILABLE: Final = 503
_UNPLAIN: Final = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdDoor:
    """Answers clients of ClamAV's daemon.

    Attributes:
        intake: Decides about uploads.
        in_force: The live settings.
        drain: The uploads in flight.
        metrics: Counts them.
        version: Returns the filter's version, and number and date of its reference set.
        quotas: Counts the questions.
    """

    intake: Intake
    in_force: InForce
    drain: Drain
    metrics: Metrics
    version: Callable[[], str]
    quotas: Quotas

    async def answer(self, client: RawClient) -> None:
        """Answer one client to its end."""
        wire, number, in_session = ClamdWire(), 0, False
        while True:
            limits = self.in_force.settings.limits
            async with asyncio.timeout(limits.keep_alive_s):
                while (command := wire.take_command()) is None:
                    if not await _receive(wire, client):
                        return
            if command.name == b"END" and in_session:
                return
            if command.name == b"IDSESSION" and not in_session:
                in_session = True
                continue
            client.is_idle = False
            number += 1
            with self.drain.request():
                words = await self._answer(command.name, wire, client)
                text = f"{number}: {words}" if in_session else words
                async with asyncio.timeout(limits.answer_idle_s):
                    await client.send(text.encode() + command.end)
            client.is_idle = True
            async with asyncio.timeout(limits.body_total_s):
                while wire.in_stream:  # however long it stands still
                    await _read_stream(wire, client)
                    await asyncio.sleep(_SKIP_PAUSE_S)
            if not in_session or self.drain.begun or words in _LAST:
                return

    async def _answer(self, name: bytes, wire: ClamdWire, client: RawClient) -> str:
        limits = self.in_force.settings.limits
        if name == b"INSTREAM":
            wire.begin_stream()
            client.content = PulledBody(partial(_read_stream, wire, client))
            words = await self._ask("INSTREAM", client)
            return words if words == _TOO_LONG else f"stream: {words}"
        if name == b"FILDES":
            return await self._answer_file(client)
        answers = {
            b"PING": "PONG",
            b"VERSION": self.version(),
            b"VERSIONCOMMANDS": f"{self.version()}| COMMANDS: {_COMMANDS}",
            b"STATS": _STATS.format(
                busy=self.drain.in_flight, most=limits.open_uploads
            ),
        }
        return answers.get(name, _UNKNOWN)

    async def _answer_file(self, client: RawClient) -> str:
        files = client.take_files()
        try:
            if len(files) != 1:
                few = "No" if not files else "More than one"
                return f"{few} file descriptor received. ERROR"
            (file,) = files
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return f"fd[{file}]: Not a regular file ERROR"
            client.content = PulledBody(read_file(file))
            return f"fd[{file}]: {await self._ask('FILDES', client)}"
        finally:
            for file in files:
                os.close(file)

    async def _ask(self, method: str, client: RawClient) -> str:
        """Answer about an upload, if not too many are asked about."""
        now_s, quota = asyncio.get_running_loop().time(), USUAL[Scope.SCAN]
        with self.quotas.question(Scope.SCAN, "", quota, now_s=now_s) as wait_s:
            if not wait_s:
                return await self._decide(method, client)
            self.intake.count_turned_away(method)
            return _say_found(_LATER, Reason.TOO_MANY_UPLOADS)

    async def _decide(self, method: str, client: RawClient) -> str:
        """Have an upload decided, and return the words of its answer."""
        headers = ((b"transfer-encoding", b"chunked"),)  # its length is not known
        head = RequestHead(method=method, target=_PATH, headers=headers, version=(1, 1))
        side = client_side("", head, scheme="http", trusted_proxies=())
        with self.in_force.use() as live, Traced(head), self.metrics.request() as tally:
            routes = live.settings.routes
            route = routes.choose(host=None, target=_PATH, method="POST").route
            if route is None:
                return _say_found(_LATER, Reason.INTERNAL_ERROR)
            tally.kind = RequestKind.CLAMD
            arrival = Arrival(http=None, head=head, live=live, route=route, side=side)
            try:
                asked = await self.intake.ask(arrival, _RAW, sender=client)
            except Exception:
                log.exception("request_failed", status=_UNAVAILABLE)
                return _say_found(_LATER, Reason.INTERNAL_ERROR)
            if isinstance(asked, TurnedAway):
                tally.status = asked.status
                return _say_found(_LATER, asked.reason)
            upload, effect = asked
            tally.received = upload.inspection.body_bytes
            tally.status = 200 if isinstance(effect, Forward) else effect.status
            return "OK" if isinstance(effect, Forward) else _say(upload, effect)


async def _receive(wire: ClamdWire, client: RawClient) -> bool:
    """Pass on what arrives next; false if nothing more comes."""
    data = await client.read()
    wire.receive(data)
    return bool(data)


async def _read_stream(wire: ClamdWire, client: RawClient) -> bytes:
    while not (data := wire.take_stream()) and wire.in_stream:
        if not await _receive(wire, client):
            raise ConnectionResetError
    return data


def _say(upload: Upload, effect: Answer) -> str:
    """Return the words for an upload that is not accepted."""
    reason = effect.reason
    if reason is None:
        return _say_found("Known", _category_of(upload))
    if reason is Reason.TOO_LARGE and upload.arrival.head.method == "INSTREAM":
        return _TOO_LONG
    kind = _LATER if effect.outcome is Outcome.LATER else "Inconclusive"
    return _say_found(kind, reason)


def _category_of(upload: Upload) -> str:
    """Return the category for which an upload is rejected."""
    matches = upload.decision.matches if upload.decision else ()
    rejects = upload.arrival.route.policy.action_for_category
    found = (it.category for it in matches if it.state is EntryState.ACTIVE)
    return next((it for it in found if rejects(it) is not Action.ACCEPT), "")


def _say_found(kind: str, word: str) -> str:
    return f"Uploadfilter.{kind}.{_UNPLAIN.sub('_', word)} FOUND"
