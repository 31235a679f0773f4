"""The page of a report."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from typing_extensions import override

from tests.reporting.site import FIRST, last_day, write_site
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import By, Document, ReportChoices
from uploadfilter.reporting.gathered import (
    ReportDays,
)
from uploadfilter.reporting.gathering import (
    GatherOptions,
    gather,
)
from uploadfilter.reporting.page.rendering import data_in, page_of
from uploadfilter.reporting.page.words import LANGUAGES

DAYS = 7


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """Return the report of a site of a week, by day."""
    site = write_site(tmp_path_factory.mktemp("site"), days=DAYS, uploads=15)
    span = ReportDays(FIRST, FIRST + timedelta(days=DAYS))
    chosen = ReportChoices(
        first=FIRST, last=last_day(DAYS), by=By.DAY, least=5, title="<&> of Zoë"
    )
    logs = gather(site, span, GatherOptions())
    return compose(logs, chosen, program="1", made="2026-12-01")


class _Page(HTMLParser):
    """Collects what the tests ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def having(self, name: str) -> list[str]:
        """Return all values of an attribute."""
        return [str(it[name]) for _, it in self.tags if name in it]


def _parsed(page: str) -> _Page:
    found = _Page()
    found.feed(page)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_needs_nothing_else(document: Document, language: str) -> None:
    """It loads nothing, runs no script, and every link leads to a place on it."""
    chosen = replace(document.chosen, language=language)
    page = page_of(replace(document, chosen=chosen))
    found = _parsed(page)
    scripts = [it for tag, it in found.tags if tag == "script"]
    links = found.having("href")

    assert [it["type"] for it in scripts] == ["application/json"]
    assert found.having("src") == []
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(found.having("id"))
    assert "default-src 'none'" in page


def test_ids_are_unique_and_drawings_are_described(document: Document) -> None:
    """Each drawing has a title and a description, which it names."""
    found = _parsed(page_of(document))
    ids = found.having("id")
    drawings = [it for tag, it in found.tags if tag == "svg"]

    assert len(ids) == len(set(ids))
    assert len(drawings) == 2  # matches of days are hidden
    for it in drawings:
        assert it["role"] == "img"
        assert set(str(it["aria-labelledby"]).split()) <= set(ids)


def test_foreign_text_is_escaped(document: Document) -> None:
    """A title that looks like markup is text, in the page and in its data."""
    page = page_of(document)

    assert "<h1>&lt;&amp;&gt; of Zoë</h1>" in page
    assert "<&>" not in page


def test_page_holds_its_document(document: Document) -> None:
    """The document can be read back from the page."""
    page = page_of(document)

    assert msgspec.json.decode(data_in(page), type=Document) == document
    with pytest.raises(ValueError, match="no report"):
        data_in(page.replace('id="report"', ""))
    with pytest.raises(ValueError, match="no report"):
        data_in(page + page)


def test_every_row_names_its_query(document: Document) -> None:
    """Each table row links to the text of its query, except rows of periods."""
    page = page_of(document)
    rows = re.findall(r'<th scope="row">(.*?)</th>', page)
    linked = [row for row in rows if row.startswith('<a href="#q-')]

    assert len(linked) > 30
    assert all(f'href="#{link}"' in page for link in ("q-matched", "q-alone_md5"))


def test_same_document_is_the_same_page(document: Document) -> None:
    """A page has nothing of the clock or the machine in it."""
    assert page_of(document) == page_of(document)


def test_hidden_figures_are_words_not_numbers(document: Document) -> None:
    """A hidden figure is said to be hidden."""
    assert '<td class="number hidden">hidden</td>' in page_of(document)


def test_page_is_written_to_be_looked_at(document: Document, tmp_path: Path) -> None:
    """The page is one file in UTF-8."""
    path = tmp_path / "report.html"
    path.write_text(page_of(document), "utf-8")

    assert path.read_bytes().decode("utf-8").startswith("<!DOCTYPE html>")
