"""Tests of uploadfilter.objecting.hearing: what the form answers to whom."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.objecting.objections import DAY_S, NOON_S, decision_id, objection
from uploadfilter.objecting.asking import FormRequest
from uploadfilter.objecting.cases import MOST_TEXT_CHARACTERS, ObjectionState
from uploadfilter.objecting.codes import KEY_BYTES, code_of
from uploadfilter.objecting.figures import ObjectionMetrics
from uploadfilter.objecting.hearing import ObjectionForm
from uploadfilter.objecting.keeping import FILE, ObjectionStore
from uploadfilter.objecting.settings import ObjectionSettings

KEY = bytes(KEY_BYTES)
CLIENT, OTHER = "c6336401", "c6336402"
SETTINGS = ObjectionSettings(most_per_hour=3, tries_per_hour=4, most_open=40)


@dataclass
class Desk:
    """The form, with a clock that stands still."""

    form: ObjectionForm
    store: ObjectionStore
    registry: CollectorRegistry

    async def post(
        self,
        number: int = 1,
        *,
        client: str = CLIENT,
        wants_page: bool = False,
        language: str = "en",
        fields: dict[str, str] | None = None,
        **more: str,
    ) -> web.Response:
        """Send the form with the right code, unless another one is given."""
        given = {**more, **(fields or {})}
        decision = given.pop("id", decision_id(number))
        known = {"id": decision, "code": code_of(KEY, decision), **given}
        told = FormRequest(
            method="POST",
            path="/objection",
            client=client,
            language=language,
            wants_page=wants_page,
            fields=known,
        )
        return await self.form.handle(told)

    def count(self, name: str, **labels: str) -> float:
        """Return one figure."""
        return self.registry.get_sample_value(f"uploadfilter_{name}", labels) or 0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return the form of an empty store."""
    registry = CollectorRegistry()
    with ObjectionStore(tmp_path / FILE, most_open=SETTINGS.most_open) as store:
        form = ObjectionForm(
            store,
            key=KEY,
            settings=SETTINGS,
            metrics=ObjectionMetrics(registry),
            now=lambda: NOON_S,
            clock=lambda: 1000.0,
        )
        yield Desk(form, store, registry)


def shown(answer: web.Response) -> dict[str, Any]:
    """Return the object of an answer."""
    assert isinstance(answer.body, bytes)
    found: dict[str, Any] = json.loads(answer.body)
    return found


def page(answer: web.Response) -> str:
    """Return the page of an answer."""
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


async def test_objection_is_taken_in_and_looked_up(desk: Desk) -> None:
    """With number and code, in whatever spelling; the text is kept as it is."""
    text = "My cat.\n<b>Really</b>"
    spelled = code_of(KEY, decision_id()).upper()
    sent = await desk.post(do="send", text=text, code=f" {spelled} ")
    looked = await desk.post(do="outcome")
    kept = desk.store.get(decision_id())

    assert sent.status == 201
    assert shown(sent)["deadline"] == "2026-12-12"
    assert kept is not None
    assert kept.text == text
    assert looked.status == 200
    assert shown(looked)["state"] == "received"
    assert desk.count("objections_received_total") == 1


async def test_outcome_is_told_with_the_answer(desk: Desk) -> None:
    """What a reviewer decided and said, in the language of the reader."""
    await desk.post(do="send", text="x")
    desk.store.place(objection())
    found = desk.store.get(decision_id())
    assert found is not None
    after = found.decided(
        ObjectionState.DENIED, now=NOON_S, reviewer="ab", answer="We <looked>."
    )
    desk.store.change(found, after, at_s=NOON_S)
    told = await desk.post(do="outcome", wants_page=True, language="nl")
    text = page(told)

    assert "De beslissing blijft staan" in text
    assert "We &lt;looked&gt;." in text
    assert "de rechter" in text
    assert "ab" not in shown(await desk.post(do="outcome")).values()


async def test_button_of_the_answer_fills_the_form_in(desk: Desk) -> None:
    """Number and code come along, so nobody has to copy them."""
    text = page(await desk.post(wants_page=True))

    assert f'value="{decision_id()}"' in text
    assert f'value="{code_of(KEY, decision_id())}"' in text
    assert '<label for="text">' in text


async def test_looking_the_outcome_up_keeps_the_typed_text(desk: Desk) -> None:
    """The second button sends nothing, and throws nothing away."""
    early = await desk.post(do="outcome", text="My <cat>", wants_page=True)
    await desk.post(do="send", text="My dog")
    late = await desk.post(do="outcome", text="My <cat>", wants_page=True)
    twice = await desk.post(do="send", text="My bird", wants_page=True)

    assert early.status == 404
    assert ">My &lt;cat&gt;</textarea>" in page(early)
    assert f'value="{code_of(KEY, decision_id())}"' in page(early)
    assert "My &lt;cat&gt;" in page(late)
    assert "My bird" in page(twice)
    assert [it.text for it in desk.store.listed()] == ["My dog"]


async def test_wrong_codes_are_few_and_alike(desk: Desk) -> None:
    """For a decision with an objection, one without, and none at all."""
    await desk.post(do="send", text="x")
    answers = [
        await desk.post(number, do="outcome", code="0" * 32, client=client)
        for number in (1, 2)
        for client in (CLIENT,)
    ]
    answers.append(await desk.post(do="outcome", id="nonsense"))
    answers.append(await desk.post(do="send", text="x", code=""))
    stopped = await desk.post(do="outcome")
    other = await desk.post(do="outcome", client=OTHER)

    assert [it.status for it in answers] == [403] * 4
    assert len({it.body for it in answers}) == 1
    assert stopped.status == 429
    assert int(stopped.headers["Retry-After"]) > 0
    assert other.status == 200
    assert desk.count("objections_refused_total", reason="code") == 4


async def test_objections_of_one_client_are_bounded_and_counted(desk: Desk) -> None:
    """Also if they come at once: a few are taken, and others lose nothing."""
    own = await asyncio.gather(
        *(desk.post(at, do="send", text="x") for at in range(50))
    )
    other = await desk.post(900, do="send", text="x", client=OTHER)

    assert sorted(it.status for it in own) == [201] * 3 + [429] * 47
    assert other.status == 201
    assert desk.count("objections_refused_total", reason="rate") == 47


@pytest.mark.parametrize(
    ("number", "fields", "status", "reason"),
    [
        (1, {"text": "  \n "}, 422, "text"),
        (1, {"text": "x" * (MOST_TEXT_CHARACTERS + 1)}, 422, "text"),
        (1, {"text": "x", "id": "20260101-" + "0" * 20}, 410, "late"),
    ],
    ids=["no text", "long text", "too late"],
)
async def test_unfit_objection_is_told_why(
    desk: Desk, number: int, fields: dict[str, str], status: int, reason: str
) -> None:
    """The form comes back filled in, and nothing is kept."""
    known = {"do": "send", **fields}
    answer = await desk.post(number, fields=known)

    assert answer.status == status
    assert shown(answer)["detail"]
    assert desk.store.listed() == ()
    assert desk.count("objections_refused_total", reason=reason) == 1


async def test_second_objection_shows_the_first(desk: Desk) -> None:
    """Nobody can replace an objection."""
    await desk.post(do="send", text="first")
    again = await desk.post(do="send", text="second", wants_page=True)
    kept = desk.store.get(decision_id())

    assert again.status == 200
    assert "already" in page(again)
    assert kept is not None
    assert kept.text == "first"


async def test_full_store_is_told(desk: Desk) -> None:
    """Nothing is confirmed that was not kept."""
    clients = [f"{at:08x}" for at in range(100)]
    statuses = [
        (await desk.post(at, do="send", text="x", client=client)).status
        for at, client in enumerate(clients)
    ]

    assert statuses == [201] * 40 + [503] * 60
    assert desk.count("objections_refused_total", reason="full") == 60


async def test_unreadable_store_is_told(desk: Desk) -> None:
    """It is a clear answer, and no crash."""
    desk.store.close()
    answers = await asyncio.gather(
        desk.post(do="send", text="x"), desk.post(do="outcome")
    )

    assert [it.status for it in answers] == [503, 503]
    assert "nothing was kept" in shown(answers[0])["detail"]


async def test_unknown_objection_is_told(desk: Desk) -> None:
    """Nobody objected, or it was deleted."""
    answer = await desk.post(do="outcome")

    assert answer.status == 404


async def test_form_without_fields_is_a_page(desk: Desk) -> None:
    """In the language of the reader, with a way to the other one."""
    told = FormRequest(
        method="GET",
        path="/objection",
        client=CLIENT,
        language="nl",
        wants_page=True,
        fields={},
    )
    text = page(await desk.form.handle(told))

    assert '<html lang="nl">' in text
    assert 'href="?lang=en"' in text
    assert "<script" not in text


def test_days_of_the_deadline_are_those_of_the_settings() -> None:
    """Two weeks by default."""
    assert ObjectionSettings().deadline_s == 14 * DAY_S
