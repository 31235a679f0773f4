"""Tests of uploadfilter.service.forms: the forms over HTTP, beside uploads."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.forms.objections import NOON_S
from uploadfilter.config import Settings
from uploadfilter.decisions.records.records import new_decision_id
from uploadfilter.errors import ServiceError
from uploadfilter.forms.codes import code_of, load_key
from uploadfilter.forms.settings import FormsSettings, ObjectionSettings
from uploadfilter.service.chores import now_s
from uploadfilter.service.forms import running_forms
from uploadfilter.web.clients.addresses import TCPAddress

URL = "https://upload.example/objection"
PAGE = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}


@dataclass(frozen=True)
class Visitor:
    """A client of the forms."""

    state: Path
    port: int
    session: aiohttp.ClientSession

    @property
    def site(self) -> str:
        """The public forms."""
        return f"http://127.0.0.1:{self.port}"

    async def ask(
        self,
        method: str = "GET",
        path: str = "/objection",
        headers: Mapping[str, str] = PAGE,
        **given: Any,  # noqa: ANN401 - as aiohttp takes it
    ) -> tuple[int, str, Mapping[str, str]]:
        """Send one request; return status, body and header fields."""
        async with self.session.request(
            method, self.site + path, headers=headers, **given
        ) as answer:
            return answer.status, await answer.text(), answer.headers

    def known(self, number: int = 1) -> dict[str, str]:
        """Return id and code of a decision of today."""
        decision = new_decision_id(now_s(), number.to_bytes(10, "big"))
        return {"id": decision, "code": code_of(load_key(self.state), decision)}


def settings_of(state: Path, **more: Any) -> Settings:  # noqa: ANN401 - of Settings
    """Return settings with the form on any free port."""
    return replace(
        Settings(
            state=state,
            forms=FormsSettings(listen="127.0.0.1:0"),
            objections=ObjectionSettings(public_url=URL),
        ),
        **more,
    )


@asynccontextmanager
async def visited(state: Path, **more: Any) -> AsyncIterator[Visitor]:  # noqa: ANN401 - as above
    """Run the forms, and visit them."""
    async with (
        running_forms(settings_of(state, **more)) as forms,
        aiohttp.ClientSession() as session,
    ):
        assert isinstance(forms.public, TCPAddress)
        yield Visitor(state, forms.public.port, session)


async def test_objection_over_http(tmp_path: Path) -> None:
    """From the button of the answer to the outcome, as a browser and as a program."""
    async with visited(tmp_path) as visitor:
        known = visitor.known()
        _, first, headers = await visitor.ask()
        _, filled, _ = await visitor.ask("POST", data=known)
        status, sent, _ = await visitor.ask(
            "POST", data={**known, "text": "Mine.", "lang": "nl"}
        )
        told = await visitor.ask("POST", headers=JSON, data=known)

    assert "<h1>Object to a rejected upload</h1>" in first
    assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "uploadfilter"
    assert known["code"] in filled
    assert (status, "Uw bezwaar is aangekomen" in sent) == (201, True)
    assert told[0] == 200
    assert json.loads(told[1])["state"] == "received"


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", "/", {}, 404),
        ("DELETE", "/objection", {}, 405),
        ("POST", "/objection", {"json": {"id": "x"}}, 415),
        ("POST", "/objection", {"data": {"a": "x"}}, 403),
        ("POST", "/objection", {"data": {"text": "x" * 70_000}}, 413),
        ("GET", "/static/../objection", {}, 200),
        ("GET", "/static/forms.css", {}, 200),
    ],
)
async def test_requests_that_are_no_form(
    tmp_path: Path, method: str, path: str, given: dict[str, Any], status: int
) -> None:
    """Each has its answer, and every answer has the headers of a page."""
    async with visited(tmp_path) as visitor:
        found, _, headers = await visitor.ask(method, path, **given)

    assert found == status
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_file_is_no_form(tmp_path: Path) -> None:
    """Nobody can send a picture."""
    data = aiohttp.FormData(default_to_multipart=True)
    data.add_field("text", b"x", filename="a.png")
    async with visited(tmp_path) as visitor:
        status, _, _ = await visitor.ask("POST", data=data)

    assert status == 415


async def test_many_idle_connections_shut_nobody_out(tmp_path: Path) -> None:
    """Beyond the limit one of the busiest address is closed, and a form still works."""
    async with visited(tmp_path) as visitor:
        writers = []
        for _ in range(300):
            _, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
            writer.write(b"POST /objection HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
            writers.append(writer)
        status, _, _ = await visitor.ask()
        for writer in writers:
            writer.close()

    assert status == 200


async def test_client_behind_a_front_end_is_told_apart(tmp_path: Path) -> None:
    """One client's wrong codes stop that client, if the front end is trusted."""
    trusted = (ipaddress.ip_network("127.0.0.1/32"),)
    wrong = {"id": new_decision_id(NOON_S, bytes(10)), "code": "0" * 32}
    async with visited(tmp_path, trusted_proxies=trusted) as visitor:
        statuses = [
            (
                await visitor.ask(
                    "POST",
                    data=wrong,
                    headers={**JSON, "X-Forwarded-For": f"192.0.2.{client}"},
                )
            )[0]
            for client in (*[1] * 22, 2)
        ]

    assert statuses == [403] * 20 + [429] * 2 + [403]


REVIEW = FormsSettings(listen="", review="127.0.0.1:0", reviewer_header="X-Remote-User")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"objections": ObjectionSettings()}, "no form is served"),
        ({"forms": REVIEW}, "nobody could open the page of reviewers"),
        (
            {
                "objections": ObjectionSettings(
                    public_url=URL, outcomes_to="mailto:a@example.org"
                )
            },
            "mails go out, but they have no sender",
        ),
    ],
)
async def test_forms_that_could_not_work_do_not_start(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    """Each says which key is missing."""
    with pytest.raises(ServiceError, match=message):
        async with running_forms(settings_of(tmp_path, **more)):
            pass


async def test_address_in_use_is_told(tmp_path: Path) -> None:
    """With the key that names it."""
    async with visited(tmp_path) as visitor:
        forms = FormsSettings(listen=f"127.0.0.1:{visitor.port}")
        with pytest.raises(ServiceError, match="cannot listen on") as refused:
            async with running_forms(settings_of(tmp_path, forms=forms)):
                pass

    assert "listen in [forms]" in refused.value.hint
