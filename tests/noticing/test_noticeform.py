"""Tests of uploadfilter.noticing.noticeform: what the form answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.objecting.objections import NOON_S
from uploadfilter.noticing.figures import NoticeMetrics
from uploadfilter.noticing.noticeform import EMBEDDED, PATH, NoticeForm
from uploadfilter.noticing.queueing import FILE, NoticeQueue
from uploadfilter.noticing.settings import NoticeSettings
from uploadfilter.objecting.asking import FormRequest

SITE = "https://www.example.org"
SETTINGS = NoticeSettings(most_per_hour=3, embed_on=(SITE,))


@dataclass
class Button:
    """The form of the report button."""

    form: NoticeForm
    queue: NoticeQueue
    registry: CollectorRegistry

    async def ask(
        self, method: str = "POST", *, path: str = PATH, client: str = "", **more: str
    ) -> web.Response:
        """Send one request."""
        language = more.pop("language", "en")
        told = FormRequest(
            method=method,
            path=path,
            client=client or "c6336401",
            language=language,
            wants_page=True,
            fields=more,
        )
        return await self.form.handle(told)

    def refused(self, reason: str) -> float:
        """Return how many notices were refused for a reason."""
        name = "uploadfilter_notices_refused_total"
        return self.registry.get_sample_value(name, {"reason": reason}) or 0


@pytest.fixture
def button(tmp_path: Path) -> Iterator[Button]:
    """Return the form of an empty queue."""
    registry = CollectorRegistry()
    with NoticeQueue(tmp_path / FILE, most_waiting=20) as queue:
        form = NoticeForm(
            queue,
            SETTINGS,
            metrics=NoticeMetrics(registry),
            now=lambda: NOON_S,
            clock=lambda: 1000.0,
        )
        yield Button(form, queue, registry)


def page(answer: web.Response) -> str:
    """Return the page of an answer."""
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


async def test_notice_is_queued(button: Button) -> None:
    """As it was typed; the thanks name nobody and nothing."""
    answer = await button.ask(where=" https://a.example/x ", what="a\nb", contact="me")
    ((kept, tries),) = button.queue.due(now=NOON_S, most=5)

    assert answer.status == 201
    assert (kept.where, kept.what, kept.contact) == (
        "https://a.example/x",
        "a\nb",
        "me",
    )
    assert tries == 0
    assert "a.example" not in page(answer)


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_form_is_a_page_without_a_script(button: Button, language: str) -> None:
    """It needs an address only, and takes no file."""
    text = page(await button.ask("GET", language=language))

    assert f'<html lang="{language}">' in text
    assert "<script" not in text
    assert 'type="file"' not in text
    assert text.count("required") == 1


async def test_unfit_notice_comes_back_filled_in(button: Button) -> None:
    """With the reason."""
    answer = await button.ask(what="<b>")

    assert answer.status == 422
    assert "Please say where" in page(answer)
    assert "&lt;b&gt;" in page(answer)
    assert button.refused("text") == 1


async def test_notices_of_one_client_are_bounded(button: Button) -> None:
    """Others lose nothing."""
    sent = await asyncio.gather(*(button.ask(where="x") for _ in range(10)))
    own = sorted(it.status for it in sent)
    other = await button.ask(where="x", client="c6336402")

    assert own == [201] * 3 + [429] * 7
    assert other.status == 201
    assert button.refused("rate") == 7


async def test_full_and_broken_queue_are_told(button: Button) -> None:
    """Nothing is confirmed that was not kept."""
    statuses = [
        (await button.ask(where="x", client=f"{at:08x}")).status for at in range(25)
    ]
    button.queue.close()
    broken = await button.ask(where="x", client="ffffffff")

    assert statuses == [201] * 20 + [503] * 5
    assert broken.status == 503
    assert button.refused("store") == 1


async def test_only_named_sites_may_frame_it(button: Button) -> None:
    """And only the form that is for frames."""
    framed = await button.ask("GET", path=EMBEDDED)
    plain = await button.ask("GET")

    policy = framed.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {SITE}")
    assert "Content-Security-Policy" not in plain.headers
    assert 'href="../static/forms.css"' in page(framed)
    assert 'action="embedded"' in page(framed)
