"""Tests of uploadfilter.forms.rendering."""

import re
import string

import pytest

from uploadfilter.forms import rendering
from uploadfilter.forms.cases import ObjectionState


def names(language: str) -> dict[str, frozenset[str]]:
    """Return the names of all texts, each with its placeholders."""
    return {
        f"{section}.{name}": frozenset(
            field for _, field, _, _ in string.Formatter().parse(text) if field
        )
        for section in ("page", "objection", "state", "reasons", "notice")
        for name, text in rendering.texts_of(language, section).items()
    }


def test_languages_have_the_same_texts() -> None:
    """Nobody reads half a page in a foreign language."""
    first, *others = [names(language) for language in rendering.LANGUAGES]

    assert all(other == first for other in others)
    assert {f"state.{state}" for state in ObjectionState} < set(first)


@pytest.mark.parametrize(
    ("accepted", "wanted", "expected"),
    [
        ("nl-NL,nl;q=0.9,en;q=0.8", "", "nl"),
        ("fr", "", "en"),
        ("en", "nl", "nl"),
        ("nl", "xx", "nl"),
        ("", "", "en"),
    ],
)
def test_language_is_the_chosen_or_the_accepted_one(
    accepted: str, wanted: str, expected: str
) -> None:
    """What the reader chose on a page comes first."""
    assert rendering.choose_language(accepted, wanted) == expected


def test_everything_is_escaped() -> None:
    """Texts of uploaders and reviewers are no markup."""
    page = rendering.render(
        "told",
        language="en",
        title="<t>",
        texts=rendering.texts_of("en", "objection"),
        lines=["<l>"],
        problem="<q>",
        languages=(),
        reasons=["<r>"],
        answer="<a>",
        unsent="<u>",
        rights="",
        decision="<d>",
        code="<c>",
        code_groups=["<c>"],
        back="objection",
        back_words="<b>",
    )

    assert not re.search(r"<[tlducqr]>", page)


def test_code_is_shown_in_groups() -> None:
    """Four digits each."""
    assert rendering.split_code("0123456789") == ["0123", "4567", "89"]
    assert b"prefers-color-scheme" in rendering.load_style("forms.css")
    assert ("nl", "Nederlands") in rendering.language_names()
