"""A page of the operator's is rendered in every case before anybody sees it."""

from pathlib import Path

import pytest

from uploadfilter.errors import ConfigError
from uploadfilter.rejections import Outcome
from uploadfilter.web.answering import layouts, texts
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.answering.answers import problem
from uploadfilter.web.answering.wording import Page

ID = "20261125-0123456789abcdef0123"
PATH = Path("answer.html")
GOOD = """<html lang="{{ page.language }}"><h1>{{ page.heading }}</h1>
{{ page.decision }}{{ page.objection }}{{ page.report }}"""


def render(source: str, *, objection: str = "") -> str:
    """Return a rejection on a page of the operator's."""
    wording = texts.load(objection=objection)
    template = layouts.own(PATH, source, wording.catalogues.values())
    return template.render(page=rejection(objection=objection))


def rejection(*, objection: str = "") -> Page:
    """Return a rejection in English."""
    catalogue = texts.load(objection=objection).catalogues["en"]
    return problem(
        catalogue, Answer(outcome=Outcome.REJECTED, status=403), decision_id=ID
    )


def test_own_page_takes_the_place_of_ours() -> None:
    """Values are escaped in any template."""
    page = render(GOOD, objection="<b>us</b>")

    assert "<h1>Upload not accepted</h1>" in page
    assert "&lt;b&gt;us&lt;/b&gt;" in page


def test_own_page_can_extend_ours() -> None:
    """A header, a footer or a colour does not need a whole page of the operator's."""
    page = render(
        '{% extends "built-in.html" %}{% block top %}<header>X</header>{% endblock %}'
        "{% block style %}a { color: red }{% endblock %}"
        "{% block bottom %}<footer>Y</footer>{% endblock %}"
    )
    ours = layouts.built_in().render(page=rejection())

    for piece in ("<header>X</header>", "a { color: red }", "<footer>Y</footer>"):
        assert page.count(piece) == 1
        page = page.replace(piece, "")
    assert page == ours


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("\n{% if %}", "line 2", id="syntax"),
        pytest.param(
            GOOD + "{{ page.reason }}", "page has no field 'reason'", id="field"
        ),
        pytest.param(GOOD + "{{ request.path }}", "'request' is undefined", id="name"),
        pytest.param(GOOD + "{{ 1 / 0 }}", "division by zero", id="arithmetic"),
        pytest.param(GOOD + "{{ page.status + 'x' }}", "unsupported", id="type"),
        pytest.param(GOOD + "{{ page.texts.nothing }}", "'nothing'", id="text"),
        pytest.param(
            GOOD + "{% if page.status == 503 %}{{ nobody }}{% endif %}",
            "'nobody' is undefined",
            id="rare",
        ),
        pytest.param(
            GOOD + "{{ page.heading|safe }}", "filter named 'safe'", id="safe"
        ),
        pytest.param(GOOD + "{{ [1, 2]|random }}", "named 'random'", id="random"),
        pytest.param(GOOD + "{{ lipsum() }}", "'lipsum' is undefined", id="lipsum"),
        pytest.param(GOOD + '{% include "en.toml" %}', "en.toml", id="file"),
        pytest.param(GOOD + "{{ ''.__class__.__mro__ }}", "'__class__'", id="insides"),
        pytest.param(GOOD.replace("{{ page.decision }}", ""), "page.decision", id="id"),
        pytest.param(GOOD.replace("{{ page.report }}", ""), "page.report", id="report"),
        pytest.param(
            GOOD.replace("{{ page.objection }}", ""), "page.objection", id="objection"
        ),
        pytest.param(GOOD.replace("heading", "text"), "page.heading", id="heading"),
        pytest.param(GOOD.replace("page.language", "'en'"), "language", id="language"),
        pytest.param(
            GOOD + "{% autoescape false %}<b>{{ page.texts.can_object }}"
            "{% endautoescape %}",
            "autoescape",
            id="unescaped",
        ),
    ],
)
def test_page_that_cannot_serve_is_refused(source: str, message: str) -> None:
    """The message names the file and the fault."""
    with pytest.raises(ConfigError) as caught:
        render(source)

    assert str(PATH) in str(caught.value)
    assert message in f"{caught.value} {caught.value.hint}"
