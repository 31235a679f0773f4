"""Texts are replaced in part, added whole, and checked before anybody reads them."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.repository import PACKAGE, package_modules, parse
from tests.web.answering.usual import outcome
from uploadfilter.errors import ConfigError
from uploadfilter.model import REFUSALS, Reason
from uploadfilter.web.answering import answers, texts
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.answering.texts import BUILT_IN, PAGE_FILE
from uploadfilter.web.answering.wording import Wording

ID = "20261125-0123456789abcdef0123"
BROWSER = "text/html"
PAGES = PACKAGE / "web" / "answering" / "pages"
ENGLISH = (PAGES / "en.toml").read_text(encoding="utf-8")
PAGE = """<!doctype html>
<html lang="{{ page.language }}"><title>{{ page.heading }}</title>
<h1>{{ page.heading }}</h1>{{ page.decision }} {{ page.objection }} {{ page.report }}
"""


def told(
    wording: Wording,
    language: str = "",
    *,
    status: int = 403,
    accept: str = "*/*",
    reason: Reason | None = None,
) -> bytes:
    """Return the body of an answer."""
    answer = answers.response(
        make_mocked_request(
            "POST", "/", {"Accept": accept, "Accept-Language": language}
        ),
        Answer(
            outcome=outcome(status),
            status=status,
            reason=reason,
            detail="There is no Host.",
        ),
        wording=wording,
        decision_id=ID,
    )
    assert isinstance(answer.body, bytes)
    return answer.body


def detail(wording: Wording, language: str = "", *, status: int = 403) -> str:
    """Return the answer for a program."""
    found = json.loads(told(wording, language, status=status))["detail"]
    assert isinstance(found, str)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of the operator's, with nothing in it yet."""
    path = tmp_path / "texts"
    path.mkdir()
    return path


def refused(folder: Path, **settings: str) -> ConfigError:
    """Return why the texts in a folder are refused."""
    with pytest.raises(ConfigError) as caught:
        texts.load(folder, **settings)
    return caught.value


def sentences() -> set[str]:
    """Return everything that is said about a request where one is refused."""
    modules = [
        *(PACKAGE / "uploads").rglob("*.py"),
        PACKAGE / "web" / "clients" / "server.py",
        PACKAGE / "web" / "clients" / "listening.py",
    ]
    calls = [
        call
        for module in modules
        for call in ast.walk(parse(module))
        if isinstance(call, ast.Call | ast.Assign)
    ]
    for call in calls:
        if isinstance(call, ast.Call):
            # A hint is for the operator.
            call.keywords = [item for item in call.keywords if item.arg != "hint"]
    return {
        node.value
        for call in calls
        for node in ast.walk(call)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z][^\n]*[a-zA-Z0-9]\.", node.value)
    }


@pytest.mark.parametrize("tag", BUILT_IN)
def test_language_of_the_package_is_whole(tag: str) -> None:
    """Each language has every text that English has."""
    english = tomllib.loads(ENGLISH)
    own = tomllib.loads((PAGES / f"{tag}.toml").read_text(encoding="utf-8"))
    own.pop("details", None)

    assert own.keys() == english.keys()
    assert own["page"].keys() == english["page"].keys()
    assert own["status"].keys() == english["status"].keys()


def test_every_detail_has_dutch_words() -> None:
    """A refusal that is added to the code needs a line in ``pages/nl.toml``."""
    dutch = texts.load().catalogues["nl"].details

    assert "There is no Host." in sentences()
    assert sorted(sentences() - dutch.keys()) == []


def test_every_dutch_detail_is_a_sentence_of_the_code() -> None:
    """A line goes with the refusal that it translates."""
    texts_of_code = {
        node.value
        for module in package_modules()
        for node in ast.walk(parse(module))
        if isinstance(node, ast.Constant)
    }

    assert not texts.load().catalogues["nl"].details.keys() - texts_of_code


def test_operator_replaces_what_is_to_be_different(folder: Path) -> None:
    """Texts that are not in the file stay unchanged, and so do other languages."""
    (folder / "NL.toml").write_text(
        '[status.403]\ntext = """Helaas:\n  niet {{geaccepteerd}}."""\n'
        '[details]\n"There is no Host." = "Wie bent u?"\n'
    )
    wording = texts.load(folder)
    page = told(wording, "nl", accept=BROWSER).decode()

    assert detail(wording, "nl") == "Helaas: niet {geaccepteerd}."
    assert detail(wording, "nl", status=400) == "Wie bent u?"
    assert "<h1>Upload niet geaccepteerd</h1>" in page
    assert detail(wording) == detail(texts.load())


def test_places_can_depend_on_the_language(folder: Path) -> None:
    """Readers of Dutch object and report at places where Dutch is spoken."""
    (folder / "nl.toml").write_text(
        '[contact]\nobjection = "https://x.example/bezwaar"\nreport = ""\n'
    )
    wording = texts.load(folder, objection="write to us", report="https://h.example/")
    english, dutch = json.loads(told(wording)), json.loads(told(wording, "nl"))

    assert english["objection"] == "write to us"
    assert english["report"] == "https://h.example/"
    assert dutch["objection"] == "https://x.example/bezwaar"
    assert "report" not in dutch


def test_operator_adds_a_language(folder: Path) -> None:
    """It is offered like ours, with its own direction; details fall back on it."""
    (folder / "ar.toml").write_text(
        ENGLISH.replace('"ltr"', '"rtl"').replace("could not be read", "was odd")
    )
    wording = texts.load(folder, language="ar")

    assert b'<html lang="ar" dir="rtl">' in told(wording, accept=BROWSER)
    assert detail(wording, "ar-EG", status=400) == "The request was odd."


def test_placeholders_are_filled(folder: Path) -> None:
    """A value is inserted in each text that allows one, and escaped on a page."""
    (folder / "en.toml").write_text(
        '[page]\ngive_number = "Say {decision}."\ncan_object = "At {objection}."\n'
        'report_text = "Or {report}."\n[status.503]\ntext = "In {seconds} s."\n'
        '[status.418]\nheading = "I\'m a teapot"\n'
    )
    wording = texts.load(folder, objection="<us>", report="{them}")
    page = told(wording, accept=BROWSER).decode()

    assert f"At &lt;us&gt;. Say {ID}." in page
    assert "Or {them}." in page
    assert detail(wording, status=503) == f"In {answers.RETRY_AFTER_S} s."
    assert b"<h1>I&#39;m a teapot</h1>" in told(wording, status=418, accept=BROWSER)


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        pytest.param("nl.toml", "direction", "not TOML", "KEY = VALUE", id="toml"),
        pytest.param(
            "nl.toml",
            '[page]\nintro = "a"\nintro = "b"',
            "nl.toml:3: the key 'intro' is there twice",
            "one of the two",
            id="twice",
        ),
        pytest.param("nl.toml", b"\xff", "not UTF-8 at byte 0", "UTF-8", id="bytes"),
        pytest.param("nl.tml", "", "neither LANGUAGE.toml", "nl.toml", id="suffix"),
        pytest.param("dutch!.toml", "", "neither LANGUAGE.toml", "pt-BR", id="name"),
        pytest.param(
            "nl.toml",
            '[page]\ncan_objct = "x"',
            "'page.can_objct'",
            "can_object'",
            id="key",
        ),
        pytest.param(
            "nl.toml",
            '[status.99]\ntext = "x"',
            "'status.99.text'",
            "mean",
            id="status",
        ),
        pytest.param(
            "nl.toml",
            '[details]\n"There is no host." = "x"',
            "no host.'",
            "'details.There is no Host.'",
            id="detail",
        ),
        pytest.param(
            "nl.toml", "page = 3", "page = 3 is not a text", "quotes", id="type"
        ),
        pytest.param(
            "nl.toml",
            '[page]\nask_site = " "',
            "page.ask_site is empty",
            "Write the text",
            id="empty",
        ),
        pytest.param(
            "nl.toml",
            '[page]\nask_site = "a\\u0007"',
            "page.ask_site has a character",
            "control",
            id="control",
        ),
        pytest.param(
            "nl.toml",
            '[status.403]\ntext = "{reason}"',
            "status.403.text: unknown placeholder {reason}",
            "of this text: none",
            id="placeholder",
        ),
        pytest.param(
            "nl.toml",
            '[page]\ngive_number = "{decision.__class__}"',
            "placeholder {decision.__class__}",
            "of this text: {decision}",
            id="attribute",
        ),
        pytest.param(
            "nl.toml",
            '[page]\ngive_number = "{decision:>99}"',
            "unknown placeholder",
            "{{ }}",
            id="format",
        ),
        pytest.param(
            "nl.toml",
            '[page]\nask_site = "a { b"',
            "page.ask_site:",
            "twice",
            id="brace",
        ),
        pytest.param(
            "nl.toml", 'direction = "up"', "direction = 'up'", '"rtl"', id="direction"
        ),
        pytest.param(
            "fr.toml",
            'direction = "ltr"',
            "texts are missing",
            "add: status.400.heading, ",
            id="incomplete",
        ),
    ],
)
def test_mistake_is_named_with_its_cure(
    folder: Path, name: str, text: str | bytes, message: str, hint: str
) -> None:
    """The message names the file, the text, and the remedy."""
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    error = refused(folder)

    assert str(folder / name) in str(error)
    assert message in str(error)
    assert hint in error.hint


def test_missing_folder_is_an_error(folder: Path) -> None:
    """Texts that the operator asked for are never replaced silently."""
    assert "cannot read the texts" in str(refused(folder / "nowhere"))
    (folder / "nl.toml").mkdir()
    assert "cannot read" in str(refused(folder))


def test_unknown_language_is_an_error(folder: Path) -> None:
    """The default must be an available language."""
    error = refused(folder, language="nederlands")

    assert "'nederlands'" in str(error)
    assert "en, nl" in error.hint


def test_leftovers_of_editors_and_mounts_are_no_texts(folder: Path) -> None:
    """Kubernetes mounts a hidden folder beside the files, and editors leave copies."""
    (folder / "..data").mkdir()
    (folder / "nl.toml~").write_text("old")

    assert texts.load(folder) == texts.load()


def test_wordings_of_the_same_texts_are_equal(folder: Path) -> None:
    """A reload can tell whether anything has changed."""
    (folder / PAGE_FILE).write_text(PAGE)

    assert texts.load(folder) == texts.load(folder)
    assert texts.load(folder) != texts.load()
    assert texts.load(objection="a") != texts.load(objection="b")


@pytest.mark.parametrize("accept", ["*/*", BROWSER])
@pytest.mark.parametrize("language", ["en", "nl"])
def test_replaced_rejections_are_alike_whatever_the_reason(
    folder: Path, accept: str, language: str
) -> None:
    """In the operator's texts too, every policy rejection has the same bytes."""
    (folder / "nl.toml").write_text('[status.403]\ntext = "Helaas."\n')
    (folder / PAGE_FILE).write_text(PAGE)
    wording = texts.load(folder, objection="o", report="r")
    reasons = [None, *(reason for reason in Reason if reason not in REFUSALS)]
    bodies = {
        told(wording, language, accept=accept, reason=reason) for reason in reasons
    }

    assert len(bodies) == 1
    assert ID.encode() in bodies.pop()
