"""The words of a report."""

import tomllib
from importlib import resources

import pytest

from uploadfilter.reporting.gathered import (
    LogLack,
)
from uploadfilter.reporting.page.words import LANGUAGES, ReportWords


def _texts(language: str) -> dict[str, object]:
    path = resources.files("uploadfilter.reporting.page") / f"{language}.toml"
    return tomllib.loads(path.read_text("utf-8"))


def _keys(texts: dict[str, object]) -> set[str]:
    return {
        f"{name}.{key}"
        for name, value in texts.items()
        for key in (value if isinstance(value, dict) else [""])
    }


def test_languages_have_the_same_texts() -> None:
    """No language lacks a text that another one has."""
    assert len({frozenset(_keys(_texts(it))) for it in LANGUAGES}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_lack_has_words(language: str) -> None:
    """Whatever a log lacks can be said in each language."""
    words = ReportWords(language)

    assert all(words.of("lacks", it, number=1, detail="x") for it in LogLack)


@pytest.mark.parametrize(
    ("value", "english", "dutch"),
    [
        (1234567, "1,234,567", "1.234.567"),
        (0.5, "0.5", "0,5"),
        (0, "0", "0"),
        (1.5e-9, "1.5e-09", "1,5e-09"),
        (1234.5, "1,234", "1.234"),
    ],
)
def test_numbers_are_written_as_people_do(
    value: float, english: str, dutch: str
) -> None:
    """Thousands and decimals are marked as the language does."""
    assert ReportWords("en").number(value) == english
    assert ReportWords("nl").number(value) == dutch
