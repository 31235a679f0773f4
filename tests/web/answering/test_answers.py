"""Answers to clients whose upload is not forwarded."""

import json
import re
from html import escape, unescape
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from tests.web.answering.usual import outcome
from uploadfilter.model import INCAPACITY, REFUSALS, Reason
from uploadfilter.rejections import Outcome
from uploadfilter.web.answering import texts
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.answering.answers import RETRY_AFTER_S, prefers_html, response
from uploadfilter.web.answering.wording import Wording

ID = "0195f3c2-0000-7000-8000-000000000001"
OBJECTION = "https://site.example/objection?a=1&b=2"
REPORT = "https://hotline.example/report"
LANGUAGES = ["", "nl", "en"]
BOTH = texts.load(objection=OBJECTION, report=REPORT)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
REJECTED = BOTH.catalogues["en"].words(403).text
STATUSES = [400, 403, 404, 408, 413, 415, 429, 431, 501, 502, 503, 504]


def answer(
    status: int,
    *,
    accept: str = "*/*",
    language: str = "",
    wording: Wording = BOTH,
    reason: Reason | None = None,
    decision_id: str | None = ID,
    detail: str = "",
    retry_after_s: int | None = None,
    code: str = "",
) -> web.Response:
    """Answer a request with these values of Accept and Accept-Language."""
    headers = {"Accept": accept, "Accept-Language": language}
    return response(
        make_mocked_request("POST", "/", headers),
        Answer(
            outcome=outcome(status),
            status=status,
            reason=reason,
            detail=detail,
            retry_after_s=retry_after_s,
        ),
        wording=wording,
        decision_id=decision_id,
        code=code,
    )


def body(told: web.Response) -> bytes:
    """Return the body of an answer."""
    assert isinstance(told.body, bytes)
    return told.body


def shown(page: bytes) -> str:
    """Return the text of a page without its elements."""
    return unescape(re.sub(r"<[^>]*>", "", page.decode()))


def tags(page: bytes) -> list[str]:
    """Return the names of a page's elements, in order."""
    return [name.decode() for name in re.findall(rb"<([a-z0-9]+)", page)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_rejections_are_alike_whatever_the_reason(accept: str, language: str) -> None:
    """A match and every reason for a rejection by policy have the same bytes."""
    reasons = [None, *(reason for reason in Reason if reason not in REFUSALS)]

    answers = [
        answer(
            403,
            accept=accept,
            language=language,
            reason=reason,
            detail=f"because of {reason}",
        )
        for reason in reasons
    ]

    assert len({body(told) for told in answers}) == 1
    assert len({str(told.headers) for told in answers}) == 1
    assert len({told.keep_alive for told in answers}) == 1


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_rejections_differ_in_the_decision_only(accept: str) -> None:
    """Two rejections have the same length, and differ only in the id."""
    other = ID.replace("1", "2")

    first = body(answer(403, accept=accept))
    second = body(answer(403, accept=accept, decision_id=other))

    assert len(first) == len(second)
    assert shown(first).replace(ID, other) == shown(second)
    assert tags(first) == tags(second)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("compared automatically", "fingerprints", "list of known pictures")),
        ("nl", ("automatisch", "vingerafdrukken", "lijst van bekende afbeeldingen")),
    ],
)
def test_rejection_says_what_kind_of_check_it_was(
    language: str, words: tuple[str, ...]
) -> None:
    """It compares pictures with a list; which list, and how near, is not said."""
    page = shown(body(answer(403, accept=BROWSER, language=language)))

    assert all(word in page for word in words)


def test_button_comes_before_number_place_and_code() -> None:
    """A person needs the button alone; the rest is for later."""
    form = texts.load(objection=OBJECTION, form=OBJECTION)
    page = body(answer(403, accept=BROWSER, wording=form, code="00ff" * 8)).decode()
    main = page[page.index("<main>") :]
    places = [main.index(it) for it in ("<button>", "<h2", "00ff</span>")]

    assert places == sorted(places)
    assert main.count("<button>") == 1


def test_rejection_as_a_problem() -> None:
    """Programs get RFC 9457: the decision, where to object, and nothing more."""
    told = answer(403)

    assert told.content_type == "application/problem+json"
    assert json.loads(body(told)) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": REJECTED,
        "decision": ID,
        "objection": OBJECTION,
        "report": REPORT,
    }


SIGNED = {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}


def for_s3(
    status: int, headers: dict[str, str], target: str = "/lakes/a.jpg"
) -> web.Response:
    """Answer a PUT with these headers."""
    return response(
        make_mocked_request("PUT", target, headers),
        Answer(outcome=outcome(status), status=status),
        wording=BOTH,
        decision_id=ID,
    )


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/lakes/a.jpg", SIGNED),
        ("/lakes/a.jpg", {"Authorization": "AWS keeper:c2ln"}),
        ("/lakes/a.jpg?X-Amz-Date=1&X-Amz-Signature=0f", {"Accept": "*/*"}),
    ],
)
def test_clients_of_s3_get_an_error_of_s3(target: str, headers: dict[str, str]) -> None:
    """They read nothing else, and show their user its code and its message."""
    told = for_s3(403, headers, target)
    root = ET.fromstring(body(told))  # noqa: S314 -- our own answer

    assert told.content_type == "application/xml"
    assert root.tag == "Error"
    assert root.findtext("Code") == "AccessDenied"
    assert root.findtext("Message") == (
        f"{REJECTED} Decision: {ID} Objection: {OBJECTION} Report: {REPORT}"
    )


@pytest.mark.parametrize("status", STATUSES)
def test_error_of_s3_asks_for_another_try_only_where_it_helps(status: int) -> None:
    """Clients repeat by the code: SlowDown, InternalError and RequestTimeout."""
    root = ET.fromstring(body(for_s3(status, SIGNED)))  # noqa: S314 -- ours
    is_repeated = root.findtext("Code") in {
        "SlowDown",
        "InternalError",
        "RequestTimeout",
    }

    assert is_repeated == (status in {408, 429, 502, 503, 504})


def test_person_with_a_presigned_address_gets_a_page() -> None:
    """A browser that follows one shows its user what browsers show."""
    assert for_s3(403, {**SIGNED, "Accept": BROWSER}).content_type == "text/html"


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("accept", ["*/*", BROWSER])
def test_answers_are_neither_stored_nor_guessed_at(status: int, accept: str) -> None:
    """No cache keeps an answer, and no browser takes it for something else."""
    told = answer(status, accept=accept)

    assert told.status == status
    assert told.headers["Cache-Control"] == "no-store"
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Vary"] == "Accept, Accept-Language"


@pytest.mark.parametrize("status", STATUSES)
def test_page_can_be_read_by_everybody(status: int) -> None:
    """A page has a language, a title, one heading, a main part, and no script."""
    told = answer(status, accept=BROWSER)
    page = body(told)

    assert told.content_type == "text/html"
    assert told.charset == "utf-8"
    assert b'<html lang="en" dir="ltr">' in page
    assert [tags(page).count(tag) for tag in ("title", "h1", "main")] == [1, 1, 1]
    assert not {"script", "img", "link", "iframe", "form"} & set(tags(page))
    assert "default-src 'none'" in told.headers["Content-Security-Policy"]


def test_page_of_a_rejection_names_decision_and_objection() -> None:
    """People see the number of the decision, and can follow the objection."""
    page = body(answer(403, accept=BROWSER)).decode()

    assert ID in shown(page.encode())
    for place in (OBJECTION, REPORT):
        assert f'href="{escape(place)}">{escape(place)}</a>' in page


@pytest.mark.parametrize(
    "objection", ["Write to <abuse> & ask", "javascript:alert(1)", 'https://x/"onclick']
)
def test_objection_that_is_no_address_is_shown_as_text(objection: str) -> None:
    """Only web and mail addresses are links; other texts are text, and escaped."""
    wording = texts.load(objection=objection, report=objection)
    page = body(answer(403, accept=BROWSER, wording=wording))

    assert "a" not in tags(page)
    assert b"<abuse>" not in page
    assert b'/"on' not in page


def test_page_without_an_objection_says_whom_to_ask() -> None:
    """If the operator names no contact, people are referred to the site."""
    page = body(answer(403, accept=BROWSER, wording=texts.load())).decode()

    assert "ask the site" in page
    assert "Where to object" not in page
    assert "come across" not in page


def test_page_accuses_nobody() -> None:
    """Each rejection states where to report, and that it is not about the reader."""
    page = shown(body(answer(403, accept=BROWSER)))

    assert "says nothing about you" in page
    assert "Such a decision can be wrong." in page
    assert "not looked at by a person" in page


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {403}))
def test_only_rejections_say_where_to_object_and_report(status: int) -> None:
    """A client that was merely too slow needs neither."""
    for accept in ("*/*", BROWSER):
        told = body(answer(status, accept=accept)).decode()

        assert OBJECTION not in unescape(told)
        assert REPORT not in told


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
@pytest.mark.parametrize(
    ("language", "tag", "words"),
    [("", "en", "can be wrong"), ("nl-BE, en;q=0.5", "nl", "kan onjuist zijn")],
)
def test_answer_is_in_the_language_that_was_asked_for(
    accept: str, language: str, tag: str, words: str
) -> None:
    """Problem and page alike, and the header says which language it is."""
    told = answer(403, accept=accept, language=language)

    assert told.headers["Content-Language"] == tag
    assert words in body(told).decode()
    if accept == BROWSER:
        assert f'<html lang="{tag}" dir="ltr">'.encode() in body(told)


def test_detail_is_in_the_language_of_the_answer() -> None:
    """The fault is stated in Dutch, or in general words if there are none."""
    known, unknown = (
        json.loads(body(answer(400, language="nl", detail=detail)))["detail"]
        for detail in ("There is no Host.", "Two lengths.")
    )

    assert known == "Er is geen Host."
    assert unknown == "De aanvraag kon niet worden gelezen."


def test_headers_may_stand_in_several_lines() -> None:
    """A list that a client splits is a list (RFC 9110, section 5.3)."""
    headers = CIMultiDict(
        [
            ("Accept", "*/*;q=0.1"),
            ("Accept", "text/html"),
            ("Accept-Language", "fr"),
            ("Accept-Language", "nl;q=0.5"),
        ]
    )
    told = response(
        make_mocked_request("POST", "/", headers),
        Answer(outcome=Outcome.REJECTED, status=403),
        wording=BOTH,
        decision_id=ID,
    )

    assert (told.content_type, told.headers["Content-Language"]) == ("text/html", "nl")


async def test_answer_names_no_software() -> None:
    """An attacker learns nothing about our versions."""
    told = answer(403)

    await told.prepare(make_mocked_request("POST", "/"))

    assert "Server" not in told.headers


@pytest.mark.parametrize("status", [400, 408, 413, 415, 431, 501])
def test_client_is_told_what_is_wrong_with_its_request(status: int) -> None:
    """The client learns the fault of its own request that was refused."""
    told = json.loads(body(answer(status, detail="Two lengths.")))

    assert told["detail"] == "Two lengths."
    assert "objection" not in told


@pytest.mark.parametrize("status", [403, 502, 503, 504])
def test_client_is_not_told_about_our_side(status: int) -> None:
    """Rejections and failures of the filter have a fixed text, for any detail."""
    assert b"secret" not in body(answer(status, detail="secret"))
    assert b"secret" not in body(answer(status, detail="secret", accept=BROWSER))


def test_incapacity_asks_to_come_back() -> None:
    """A 503 says when to try again, and not which part of the filter failed."""
    answers = [answer(503, reason=reason) for reason in sorted(INCAPACITY)]

    assert f"in {RETRY_AFTER_S} seconds" in body(answers[0]).decode()

    assert len({body(told) for told in answers}) == 1
    assert {told.headers["Retry-After"] for told in answers} == {str(RETRY_AFTER_S)}


@pytest.mark.parametrize("accept", ["", BROWSER])
@pytest.mark.parametrize("language", LANGUAGES)
def test_expected_wait_is_the_same_in_text_and_header(
    accept: str, language: str
) -> None:
    """A client that reads the text comes back as late as one that reads the header."""
    told = answer(503, accept=accept, language=language, retry_after_s=7)

    assert told.headers["Retry-After"] == "7"
    assert re.search(r"\b7 se[ck]on", body(told).decode())
    assert str(RETRY_AFTER_S) not in shown(body(told))


def test_answer_without_a_decision_names_none() -> None:
    """An answer without a record has no number."""
    assert "decision" not in json.loads(body(answer(502, decision_id=None)))
    assert b"Number" not in body(answer(502, decision_id=None, accept=BROWSER))


@pytest.mark.parametrize("reason", sorted(REFUSALS))
def test_connection_ends_after_a_refused_request(reason: Reason) -> None:
    """Where a refused request ends is uncertain, so no other may follow it."""
    assert answer(400, reason=reason).keep_alive is False


def test_connection_goes_on_after_a_rejection() -> None:
    """The whole rejected upload was read, so its client may send another one."""
    assert answer(403, reason=None).keep_alive is not False


def test_unforeseen_status_has_its_own_phrase() -> None:
    """A status without texts has its own title, and the text for other statuses."""
    assert json.loads(body(answer(409)))["title"] == "Conflict"
    assert b"<h1>Request not answered</h1>" in body(answer(409, accept=BROWSER))


def test_endless_list_is_read_in_part() -> None:
    """A client cannot make the event loop read a megabyte for one answer."""
    lines = [("Accept", "a/b," * 2000)] * 100
    told = response(
        make_mocked_request("POST", "/", CIMultiDict([*lines, ("Accept", BROWSER)])),
        Answer(outcome=Outcome.REJECTED, status=403),
        wording=BOTH,
        decision_id=ID,
    )

    assert told.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        pytest.param("", False, id="nothing"),
        pytest.param("*/*", False, id="anything"),
        pytest.param(BROWSER, True, id="browser"),
        pytest.param("text/html", True, id="page"),
        pytest.param("TEXT/*", True, id="text"),
        pytest.param("text/html, */*", True, id="page or anything"),
        pytest.param("text/html;q=0.5, */*;q=0.9", False, id="rather anything"),
        pytest.param("application/json, text/html", False, id="as well"),
        pytest.param("application/json;q=0.8, text/html", True, id="rather a page"),
        pytest.param("application/problem+json, text/html;q=0.9", False, id="problem"),
        pytest.param("application/*, text/html", True, id="named more exactly"),
        pytest.param("text/html;q=0", False, id="no page"),
        pytest.param("text/html;q=0, */*;q=0", False, id="nothing at all"),
        pytest.param("text/html;q=x", False, id="malformed weight"),
        pytest.param("html", False, id="malformed range"),
        pytest.param("text/html;level=1", False, id="other parameters"),
        pytest.param(",,text/html ; q=1.000,", True, id="odd but legal"),
    ],
)
def test_page_is_for_who_prefers_one(accept: str, *, html: bool) -> None:
    """Programs that accept anything get a problem, and people get a page."""
    assert prefers_html(accept) == html


FORM = "https://upload.example/objection"
CODE = "0123456789abcdef0123456789abcdef"
WITH_FORM = texts.load(objection=OBJECTION, form=FORM)


@pytest.mark.parametrize("language", LANGUAGES)
def test_rejection_leads_to_the_form(language: str) -> None:
    """A page has the code and a button that takes both along; the policy lets it."""
    told = answer(403, accept=BROWSER, language=language, wording=WITH_FORM, code=CODE)
    page = body(told).decode()

    assert CODE in shown(body(told))
    assert f'<form method="post" action="{FORM}">' in page
    assert f'name="code" value="{CODE}"' in page
    assert OBJECTION not in unescape(page)
    assert f"form-action {FORM};" in told.headers["Content-Security-Policy"]


def test_program_gets_the_code() -> None:
    """With the place to send it to."""
    found = json.loads(body(answer(403, wording=WITH_FORM, code=CODE)))

    assert (found["objection"], found["code"]) == (FORM, CODE)


@pytest.mark.parametrize("status", [it for it in STATUSES if it != 403])
@pytest.mark.parametrize("accept", [BROWSER, "*/*"], ids=["page", "problem"])
def test_only_rejections_by_policy_have_a_code(status: int, accept: str) -> None:
    """To anything else nobody can object."""
    told = answer(status, accept=accept, wording=WITH_FORM, code=CODE)

    assert CODE.encode() not in body(told)
    assert FORM.encode() not in body(told)


def test_without_a_code_there_is_no_form() -> None:
    """The place of the settings is named instead."""
    told = answer(403, accept=BROWSER, wording=WITH_FORM)

    assert FORM.encode() not in body(told)
    assert escape(OBJECTION).encode() in body(told)
    assert "form-action 'none'" in told.headers["Content-Security-Policy"]
