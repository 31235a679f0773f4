"""Tests of uploadfilter.objecting.rendering."""

import re
import string

import pytest

from uploadfilter.objecting import rendering
from uploadfilter.objecting.cases import ObjectionState


def names(language: str) -> dict[str, frozenset[str]]:
    """Return the names of all texts, each with its placeholders."""
    return {
        f"{section}.{name}": frozenset(
            field for _, field, _, _ in string.Formatter().parse(text) if field
        )
        for section, texts in rendering.texts_of(language).items()
        for name, text in texts.items()
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
    assert rendering.language_of(accepted, wanted) == expected


def test_everything_is_escaped() -> None:
    """Texts of uploaders and reviewers are no markup."""
    page = rendering.page(
        "told",
        language="en",
        title="<t>",
        texts=rendering.texts_of("en")["objection"],
        lines=["<l>"],
        answer="<a>",
        unsent="<u>",
        rights="",
        decision="<d>",
        code="<c>",
        code_groups=["<c>"],
        back="objection",
        back_words="<b>",
    )

    assert not re.search(r"<[tlduc]>", page)


def test_code_is_shown_in_groups() -> None:
    """Four digits each."""
    assert rendering.groups_of("0123456789") == ["0123", "4567", "89"]
    assert b"prefers-color-scheme" in rendering.style()
    assert ("nl", "Nederlands") in rendering.names_of_languages()
