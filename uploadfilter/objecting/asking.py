"""The common parts of the public forms: who asks, with which fields, and the answer.

Rules this module keeps: a form is small and comes in time, or is refused; an answer is
a page for people and an object for programs; no answer is stored, framed by a site that
the operator did not name, or read by another site.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from uploadfilter.networks import in_group
from uploadfilter.objecting import fields, rendering
from uploadfilter.proxy.answering.answers import prefers_html
from uploadfilter.proxy.requests.clientkeys import group_of, queueing_client
from uploadfilter.uploads.head.clientside import ClientHeader, Network, client_side
from uploadfilter.uploads.head.request import RequestHead

_WITHIN_S: Final = 20.0
"""Seconds in which a form of some kilobytes arrives, also over a bad line."""

_MOST_HEADER: Final = 1024
"""Characters that are read of a list in a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Who stands in front of the forms, and is believed about clients.

    Attributes:
        trusted_proxies: Networks whose header about the client is believed.
        client_header: The header.
        client_groups: Groups of networks that count as one.
    """

    trusted_proxies: tuple[Network, ...] = ()
    client_header: ClientHeader = ClientHeader.X_FORWARDED_FOR
    client_groups: tuple[tuple[Network, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRequest:
    """One request to a public form.

    Attributes:
        method: ``GET`` or ``POST``.
        path: The path, without its query.
        client: The client's name in limits; ``""`` for no particular one.
        language: The language of the answer.
        wants_page: Whether the answer is a page.
        fields: The fields of the form; empty for GET.
    """

    method: str
    path: str
    client: str
    language: str
    wants_page: bool
    fields: Mapping[str, str]


async def asked(request: web.BaseRequest, front: Front) -> FormRequest | int:
    """Read a request.

    Args:
        request: The request.
        front: Who is believed about clients.

    Returns:
        The request; or the status of its refusal.
    """
    if request.method not in {"GET", "HEAD", "POST"}:
        return 405
    found: dict[str, str] | None = {}
    if request.method == "POST":
        body = await _body(request)
        if body is None:
            return 413
        found = fields.fields_of(request.headers.get("Content-Type", ""), body)
    if found is None:
        return 415
    path, _, query = request.raw_path.partition("?")
    wanted = found.get("lang", "") or query.removeprefix("lang=")
    accepted = request.headers.get("Accept-Language", "")[:_MOST_HEADER]
    return FormRequest(
        method="GET" if request.method == "HEAD" else request.method,
        path=path,
        client=_client(request, front),
        language=rendering.language_of(accepted, wanted),
        wants_page=_wants_page(request),
        fields=found,
    )


def answered(
    status: int,
    told: FormRequest,
    page: str,
    document: Mapping[str, object],
    *,
    retry_after_s: float = 0.0,
) -> web.Response:
    """Return the answer: a page for people, an object for programs.

    Args:
        status: HTTP status.
        told: The request.
        page: The page.
        document: The object.
        retry_after_s: When to try again, in seconds, if that helps.
    """
    headers = {"Content-Language": told.language, "Vary": "Accept, Accept-Language"}
    if retry_after_s > 0:
        headers["Retry-After"] = str(int(retry_after_s) + 1)
    if told.wants_page:
        headers["Content-Type"] = "text/html; charset=utf-8"
        return web.Response(status=status, headers=headers, body=page.encode())
    kind = "application/json" if status < 400 else "application/problem+json"  # noqa: PLR2004 - errors begin there
    body = json.dumps(document, ensure_ascii=False).encode()
    return web.Response(
        status=status, headers={**headers, "Content-Type": kind}, body=body
    )


def policy(*, framed_by: Sequence[str] = ()) -> str:
    """Return the Content-Security-Policy of a public form.

    Args:
        framed_by: Sites that may show it in a frame; nobody if there are none.
    """
    ancestors = " ".join(framed_by) or "'none'"
    return (
        "default-src 'none'; style-src 'self'; base-uri 'none'; "
        f"form-action 'self'; frame-ancestors {ancestors}"
    )


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
    key = queueing_client(side.client)
    return in_group(key, group_of(side.client, front.client_groups))


def _wants_page(request: web.BaseRequest) -> bool:
    """Return whether the answer is a page: yes, unless a program asks for JSON."""
    accept = request.headers.get("Accept", "")[:_MOST_HEADER]
    return "json" not in accept.lower() or prefers_html(accept)


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the body of a request; ``None`` if it is too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(_WITHIN_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > fields.MOST_BYTES:
                    return None
    except TimeoutError:
        return None
    return bytes(body)
