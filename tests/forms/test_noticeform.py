"""Tests of uploadfilter.forms.noticeform: what the form answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.forms.objections import NOON_S
from uploadfilter.forms import store as stores
from uploadfilter.forms.asking import FormRequest
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.noticeform import MOST_PER_HOUR, PATH, NoticeForm
from uploadfilter.forms.store import FILE, Addressee, FormStore


@dataclass
class Button:
    """The form of the report button."""

    form: NoticeForm
    store: FormStore
    registry: CollectorRegistry

    async def ask(
        self, method: str = "POST", *, client: str = "c6336401", **more: str
    ) -> web.Response:
        """Send one request."""
        language = more.pop("language", "en")
        request = FormRequest(
            method=method,
            path=PATH,
            client=client,
            language=language,
            wants_page=True,
            fields=more,
        )
        return await self.form.handle(request)

    def refused(self, reason: str) -> float:
        """Return how many notices were refused for a reason."""
        labels = {"form": "notice", "reason": reason}
        name = "uploadfilter_form_refused_total"
        return self.registry.get_sample_value(name, labels) or 0


@pytest.fixture
def button(tmp_path: Path) -> Iterator[Button]:
    """Return the form of an empty queue."""
    registry = CollectorRegistry()
    with FormStore(tmp_path / FILE) as store:
        form = NoticeForm(
            store,
            metrics=FormMetrics(registry),
            now=lambda: NOON_S,
            clock=lambda: 1000.0,
        )
        yield Button(form, store, registry)


def page(answer: web.Response) -> str:
    """Return the page of an answer."""
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


async def test_notice_is_queued(button: Button) -> None:
    """As it was typed; the thanks name nobody and nothing."""
    answer = await button.ask(where=" https://a.example/x ", what="a\nb", contact="me")
    (kept,) = button.store.list_due(Addressee.HOTLINE, now=NOON_S, most=5)

    assert answer.status == 201
    assert kept.document == {
        "notice": 1,
        "id": kept.id,
        "received": "2026-11-28T12:00:00+00:00",
        "where": "https://a.example/x",
        "what": "a\nb",
        "contact": "me",
        "language": "en",
    }
    assert "a.example" not in page(answer)


@pytest.mark.parametrize("language", ["en", "nl"])
async def test_form_is_a_page_without_a_script(button: Button, language: str) -> None:
    """It needs an address only, and takes no file."""
    text = page(await button.ask("GET", language=language))

    assert f'<html lang="{language}">' in text
    assert "<script" not in text
    assert 'type="file"' not in text
    assert text.count("required") == 1


@pytest.mark.parametrize(
    "fields", [{"what": "<b>"}, {"where": "x" * 2001, "what": "<b>"}]
)
async def test_unfit_notice_comes_back_filled_in(
    button: Button, fields: dict[str, str]
) -> None:
    """With the reason."""
    answer = await button.ask(**fields)

    assert answer.status == 422
    assert "&lt;b&gt;" in page(answer)
    assert button.refused("text") == 1


async def test_notices_of_one_client_are_bounded(button: Button) -> None:
    """Others lose nothing."""
    sent = await asyncio.gather(*(button.ask(where="x") for _ in range(15)))
    own = sorted(it.status for it in sent)
    other = await button.ask(where="x", client="c6336402")

    assert own == [201] * MOST_PER_HOUR + [429] * 5
    assert other.status == 201
    assert button.refused("rate") == 5


async def test_full_and_broken_queue_are_told(
    button: Button, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is confirmed that was not kept."""
    monkeypatch.setattr(stores, "MOST_MESSAGES", 2)
    statuses = [
        (await button.ask(where="x", client=f"{at:08x}")).status for at in range(4)
    ]
    button.store.close()
    broken = await button.ask(where="x", client="ffffffff")

    assert statuses == [201] * 2 + [503] * 2
    assert broken.status == 503
    assert button.refused("store") == 1
