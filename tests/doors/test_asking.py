"""Uploads that applications and front ends ask about, over HTTP."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.doors.visiting import LISTED, visit
from tests.proxy.site import file_part, form
from tests.waiting import until
from tests.web.counting.samples import value
from uploadfilter.model import Mode
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import Route

TYPED = {"Content-Type": "text/plain"}
FORM = {"Content-Type": "multipart/form-data; boundary=b0undary"}
PARTIAL = "x-envoy-auth-partial-body"


async def test_scan_says_what_was_found_once_it_is_on_record(tmp_path: Path) -> None:
    """The answer names the decision, each content with its digest, and the match."""
    async with visit(tmp_path) as it:
        body = form(file_part(LISTED), file_part(b"harmless"))
        status, headers, data = await it.ask("POST", "/v1/scan", body, FORM)
        (record,) = it.site.decisions()
    told = json.loads(data)

    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert told["decision"] == record.id
    assert (told["verdict"], told["action"], told["effect"]) == (
        *("MATCH", "REJECT"),
        "REJECT",
    )
    assert [content["sha256"] for content in told["contents"]] == [
        hashlib.sha256(content).hexdigest() for content in (LISTED, b"harmless")
    ]
    (match,) = told["matches"]
    assert (match["content"], match["set"], match["entry"], match["signal"]) == (
        *("0", "demo"),
        *("entry-1", "sha256"),
    )
    assert (match["kind"], match["distance"], match["category"]) == ("within", 0, "a")


Told = tuple[int, str | None, str | None]
"""The status of the answer, and the effect and the reason on record."""


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "told"),
    [
        pytest.param("POST", "/v1/scan", b"x", TYPED, (200, "ACCEPT", None), id="scan"),
        pytest.param("POST", "/v1/scan", b"", {}, (200, "ACCEPT", None), id="empty"),
        pytest.param("POST", "/v1/scan", b"x", {}, (200, "ACCEPT", None), id="untyped"),
        pytest.param(
            *("POST", "/v1/scan", b"--b0undary\r\nx", FORM),
            (200, "REJECT", "malformed_form"),
            id="cut-form",
        ),
        pytest.param(
            *("POST", "/v1/scan", b"x" * 5001, TYPED),
            (200, "REJECT", "too_large"),
            id="too-large",
        ),
        pytest.param(
            *("POST", "/v1/check/a?b=c", LISTED, TYPED),
            (403, "REJECT", None),
            id="check-listed",
        ),
        pytest.param("PUT", "/v1/check/", b"x", TYPED, (200, "ACCEPT", None), id="put"),
        pytest.param(
            "PATCH", "/v1/check", b"x", TYPED, (200, "ACCEPT", None), id="any"
        ),
        # A front end that asks without the body that its client may have sent.
        *(
            pytest.param(
                *(method, "/v1/check/a", None, headers),
                (400, None, None),
                id=f"withheld-{name}",
            )
            for name, method, headers in (
                ("envoy", "POST", {"Content-Length": "0"}),
                ("put", "PUT", {}),
                ("unknown-method", "STORE", {}),
                ("traefik", "GET", {"X-Forwarded-Method": "POST"}),
                ("ingress", "GET", {"X-Original-Method": "PUT"}),
                ("nginx", "GET", TYPED),
                ("nginx-untyped", "GET", {}),
                ("client-that-claims-a-get", "GET", {"X-Forwarded-Method": "GET"}),
            )
        ),
        pytest.param(
            *("POST", "/v1/check/a", b"x", {}),
            (400, "REJECT", "ambiguous_request"),
            id="check-untyped",
        ),
        pytest.param(
            *("POST", "/v1/check/a", b"x", {**TYPED, PARTIAL: "true"}),
            (413, "REJECT", "too_large"),
            id="half",
        ),
        pytest.param(
            *("POST", "/v1/check/a", b"x", {**TYPED, PARTIAL: "1"}),
            (413, "REJECT", "too_large"),
            id="half-in-other-words",
        ),
        pytest.param(
            *("POST", "/v1/check/a", b"x", {**TYPED, PARTIAL: "false"}),
            (200, "ACCEPT", None),
            id="whole",
        ),
        pytest.param(
            *("PATCH", "/v1/check/a", b"x", {**TYPED, "Content-Range": "bytes 5-5/9"}),
            (400, "REJECT", "piecewise_upload"),
            id="piece",
        ),
        pytest.param("GET", "/v1/scan", None, {}, (405, None, None), id="method"),
        pytest.param("POST", "/v1/scanner", b"x", {}, (404, None, None), id="nowhere"),
    ],
)
async def test_each_question_has_its_documented_answer(
    tmp_path: Path,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    told: Told,
) -> None:
    """Nothing is accepted that was not seen whole, and every upload is on record."""
    limits = UploadLimits(max_body_bytes=5000)
    async with visit(tmp_path, limits=limits) as it:
        status, _, data = await it.ask(method, path, body, headers)
        decisions = it.site.decisions()
        outcomes = it.site.outcomes()

    found = [(record.status, record.effect, record.reason) for record in decisions]
    assert found or [(status, None, None)] == [told]
    assert not found or found == [told]
    assert status == told[0]
    assert not outcomes
    if path.startswith("/v1/scan") and status == 200:
        assert json.loads(data)["effect"] == told[1]


@pytest.mark.parametrize("path", ["/v1/scan", "/v1/check/a"])
async def test_monitor_accepts_and_says_what_it_would_do(
    tmp_path: Path, path: str
) -> None:
    """In a pilot the effect is to accept, whatever the action."""
    async with visit(tmp_path, mode=Mode.MONITOR) as it:
        status, _, data = await it.ask("POST", path, LISTED, TYPED)
        (record,) = it.site.decisions()

    assert (status, record.action, record.effect) == (200, "REJECT", "ACCEPT")
    if path == "/v1/scan":
        told = json.loads(data)
        assert (told["action"], told["effect"], told["mode"]) == (
            *("REJECT", "ACCEPT"),
            "MONITOR",
        )


@pytest.mark.parametrize("path", ["/v1/scan", "/v1/check/a"])
async def test_without_a_reference_set_nothing_is_accepted(
    tmp_path: Path, path: str
) -> None:
    """The answer is to try again later, and it is counted."""
    async with visit(tmp_path, listed=None) as it:
        status, headers, _ = await it.ask("POST", path, b"x", TYPED)
        health, *_ = await it.ask("GET", "/v1/health")

    assert (status, health) == (503, 503)
    assert int(headers["Retry-After"]) > 0
    assert not it.site.decisions()


@pytest.mark.parametrize("path", [b"/v1/scan", b"/v1/check/a"])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(b"Content-Length: 9\r\n", b"abc", id="cut"),
        pytest.param(b"Content-Length: 9\r\n", b"", id="nothing"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", b"2\r\nab\r\n", id="chunks"),
    ],
)
async def test_body_that_does_not_come_whole_is_refused(
    tmp_path: Path, path: bytes, head: bytes, body: bytes
) -> None:
    """What its client breaks off is on record, and never accepted."""
    async with visit(tmp_path) as it:
        begin = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n" % path
        _, writer = await asyncio.open_unix_connection(str(it.api))
        writer.write(begin + head + b"\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        record = await it.site.new_decision(0)

    assert (record.effect, record.reason) == ("REJECT", "aborted")


async def test_body_that_stands_still_is_refused(tmp_path: Path) -> None:
    """A slow client is refused after the pause that any upload may make."""
    limits = ProxyLimits(body_idle_s=0.05, linger_s=0.05)
    async with visit(tmp_path, proxy=limits) as it:
        head = b"POST /v1/check/a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
        answer = await it.send(head + b"Content-Length: 9\r\n\r\nabc")
        (record,) = it.site.decisions()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert (record.effect, record.reason) == ("REJECT", "too_slow")


@pytest.mark.parametrize(
    ("path", "effect"),
    [("/v1/scan/avatar/1", "REJECT"), ("/v1/scan/other", "ACCEPT")],
)
async def test_route_is_chosen_by_the_path_of_the_site(
    tmp_path: Path, path: str, effect: str
) -> None:
    """What follows the name of the question is what the proxy would be asked for."""
    strict = Route(name="avatar", origin="default", path="/avatar", mode=Mode.ENFORCE)
    changes: dict[str, Any] = {"mode": Mode.MONITOR, "routes": (strict,)}
    async with visit(tmp_path, **changes) as it:
        *_, data = await it.ask("POST", path, LISTED, TYPED)

    assert json.loads(data)["effect"] == effect


async def test_who_asks_is_believed_about_the_client(tmp_path: Path) -> None:
    """A client named by who asks has its own limits: the budget of rejections."""
    limits = ProxyLimits(match_budget=1, linger_s=0.05)
    async with visit(tmp_path, proxy=limits) as it:
        statuses = [
            (await it.ask("POST", "/v1/check", LISTED, {**TYPED, **client}))[0]
            for client in (
                {"X-Forwarded-For": "198.51.100.7"},
                {"X-Forwarded-For": "203.0.113.1, 198.51.100.7"},
                {"X-Forwarded-For": "203.0.113.1"},
                {},
            )
        ]

    assert statuses == [403, 429, 403, 403]


async def test_filter_without_an_origin_answers_who_asks(tmp_path: Path) -> None:
    """Where applications only ask, there is no proxy."""
    async with visit(tmp_path, origin=None) as it:
        status, *_ = await it.ask("POST", "/v1/check", LISTED, TYPED)

        assert status == 403
        assert it.site.service is not None
        assert it.site.service.addresses == ()


async def test_proxy_does_not_forward_what_has_no_origin(tmp_path: Path) -> None:
    """With routes for some hosts only, the door's own route forwards nothing."""
    only = Route(name="photos", origin="default", hosts=("photos.example",))
    async with visit(tmp_path, routes=(only,)) as it:
        found = await it.site.put(b"x")
        assert found.startswith(b"HTTP/1.1 200 ")

    async with visit(tmp_path, routes=(only,), origin=None) as it:
        refused = await it.site.put(b"x")

    assert refused.startswith(b"HTTP/1.1 404 ")


async def test_metrics_tell_each_door(tmp_path: Path) -> None:
    """An operator sees how many uploads are asked about by which door."""

    def count(kind: str, status: str) -> float | None:
        return value(it.site.metrics, "requests_total", kind=kind, status=status)

    async with visit(tmp_path) as it:
        await it.site.put(LISTED)
        await it.ask("POST", "/v1/check/a", LISTED, TYPED)
        await it.ask("POST", "/v1/scan", b"x", TYPED)
        await it.stream(LISTED)
        await until(lambda: count("clamd", "403") == 1)

        assert count("upload", "403") == count("api", "403") == count("api", "200") == 1
