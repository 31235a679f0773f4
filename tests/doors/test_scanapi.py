"""The scan API as a whole: tokens, look-ups, health, and its description."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from tests.corpus import pictures
from tests.doors.visiting import LISTED, port_of, visit
from tests.evidence.seen import cropped, listed, value_of
from tests.pictures.films import film, needs_av
from tests.proxy.site import exact_entry, sha256, site
from tests.waiting import until
from uploadfilter.copies import queue
from uploadfilter.decisions.records.records import CopyRecord, ShedRecord
from uploadfilter.doors.lookups import MOST_BYTES, MOST_SIGNALS
from uploadfilter.doors.quotas import Quota, Scope
from uploadfilter.doors.settings import APISettings
from uploadfilter.doors.tokens import TokenFile
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.web.requests.limits import ProxyLimits

UPLOAD = {"Content-Type": "text/plain"}
IMAGE = {"Content-Type": "image/jpeg"}


async def test_over_tcp_each_question_needs_a_token(tmp_path: Path) -> None:
    """A missing, wrong, foreign or revoked token asks nothing, without a restart."""
    state = tmp_path / "state"
    api = APISettings(listen="127.0.0.1:0")
    listed = [exact_entry(1, LISTED)]
    async with (
        site(state, listed=listed, api=api) as running,
        aiohttp.ClientSession() as client,
    ):
        tokens, url = TokenFile(state), f"http://127.0.0.1:{port_of(running)}"

        async def status(path: str, authorization: str | None) -> int:
            headers = UPLOAD | (
                {"Authorization": authorization} if authorization else {}
            )
            async with client.post(url + path, data=b"x", headers=headers) as answer:
                return answer.status

        before = await status("/v1/scan", None)
        scan, lookup = tokens.add("a", Scope.SCAN), tokens.add("b", Scope.LOOKUP)
        found = [
            await status(path, authorization)
            for path in ("/v1/scan", "/v1/check/x", "/v1/lookup")
            for authorization in (
                *(None, "Bearer nonsense", f"Basic {scan}", "Bearer", "Bearer é"),
                *(f"Bearer {scan}", f"bearer {scan}", f"Bearer {lookup}"),
            )
        ]
        tokens.remove("a")
        after = await status("/v1/scan", f"Bearer {scan}")
        (state / "api-tokens.json").write_bytes(b"[")
        damaged = await status("/v1/scan", f"Bearer {scan}")
        recorded = len(running.decisions())

    none = [401] * 5
    assert before == 401
    assert found == [
        *(*none, 200, 200, 403),
        *(*none, 200, 200, 403),
        *(*none, 403, 403, 400),
    ]
    assert after == 401
    assert damaged == 503
    assert recorded == 4


async def test_token_has_one_rate_however_it_is_sent(tmp_path: Path) -> None:
    """Other letters or blanks of the same header do not make another client."""
    state = tmp_path / "state"
    once = Quota(per_minute=1, at_once=1)
    api = APISettings(listen="127.0.0.1:0")
    async with (
        site(state, api=api) as running,
        aiohttp.ClientSession() as client,
    ):
        token = TokenFile(state).add("a", Scope.LOOKUP, once)
        url = f"http://127.0.0.1:{port_of(running)}/v1/lookup"
        found = []
        for scheme in ("Bearer ", "bearer ", "BEARER  "):
            headers = {"Authorization": f"{scheme}{token}"}
            async with client.post(url, data=b"{}", headers=headers) as answer:
                found.append((answer.status, "Retry-After" in answer.headers))

    assert found == [(400, False), (429, True), (429, True)]


async def test_socket_may_have_so_many_questions_open(tmp_path: Path) -> None:
    """One more is told when to ask again, and counted; the proxy goes on as before."""
    places, most = ProxyLimits(open_uploads=12), 4
    head = b"POST /v1/scan HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx"
    async with visit(tmp_path, proxy=places) as it, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(it.talk(head)) for _ in range(most)]
        service = it.site.service
        assert service is not None
        await until(lambda: service.watched.open_uploads() == most)
        status, headers, _ = await it.ask("POST", "/v1/scan", b"x", UPLOAD)
        proxied = await it.site.put(b"x")
        for _, writer in slow:
            writer.write(b"x")
        ends = {(await reader.readline())[:12] for reader, _ in slow}
        again, *_ = await it.ask("POST", "/v1/scan", b"x", UPLOAD)
    sheds = [it for it in it.site.records() if isinstance(it, ShedRecord)]

    assert (status, headers["Retry-After"]) == (429, "5")
    assert (proxied[:12], again) == (b"HTTP/1.1 200", 200)
    assert ends == {b"HTTP/1.1 200"}
    (shed,) = sheds
    assert (shed.reason, shed.status, shed.count) == ("too_many_uploads", 429, 1)


async def test_signals_are_looked_up(tmp_path: Path) -> None:
    """Each signal has its entries; nothing is put on record."""
    question = {
        "signals": [
            {"signal": "sha256", "value": sha256(LISTED).value.hex()},
            {"signal": "pdq", "value": "0f" * 32},
        ]
    }
    async with visit(tmp_path) as it:
        status, _, data = await it.ask(
            "POST", "/v1/lookup", json.dumps(question).encode()
        )
        decisions = it.site.decisions()

    assert status == 200
    match, none = json.loads(data)["results"]
    assert [(it["set"], it["entry"], it["distance"]) for it in match] == [
        ("demo", "entry-1", 0)
    ]
    assert none == []
    assert decisions == []


@needs_av
async def test_frame_of_a_video_is_told_with_its_time(tmp_path: Path) -> None:
    """The answer and the record say when the listed picture is shown."""
    picture, other = (pictures.photograph(it, width=192, height=128) for it in (1, 2))
    content = film([*[other] * 30, picture, *[other] * 30])
    entries = [listed("frame", value_of(picture))]
    async with visit(tmp_path, listed=entries) as it:
        status, _, data = await it.ask("POST", "/v1/scan", content, UPLOAD)
        (record,) = it.site.decisions()
    answer = json.loads(data)

    assert (status, answer["verdict"]) == (200, "MATCH")
    assert {(it["entry"], it["frame_s"]) for it in answer["matches"]} == {
        ("frame", 1.2)
    }
    assert [it["seen_percent"] for it in answer["contents"]] == [100]
    assert (record.contents[0].seen_percent, record.matches[0].frame_s) == (100, 1.2)


def _asked(*signals: object) -> bytes:
    return json.dumps({"signals": signals}).encode()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"[]", 400, id="no-object"),
        pytest.param(_asked(), 400, id="no-signal"),
        pytest.param(_asked({"signal": "pdq", "value": "00" * 31}), 400, id="short"),
        pytest.param(_asked({"signal": "pdq", "value": "xy" * 32}), 400, id="no-hex"),
        pytest.param(_asked({"signal": "crc", "value": "00" * 8}), 400, id="type"),
        pytest.param(
            _asked(*[{"signal": "md5", "value": "00" * 16}] * (MOST_SIGNALS + 1)),
            400,
            id="many",
        ),
        pytest.param(b" " * (MOST_BYTES + 1), 413, id="long"),
    ],
)
async def test_what_is_no_question_is_a_problem(
    tmp_path: Path, body: bytes, told: int
) -> None:
    """It says what is wrong, and finds nothing."""
    async with visit(tmp_path) as it:
        status, headers, _ = await it.ask("POST", "/v1/lookup", body)

    assert status == told
    assert headers["Content-Type"] == "application/problem+json"


async def test_answers_are_as_the_description_says(tmp_path: Path) -> None:
    """The description is valid for the answers, and names every path and status."""
    async with visit(tmp_path) as it:
        *_, data = await it.ask("GET", "/v1/openapi.json")
        *_, scan = await it.ask("POST", "/v1/scan", LISTED, UPLOAD)
        asked = _asked({"signal": "sha256", "value": sha256(LISTED).value.hex()})
        *_, look_up = await it.ask("POST", "/v1/lookup", asked)
        described: dict[str, Any] = json.loads(data)
        statuses = [
            (name, (await it.ask(method.upper(), path.replace("{path}", "a")))[0])
            for path, methods in described["paths"].items()
            for method, name in ((it, path) for it in methods if it != "parameters")
        ]

    schemas = {"components": described["components"]}
    for name, answer in (("ScanOutcome", scan), ("LookUpOutcome", look_up)):
        schema = {"$ref": f"#/components/schemas/{name}", **schemas}
        jsonschema.validate(json.loads(answer), schema)
    assert {status for _, status in statuses} <= {200, 400, 415}
    for methods in described["paths"].values():
        for method, operation in methods.items():
            if method != "parameters":
                assert {"200", "401", "503"} <= operation["responses"].keys()


async def test_health_is_told_without_a_token(tmp_path: Path) -> None:
    """A front end asks whether uploads can be decided now."""
    api = APISettings(listen="127.0.0.1:0")
    async with (
        site(tmp_path / "state", api=api) as running,
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port_of(running)}/v1/health") as answer,
    ):
        told = await answer.json()

    assert (answer.status, told) == (200, {"status": "ready"})


async def test_copies_are_looked_for_after_the_answer_of_any_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The bound of one client is not that of all who cannot be told apart."""
    monkeypatch.setattr(queue, "DRAIN_S", 60.0)
    monkeypatch.setattr(queue, "MOST_OF_CLIENT", 0)
    original = pictures.photograph(1, width=640, height=480)
    entry = listed("e", value_of(original))
    evidence = EvidenceSettings()
    async with visit(tmp_path, listed=[entry], evidence=evidence) as it:
        content = pictures.jpeg(cropped(original))
        _, _, body = await it.ask("POST", "/v1/scan", content, IMAGE)

    answer = json.loads(body)
    found = [it for it in it.site.records() if isinstance(it, CopyRecord)]
    assert (answer["effect"], answer["matches"]) == ("ACCEPT", [])
    assert [it.decision for it in found] == [answer["decision"]]
