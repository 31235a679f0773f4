"""The common parts of the public forms: who asks, with which fields, and the answer.

Rules this module keeps: a form is small and comes in time, or is refused; only the
plain coding of forms is read, so that no file can be sent; a text is kept as a person
wrote it, without signs that cannot be shown; an answer is a page for people and an
object for programs.
"""

import asyncio
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from uploadfilter.forms import rendering
from uploadfilter.uploads.head.clientside import ClientHeader, Network, client_side
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.answering.answers import prefers_html
from uploadfilter.web.requests.clientkeys import queueing_client

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Content-Security-Policy of the pages."""

MOST_BYTES: Final = 64 << 10
"""Most bytes of a form: 8,000 characters take 48 kB if each one is escaped."""

_MOST_FIELDS: Final = 16
_TYPE: Final = "application/x-www-form-urlencoded"
_WITHIN_S: Final = 20.0
"""Seconds in which a form of some kilobytes arrives, also over a bad line."""

_MOST_HEADER: Final = 1024
"""Characters that are read of a list in a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Who stands in front of the forms, and is believed about clients."""

    trusted_proxies: tuple[Network, ...] = ()
    client_header: ClientHeader = ClientHeader.X_FORWARDED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRequest:
    """One request to a form.

    Attributes:
        client: The client's name in limits; ``""`` for no particular one.
        fields: The fields of the form; empty for GET.
    """

    method: str
    path: str
    client: str
    language: str
    wants_page: bool
    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a field of several lines, without blanks around it."""
        plain = self.fields.get(name, "").replace("\r\n", "\n").replace("\r", "\n")
        return "".join(it for it in plain if it == "\n" or _is_shown(it)).strip()

    def line(self, name: str) -> str:
        """Return a field of one line; any white space in it becomes a space."""
        return " ".join(self.text(name).split())


async def read_request(request: web.BaseRequest, front: Front) -> FormRequest | int:
    """Read a request; return the status of its refusal if it cannot be read."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return 405
    fields: dict[str, str] | None = {}
    if request.method == "POST":
        body = await _body(request)
        if body is None:
            return 413
        fields = parse_fields(request.headers.get("Content-Type", ""), body)
    if fields is None:
        return 415
    path, _, query = request.raw_path.partition("?")
    wanted = fields.get("lang", "") or query.removeprefix("lang=")
    accepted = request.headers.get("Accept-Language", "")[:_MOST_HEADER]
    accept = request.headers.get("Accept", "")[:_MOST_HEADER]
    return FormRequest(
        method="GET" if request.method == "HEAD" else request.method,
        path=path,
        client=_client(request, front),
        language=rendering.choose_language(accepted, wanted),
        # A page, unless a program asks for JSON.
        wants_page="json" not in accept.lower() or prefers_html(accept),
        fields=fields,
    )


def make_answer(
    status: int,
    request: FormRequest,
    page: str,
    document: Mapping[str, object],
    *,
    retry_after_s: float = 0.0,
) -> web.Response:
    """Return the answer: a page for people, an object for programs."""
    headers = {"Content-Language": request.language, "Vary": "Accept, Accept-Language"}
    if retry_after_s > 0:
        headers["Retry-After"] = str(int(retry_after_s) + 1)
    if request.wants_page:
        kind, body = "text/html; charset=utf-8", page.encode()
    else:
        kind = "application/json" if status < 400 else "application/problem+json"  # noqa: PLR2004 - errors begin there
        body = msgspec.json.encode(document)
    return web.Response(
        status=status, headers={**headers, "Content-Type": kind}, body=body
    )


def parse_fields(media_type: str, body: bytes) -> dict[str, str] | None:
    """Return the fields of a form, by name; of two with one name, the last.

    Returns:
        The fields; ``None`` if it is no such form, or has too many fields or bytes.
    """
    if media_type.partition(";")[0].strip().lower() != _TYPE or len(body) > MOST_BYTES:
        return None
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            errors="replace",
        )
    except ValueError:
        return None
    return dict(pairs)


def _is_shown(sign: str) -> bool:
    """Return whether a sign is shown: no control, no half of a surrogate pair.

    Signs that turn the direction of a text are left out as well: a reviewer would read
    another text than was written.
    """
    return unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _client(request: web.BaseRequest, front: Front) -> str:
    head = RequestHead(
        method=request.method,
        target=request.raw_path,
        headers=tuple(request.raw_headers),
    )
    side = client_side(
        request.remote or "",
        head,
        scheme=request.scheme,
        trusted_proxies=front.trusted_proxies,
        believed=front.client_header,
    )
    return queueing_client(side.client)


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the body of a request; ``None`` if it is too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(_WITHIN_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MOST_BYTES:
                    return None
    except TimeoutError:
        return None
    return bytes(body)
