"""Build the answer to a client whose upload is not forwarded.

Rules this module keeps:

- Every rejection by policy, whatever the reason, has one and the same body: the id of
  the decision, where to object and where to report. It contains nothing about the list,
  the evidence or the policy, so that nobody can learn from answers which pictures are
  listed, or how near an upload is to one.
- The other answers may tell a client the fault of its own request, and that the
  filter has a fault; never which part of the filter.
- An answer is a problem (RFC 9457) for programs, an error in XML for clients of S3, or
  a page for people whose browser prefers HTML, in the language that they prefer.
- No cache stores an answer, and no browser guesses its type: ``no-store``, ``nosniff``,
  and no script.
"""

import json
import re
from http import HTTPStatus
from typing import Final
from xml.sax.saxutils import escape

from aiohttp import web

from uploadfilter.model import REFUSALS
from uploadfilter.rejections import REJECT_STATUS, Outcome
from uploadfilter.web.aiohttp_parts import NamelessResponse
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.answering.wording import Catalogue, Page, Wording, filled

RETRY_AFTER_S: Final = 30
"""When to try again after a 503, in seconds: longer than replacing scanners or a
restart takes, shorter than a person's patience."""

_JSON: Final = "application/problem+json"
_HTML: Final = "text/html; charset=utf-8"
_XML: Final = "application/xml"

_MOST_LIST_BYTES: Final = 4096
"""Bytes that are read of a list in a header: browsers send some hundred, but a hundred
lines of eight thousand are allowed, and are read on the event loop."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action {form}; frame-ancestors 'none'"
)
"""A page loads nothing and runs nothing; its style is inline. Its only form goes to
the place for objections."""

_S3_CODES: Final = {
    404: "NoSuchKey",
    408: "RequestTimeout",
    413: "EntityTooLarge",
    429: "SlowDown",
    501: "NotImplemented",
    502: "InternalError",
    503: "SlowDown",
    504: "InternalError",
}
"""Codes of errors by status, from "Error responses" of the API reference of S3. Clients
repeat a request by its code: these are repeated only where that can help."""

_S3_REJECTED: Final = "AccessDenied"
_S3_CODE: Final = "InvalidRequest"
"""The code for other statuses: no client repeats it."""

_RANGE = re.compile(
    r"""
    [ \t]*(?P<type>[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*
    (?:;[ \t]*q=(?P<quality>[01](?:\.[0-9]{0,3})?)[ \t]*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A media range with a weight (RFC 9110, section 12.5.1). A range with other parameters
does not match and is ignored: no answer here has parameters."""


def problem(
    catalogue: Catalogue,
    answer: Answer,
    *,
    decision_id: str | None,
    form: str = "",
    code: str = "",
) -> Page:
    """Write the text of an answer.

    Args:
        catalogue: The texts in the client's language.
        answer: What the client is told; a rejection tells no detail.
        decision_id: Id of the decision on record, if there is one.
        form: URL of the form for objections; empty for none.
        code: The code of the decision for that form; empty for none.
    """
    is_rejection = answer.is_rejection
    words = catalogue.words(REJECT_STATUS if is_rejection else answer.status)
    has_form = is_rejection and bool(form and code)
    own = ""
    if answer.outcome is Outcome.REFUSED:
        own = (
            catalogue.accepted(answer.accept)
            if answer.accept
            else catalogue.detail(answer.detail)
        )
    decision = decision_id or ""
    place = form if has_form else catalogue.objection
    objection = place if is_rejection else ""
    report = catalogue.report if is_rejection else ""
    seconds = answer.retry_after_s or RETRY_AFTER_S
    return Page(
        language=catalogue.language,
        direction=catalogue.direction,
        status=answer.status,
        heading=words.heading.format(),
        text=own or words.text.format(seconds=seconds),
        decision=decision,
        objection=objection,
        report=report,
        texts=filled(
            catalogue.page, decision=decision, objection=objection, report=report
        ),
        code=code if has_form else "",
    )


def as_json(told: Page) -> bytes:
    """Write an answer as in RFC 9457; empty members are left out.

    The type is ``about:blank``: the status says everything, and the title is therefore
    the status's own phrase (section 4.2.1).
    """
    members = {
        "type": "about:blank",
        "title": HTTPStatus(told.status).phrase,
        "status": told.status,
        "detail": told.text,
        "decision": told.decision,
        "objection": told.objection,
        "code": told.code,
        "report": told.report,
    }
    present = {name: value for name, value in members.items() if value}
    return json.dumps(present, ensure_ascii=False).encode("utf-8")


def as_s3(told: Page, *, is_rejection: bool = False) -> bytes:
    """Write an answer as S3 writes errors, which is all that its clients read.

    They show the code and the message; so everything else is part of the message.
    """
    named = {
        "Decision": told.decision,
        "Objection": told.objection,
        "Code": told.code,
        "Report": told.report,
    }
    words = [told.text, *(f"{name}: {value}" for name, value in named.items() if value)]
    code = _S3_REJECTED if is_rejection else _S3_CODES.get(told.status, _S3_CODE)
    message = escape(" ".join(words))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    ).encode()


def response(
    request: web.BaseRequest,
    answer: Answer,
    *,
    wording: Wording,
    decision_id: str | None = None,
    code: str = "",
) -> web.Response:
    """Build the answer to a request that is not forwarded.

    After a refused request it is unknown where the next one begins, so the connection
    is closed.

    Args:
        request: The request; its Accept and its signature choose between a problem, an
            error of S3 and a page, and its Accept-Language the language.
        answer: What the client is told.
        wording: The texts for clients.
        decision_id: Id of the decision on record, if there is one.
        code: The code with which the uploader can object to the decision; empty for
            none.
    """
    lists = _lists(request)
    catalogue = wording.catalogue(lists[_ACCEPT_LANGUAGE])
    retry_after_s = answer.retry_after_s
    if retry_after_s is None and answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after_s = RETRY_AFTER_S
    told = problem(
        catalogue, answer, decision_id=decision_id, form=wording.form, code=code
    )
    headers = _HEADERS | {"Content-Language": catalogue.language}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    ranges = lists[_ACCEPT]
    if ranges and prefers_html(ranges):
        allowed = _PAGE_POLICY.format(form=wording.form if told.code else "'none'")
        headers |= {"Content-Type": _HTML, "Content-Security-Policy": allowed}
        body = wording.template.render(page=told).encode("utf-8")
    elif _is_of_s3(request, lists):
        headers["Content-Type"] = _XML
        body = as_s3(told, is_rejection=answer.is_rejection)
    else:
        headers["Content-Type"] = _JSON
        body = as_json(told)
    made = NamelessResponse(status=answer.status, headers=headers, body=body)
    if answer.reason in REFUSALS:
        made.force_close()
    return made


def to_canary(decision_id: str) -> web.Response:
    """Build the answer to an operator's canary that would have been forwarded.

    Args:
        decision_id: Id of its record, which holds the matches.
    """
    headers = _HEADERS | {"Content-Type": "application/json"}
    body = json.dumps({"decision": decision_id}).encode("ascii")
    answer = NamelessResponse(status=HTTPStatus.OK, headers=headers, body=body)
    # After a body that was not read to its end, the beginning of the next request is
    # unknown.
    answer.force_close()
    return answer


_ACCEPT: Final = b"accept"
_ACCEPT_LANGUAGE: Final = b"accept-language"
_SIGNED: Final = b"x-amz-content-sha256"
_AUTHORIZATION: Final = b"authorization"


def _lists(request: web.BaseRequest) -> dict[bytes, str]:
    """Return the headers that an answer depends on; empty if they are missing.

    Each is a list, which may stand in several lines. For a request that could not be
    parsed, aiohttp makes an object without such lines.
    """
    found: dict[bytes, list[bytes]] = {
        name: [] for name in (_ACCEPT, _ACCEPT_LANGUAGE, _SIGNED, _AUTHORIZATION)
    }
    for key, value in request.raw_headers:
        if (name := key.lower()) in found:
            found[name].append(value)
    return {
        name: b",".join(values)[:_MOST_LIST_BYTES].decode("latin-1") if values else ""
        for name, values in found.items()
    }


def _is_of_s3(request: web.BaseRequest, lists: dict[bytes, str]) -> bool:
    """Tell whether a client of S3 made a request, by its signature.

    Version 4 states the digest of the body in a header, or stands in the query of a
    presigned address; version 2 is in Authorization. Only the form of an answer depends
    on it.
    """
    return (
        bool(lists[_SIGNED])
        or lists[_AUTHORIZATION].startswith("AWS ")
        or "X-Amz-Signature=" in request.rel_url.raw_query_string
    )


def prefers_html(accept: str) -> bool:
    """Tell whether a client prefers a page to a problem in JSON.

    Args:
        accept: Value of the Accept header; empty if there is none.

    Returns:
        True only if HTML has the greater weight, or the same weight and is named more
        precisely. ``*/*`` alone, as programs send it, does not ask for a page.
    """
    ranges = [_RANGE.fullmatch(item) for item in accept.split(",")]
    weights = {
        match["type"].lower(): float(match["quality"] or 1) for match in ranges if match
    }
    html = _weight(weights, "text/html")
    problems = _weight(weights, _JSON), _weight(weights, "application/json")
    return html[0] > 0 and html > max(problems)


def _weight(weights: dict[str, float], media_type: str) -> tuple[float, int]:
    """Return the weight of a type, and how precisely it is named: 2, 1, or 0."""
    any_of_kind = media_type.partition("/")[0] + "/*"
    for exactness, name in ((2, media_type), (1, any_of_kind), (0, "*/*")):
        if name in weights:
            return weights[name], exactness
    return 0.0, 0
