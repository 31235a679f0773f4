"""The parts of a page."""

from dataclasses import replace

import pytest

from uploadfilter.contents.kinds.families import FileFamily
from uploadfilter.rejections import Outcome
from uploadfilter.web.answering import texts
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.answering.answers import problem
from uploadfilter.web.answering.wording import Page

ID = "20261125-0123456789abcdef0123"


@pytest.fixture
def page() -> Page:
    """Return a rejection."""
    catalogue = texts.load().catalogues["en"]
    return problem(
        catalogue, Answer(outcome=Outcome.REJECTED, status=403), decision_id=ID
    )


def test_id_is_read_out_in_groups(page: Page) -> None:
    """Groups have four characters each, and together they are the id."""
    assert page.decision_groups[:3] == ["2026", "1125-", "0123"]
    assert "".join(page.decision_groups) == ID


@pytest.mark.parametrize(
    ("place", "is_link"),
    [
        ("https://site.example/a?b=1", True),
        ("mailto:abuse@site.example", True),
        ("tel:+31201234567", True),
        ("javascript:alert(1)", False),
        ("https://site.example/ or by post", False),
        ("", False),
    ],
)
def test_only_addresses_are_links(page: Page, place: str, *, is_link: bool) -> None:
    """A text is shown, an address can be followed."""
    page = replace(page, objection=place, report=place)
    link = place if is_link else ""

    assert (page.objection_link, page.report_link) == (link, link)


def test_language_of_a_client_is_looked_up() -> None:
    """The catalogue that fits, or the default."""
    wording = texts.load(language="nl")

    assert wording.catalogue("en-GB").language == "en"
    assert wording.catalogue("fr").language == "nl"


def test_what_is_accepted_is_named_in_each_language() -> None:
    """The families stand in their usual order; without words the status says it."""
    families = {FileFamily.VIDEOS, FileFamily.PICTURES}
    english, dutch = (texts.load().catalogues[tag] for tag in ("en", "nl"))
    other = replace(dutch, details={})

    assert english.accepted(families) == "Accepted here: pictures, videos."
    assert dutch.accepted(families) == "Hier geaccepteerd: afbeeldingen, video's."
    assert other.accepted(families) == ""


def test_detail_without_words_is_empty() -> None:
    """English details are the texts themselves; other languages need their own."""
    english, dutch = texts.load().catalogues.values()

    assert english.detail("Two lengths.") == "Two lengths."
    assert dutch.detail("Two lengths.") == ""
