"""Tests of uploadfilter.forms.objectionform: what the form answers to whom."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from tests.forms.objections import (
    DAY_S,
    EVIDENCE,
    NOON_S,
    decision_id,
    objection,
)
from uploadfilter.forms.asking import FormRequest
from uploadfilter.forms.cases import (
    MOST_TEXT_CHARACTERS,
    EvidenceShown,
    ObjectionState,
)
from uploadfilter.forms.codes import KEY_BYTES, code_of
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.objectionform import (
    MOST_PER_HOUR,
    TRIES_PER_HOUR,
    ObjectionForm,
)
from uploadfilter.forms.settings import ObjectionSettings
from uploadfilter.forms.statement import StatementSettings
from uploadfilter.forms.store import FILE, FormStore

KEY = bytes(KEY_BYTES)
CLIENT, OTHER = "c6336401", "c6336402"
SETTINGS = ObjectionSettings()
MOST_OPEN = 40


@dataclass
class Desk:
    """The form, with a clock that stands still."""

    form: ObjectionForm
    store: FormStore
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


@contextmanager
def opened(path: Path, statements: StatementSettings) -> Iterator[Desk]:
    """Open the form of an empty store in a folder, with an operator's texts."""
    registry = CollectorRegistry()
    with FormStore(path / FILE, most_open=MOST_OPEN) as store:
        form = ObjectionForm(
            store,
            key=KEY,
            settings=SETTINGS,
            statements=statements,
            metrics=FormMetrics(registry),
            now=lambda: NOON_S,
            clock=lambda: 1000.0,
        )
        yield Desk(form, store, registry)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return the form of an empty store."""
    with opened(tmp_path, StatementSettings()) as made:
        yield made


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
    sent = await desk.post(text=text, code=f" {spelled} ")
    looked = await desk.post()
    kept = desk.store.get(decision_id())

    assert sent.status == 201
    assert shown(sent)["deadline"] == "2026-12-12"
    assert kept is not None
    assert kept.text == text
    assert looked.status == 200
    assert shown(looked)["state"] == "received"
    assert desk.count("form_received_total", form="objection") == 1


async def test_outcome_is_told_with_answer_and_reasons(desk: Desk) -> None:
    """The statement of reasons, and what a reviewer said, in the reader's language."""
    new = objection(instance=None, evidence=())
    placed = replace(objection(), rejected_at=datetime(2026, 11, 28, 11, tzinfo=UTC))
    after = placed.decide(
        ObjectionState.STANDS, now=NOON_S, reviewer="ab", answer="We <looked>."
    )
    desk.store.receive(new)
    desk.store.change(new, placed)
    desk.store.change(placed, after)
    told = await desk.post(wants_page=True, language="nl")
    text = page(told)

    assert "De beslissing blijft staan" in text
    assert "We &lt;looked&gt;." in text
    assert "de rechter" in text
    assert "lijst van bekende afbeeldingen" in text
    assert StatementSettings().legal_ground in text
    assert "ab" not in shown(await desk.post()).values()


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize(
    "own",
    [StatementSettings(), StatementSettings(explanation="On our list of known scams.")],
    ids=["as it comes", "own words"],
)
async def test_only_the_operator_says_whose_list_it_is(
    tmp_path: Path, language: str, own: StatementSettings
) -> None:
    """A list of the operator's own is not called one of the police."""
    placed = replace(objection(), rejected_at=datetime(2026, 11, 28, 11, tzinfo=UTC))
    with opened(tmp_path, own) as desk:
        desk.store.receive(placed)
        text = page(await desk.post(wants_page=True, language=language))

    assert own.explanation in text
    assert "police" not in text
    assert "politie" not in text


async def test_reversed_decision_accuses_nobody(desk: Desk) -> None:
    """Who was rejected by mistake does not read that the file was found illegal."""
    placed = replace(objection(), rejected_at=datetime(2026, 11, 28, 11, tzinfo=UTC))
    after = placed.decide(
        ObjectionState.REVERSED, now=NOON_S, reviewer="ab", answer="We are sorry."
    )
    desk.store.receive(placed)
    desk.store.change(placed, after)
    text = page(await desk.post(wants_page=True))
    told = shown(await desk.post())

    assert "We are sorry." in text
    assert StatementSettings().explanation not in text
    assert StatementSettings().legal_ground not in text
    assert told["reasons"] == []


@pytest.mark.parametrize(
    ("others", "entry", "expected"),
    [
        ((), ("demo", "e-1"), True),
        ((), None, False),
        ((replace(EVIDENCE, entry="e-2"),), ("demo", "e-1"), False),
    ],
    ids=["the only entry is off", "nothing is off", "another entry is on"],
)
async def test_file_is_asked_for_again_only_if_it_would_pass(
    desk: Desk,
    others: tuple[EvidenceShown, ...],
    entry: tuple[str, str] | None,
    *,
    expected: bool,
) -> None:
    """A reversal alone changes no list: the same file would be rejected once more."""
    waits = objection(evidence=(EVIDENCE, *others))
    after = waits.decide(
        ObjectionState.REVERSED, now=NOON_S, reviewer="ab", entry=entry
    )
    desk.store.receive(waits)
    desk.store.change(waits, after)
    text = page(await desk.post(wants_page=True))

    assert "by mistake" in text
    assert ("You can upload the file again" in text) == expected


async def test_button_of_the_answer_fills_the_form_in(desk: Desk) -> None:
    """Number and code come along, so nobody has to copy them."""
    text = page(await desk.post(wants_page=True))

    assert f'value="{decision_id()}"' in text
    assert f'value="{code_of(KEY, decision_id())}"' in text
    assert '<label for="text">' in text


async def test_typed_text_is_never_thrown_away(desk: Desk) -> None:
    """Whatever stands against sending it, the text comes back."""
    wrong = await desk.post(code="x", text="My <cat>", wants_page=True)
    await desk.post(text="My dog")
    twice = await desk.post(text="My <bird>", wants_page=True)

    assert ">My &lt;cat&gt;</textarea>" in page(wrong)
    assert "My &lt;bird&gt;" in page(twice)
    assert "My dog" not in page(twice)
    kept = desk.store.list(most=5)
    assert [it.text for it in kept] == ["My dog"]


async def test_wrong_codes_are_few_and_alike(desk: Desk) -> None:
    """For a decision with an objection, one without, and none at all."""
    await desk.post(text="x")
    answers = [
        await desk.post(code="0" * 32),
        await desk.post(2, code="0" * 32),
        await desk.post(id="nonsense"),
        await desk.post(text="x", code=""),
    ]
    for _ in range(TRIES_PER_HOUR - len(answers)):
        await desk.post(code="0" * 32)
    stopped = await desk.post()
    other = await desk.post(client=OTHER)

    assert [it.status for it in answers] == [403] * 4
    assert len({it.body for it in answers}) == 1
    assert stopped.status == 429
    assert int(stopped.headers["Retry-After"]) > 0
    assert other.status == 200
    refused = desk.count("form_refused_total", form="objection", reason="code")
    assert refused == TRIES_PER_HOUR


async def test_objections_of_one_client_are_bounded_and_counted(desk: Desk) -> None:
    """Also if they come at once: a few are taken, and others lose nothing."""
    own = await asyncio.gather(*(desk.post(at, text="x") for at in range(50)))
    other = await desk.post(900, text="x", client=OTHER)

    assert sorted(it.status for it in own) == [201] * MOST_PER_HOUR + [429] * 40
    assert other.status == 201
    assert desk.count("form_refused_total", form="objection", reason="rate") == 40


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
    known = fields
    answer = await desk.post(number, fields=known)

    assert answer.status == status
    assert shown(answer)["detail"]
    assert desk.store.list(most=5) == ()
    assert desk.count("form_refused_total", form="objection", reason=reason) == 1


async def test_second_objection_shows_the_first(desk: Desk) -> None:
    """Nobody can replace an objection."""
    await desk.post(text="first")
    again = await desk.post(text="second", wants_page=True)
    kept = desk.store.get(decision_id())

    assert again.status == 200
    assert "second" in page(again)
    assert kept is not None
    assert kept.text == "first"


async def test_full_store_is_told(desk: Desk) -> None:
    """Nothing is confirmed that was not kept."""
    clients = [f"{at:08x}" for at in range(100)]
    statuses = [
        (await desk.post(at, text="x", client=client)).status
        for at, client in enumerate(clients)
    ]

    assert statuses == [201] * 40 + [503] * 60
    assert desk.count("form_refused_total", form="objection", reason="full") == 60


async def test_unreadable_store_is_told(desk: Desk) -> None:
    """It is a clear answer, and no crash."""
    desk.store.close()
    answers = await asyncio.gather(desk.post(text="x"), desk.post())

    assert [it.status for it in answers] == [503, 503]
    assert "nothing was kept" in shown(answers[0])["detail"]


async def test_unknown_objection_is_told(desk: Desk) -> None:
    """Nobody objected, or it was deleted."""
    answer = await desk.post()

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
