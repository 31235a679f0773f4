"""The answers of protocols for uploads in pieces, besides those of the origin.

Rules this module keeps: an answer of ours has the origin's headers by which a browser
lets a page read it; an answer without a body has the status by which the clients of a
protocol recover.
"""

from http import HTTPStatus
from typing import Final, assert_never

from aiohttp import web

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import Failure, OriginReply, Workbench
from uploadfilter.proxy.inspecting.commands import Answer
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import tus
from uploadfilter.uploads.assembly.assembly import Denial, Fault
from uploadfilter.uploads.head.plan import Refusal

_BAD_SUM: Final = 460
"""Checksum Mismatch, a status of tus (section "Checksum")."""

_CARRIED: Final = ("access-control-", "tus-", "upload-expires", "vary", "set-cookie")
"""Headers of the origin's answer that an answer of ours has, too: those by which
browsers let a page read it, and those about the upload."""

_STATUS_OF_FAULT: Final = {
    Fault.NOT_OPEN: HTTPStatus.CONFLICT,
    Fault.WRONG_OFFSET: HTTPStatus.CONFLICT,
    Fault.OTHER_TOTAL: HTTPStatus.BAD_REQUEST,
    Fault.TOO_MANY_PIECES: HTTPStatus.BAD_REQUEST,
    Fault.BEYOND_TOTAL: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Fault.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_STATUS_OF_REASON: Final = {Reason.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT}


CODED: Final = Refusal(
    status=415,
    reason=Reason.UNSUPPORTED_CODING,
    detail="A piece of an upload must be sent without a content coding.",
)
TOO_LARGE: Final = Refusal(
    status=413,
    reason=Reason.TOO_LARGE,
    detail="The body is longer than this service accepts.",
)
WITH_BODY: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_REQUEST,
    detail="A request that ends an upload has no body.",
)
WHOLE_FORM: Final = Refusal(
    status=415,
    reason=Reason.MALFORMED_FORM,
    detail="A form is to be sent whole, in one request.",
)
"""Refusals of pieces by their heads, in more than one protocol."""


class BadSum:
    """The bytes of a piece do not have the stated checksum."""


class PieceReplies:
    """Makes answers to pieces.

    Args:
        bench: Makes answers out of texts, and out of the origin's.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def refuse(
        self, arrival: Arrival, refusal: Refusal, known: OriginReply | None = None
    ) -> web.Response:
        """Answer a request that is refused by its head."""
        told = Answer(
            status=refusal.status, reason=refusal.reason, detail=refusal.detail
        )
        return self._bench.answer(arrival, told, carried(known))

    def fail(
        self,
        arrival: Arrival,
        failed: Failure | BadSum,
        known: OriginReply,
    ) -> web.Response:
        """Answer a piece that was not taken, or not to its end."""
        match failed:
            case Denial():
                return self.deny(arrival, failed, known)
            case Fault():
                return self.short(arrival, _STATUS_OF_FAULT[failed], known)
            case Reason():
                status = _STATUS_OF_REASON.get(failed, HTTPStatus.BAD_REQUEST)
                return self.short(arrival, status, known)
            case BadSum():
                return self.short(arrival, _BAD_SUM, known)

    def deny(
        self, arrival: Arrival, denied: Denial, known: OriginReply | None
    ) -> web.Response:
        """Answer a request for which the store has no upload, or no room."""
        match denied:
            case Denial.BUSY:
                return self.short(arrival, HTTPStatus.LOCKED, known)
            case Denial.MISSING:
                # A client whose PATCH conflicts asks for the offset, and learns there
                # that it has to begin anew; many give up after a 404 to a PATCH.
                is_patch = tus.method_of(arrival.head) == "PATCH"
                status = HTTPStatus.CONFLICT if is_patch else HTTPStatus.NOT_FOUND
                return self.short(arrival, status, known)
            case Denial.EXISTS | Denial.FULL | Denial.UNUSABLE:
                told = Answer(
                    status=HTTPStatus.SERVICE_UNAVAILABLE, reason=Reason.SPOOL_FULL
                )
                return self._bench.answer(arrival, told, carried(known))
            case never:
                assert_never(never)

    def short(
        self,
        arrival: Arrival,
        status: int,
        known: OriginReply | None,
        headers: dict[str, str] | None = None,
    ) -> web.Response:
        """Make an answer without a body, as the protocol has it."""
        reply = OriginReply(status=status, headers=[], body=b"")
        told: dict[str, str | None] = {**carried(known), **(headers or {})}
        made = self._bench.relay(reply, status=status, changed=told)
        if not arrival.request.content.at_eof():
            made.force_close()
        return made


def carried(known: OriginReply | None) -> dict[str, str]:
    """Return the origin's headers that an answer of ours has as well."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in (known.headers if known else ())
        if name.decode("latin-1").lower().startswith(_CARRIED)
    }
