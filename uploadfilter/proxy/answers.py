"""What a client is told when its upload is not forwarded.

Rules this module keeps:

- Every rejection by policy, whatever the reason, has one and the same body: the id of
  the decision and where to object. Nothing else about the list, the evidence or the
  policy, so that nobody can learn from answers what is listed, or how near they are.
- Of the other answers, a client may be told what was wrong with its own request, and
  that the filter is at fault; never which part of the filter.
- An answer is a problem (RFC 9457) for programs, or a page for people who prefer HTML.
- No answer is stored or guessed at: ``no-store``, ``nosniff``, and no script.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Final

import jinja2
from aiohttp import web
from typing_extensions import override

from uploadfilter.model import REFUSALS, Reason

RETRY_AFTER_S: Final = 30
"""When to try again after a 503, in seconds: longer than it takes to replace scanners
or to restart, shorter than a person's patience."""

_JSON: Final = "application/problem+json"
_HTML: Final = "text/html; charset=utf-8"

_TEXTS: Final = {
    400: ("Request not understood", "The request could not be read."),
    403: (
        "Upload not accepted",
        "An automatic check did not accept this upload. Such a decision can be wrong.",
    ),
    408: ("Upload too slow", "The upload took too long to arrive."),
    413: ("Upload too large", "The upload is larger than this service accepts."),
    415: ("Upload not understood", "The upload is encoded in a way that is not read."),
    429: ("Too many uploads", "Too many uploads were refused. Try again later."),
    431: ("Request not understood", "The headers of the request are too large."),
    501: ("Request not supported", "This service does not do what was asked for."),
    502: ("Site not reachable", "The site behind this service did not answer."),
    503: (
        "Upload not possible at the moment",
        "Uploads cannot be checked at the moment. Nothing was stored. Try again later.",
    ),
    504: ("Site too slow", "The site behind this service did not answer in time."),
}
"""Heading and text by status. Up to 501 it is about the request, and a detail may stand
in the text's place; but for 403."""

_POLICY: Final = 403

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Language": "en",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A page loads nothing and runs nothing; its style stands in it."""

_LINK = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]+")
_RANGE = re.compile(
    r"""
    [ \t]*(?P<type>[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*
    (?:;[ \t]*q=(?P<quality>[01](?:\.[0-9]{0,3})?)[ \t]*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A media range with a weight (RFC 9110, section 12.5.1). One with other parameters
does not read as this, and is passed over: we have nothing to offer for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An answer, as yet without a form.

    Attributes:
        status: HTTP status.
        heading: What happened, in a few words.
        text: What happened, in a sentence or two.
        decision_id: Id of the decision on record; ``None`` if there is none.
        objection: Where to object: an address, a text, or empty.
    """

    status: int
    heading: str
    text: str
    decision_id: str | None
    objection: str

    @property
    def objection_link(self) -> str | None:
        """The objection as something to follow, if it is that."""
        return self.objection if _LINK.fullmatch(self.objection) else None


def problem(
    *, status: int, detail: str, decision_id: str | None, objection: str
) -> Problem:
    """Word an answer.

    Args:
        status: HTTP status.
        detail: What a client may be told about its own request; ignored where all
            answers must be alike.
        decision_id: Id of the decision on record, if there is one.
        objection: Where to object; given only with a rejection by policy.
    """
    heading, text = _TEXTS.get(status, (HTTPStatus(status).phrase, ""))
    is_about_request = status <= HTTPStatus.NOT_IMPLEMENTED and status != _POLICY
    return Problem(
        status=status,
        heading=heading,
        text=detail if detail and is_about_request else text,
        decision_id=decision_id,
        objection=objection if status == _POLICY else "",
    )


def as_json(told: Problem) -> bytes:
    """Write a problem as RFC 9457 has it; empty members are left out.

    The type is ``about:blank``: the status says all there is to say, and the title is
    therefore the status's own phrase (section 4.2.1).
    """
    members = {
        "type": "about:blank",
        "title": HTTPStatus(told.status).phrase,
        "status": told.status,
        "detail": told.text,
        "decision": told.decision_id,
        "objection": told.objection,
    }
    present = {name: value for name, value in members.items() if value}
    return json.dumps(present, ensure_ascii=False).encode("utf-8")


def as_page(told: Problem) -> bytes:
    """Write a problem as a page."""
    return _page().render(problem=told).encode("utf-8")


class _Answer(web.Response):
    """An answer that does not say which version of what has written it."""

    @override
    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


def response(
    request: web.BaseRequest,
    *,
    status: int,
    reason: Reason | None,
    decision_id: str | None,
    objection: str,
    detail: str = "",
) -> web.Response:
    """Build the answer to a request that is not forwarded.

    Args:
        request: The request; its Accept chooses between a problem and a page.
        status: HTTP status.
        reason: Why. The client is not told; but after a request that was refused, where
            the next one begins is uncertain, so the connection ends.
        decision_id: Id of the decision on record, if there is one.
        objection: Where an uploader can object: an address, a text, or empty.
        detail: What a client may be told about its own request.
    """
    told = problem(
        status=status, detail=detail, decision_id=decision_id, objection=objection
    )
    headers = dict(_HEADERS)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if prefers_html(request.headers.get("Accept", "")):
        headers |= {"Content-Type": _HTML, "Content-Security-Policy": _PAGE_POLICY}
        body = as_page(told)
    else:
        headers["Content-Type"] = _JSON
        body = as_json(told)
    answer = _Answer(status=status, headers=headers, body=body)
    if reason in REFUSALS:
        answer.force_close()
    return answer


def prefers_html(accept: str) -> bool:
    """Tell whether a client would rather have a page than a problem in JSON.

    Args:
        accept: Value of the Accept header; empty if there is none.

    Returns:
        True only if HTML has the greater weight, or the same and is named more exactly:
        ``*/*`` alone, as programs send it, is no wish for a page.
    """
    ranges = [_RANGE.fullmatch(item) for item in accept.split(",")]
    weights = {
        match["type"].lower(): float(match["quality"] or 1) for match in ranges if match
    }
    html = _weight(weights, "text/html")
    problems = _weight(weights, _JSON), _weight(weights, "application/json")
    return html[0] > 0 and html > max(problems)


def _weight(weights: dict[str, float], media_type: str) -> tuple[float, int]:
    """Return the weight of a type, and how exactly it is named: 2, 1, or 0."""
    any_of_kind = media_type.partition("/")[0] + "/*"
    for exactness, name in ((2, media_type), (1, any_of_kind), (0, "*/*")):
        if name in weights:
            return weights[name], exactness
    return 0.0, 0


@cache
def _page() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("uploadfilter.proxy", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("answer.html")
