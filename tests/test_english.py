"""Faults of English that can be counted (docs/house-style.md, "Plain English").

Each fault has a limit. A limit only goes down, and 0 stays 0: rewrite the sentence
instead of raising the limit.
"""

import re
from pathlib import Path

import pytest

from tests.repository import name_of, pages, python_files

QUOTES_FAULTS = frozenset({"docs/house-style.md", "tests/test_english.py"})
"""Files that show the faults on purpose."""

CLAUSE = "what is/was/are/were ..."

FAULTS = {
    "whoever": re.compile(r"\b[Ww]hoever\b"),
    "but for": re.compile(r"\b[Bb]ut for\b(?! (?:example|instance|how long)\b)"),
    "is none": re.compile(
        r"(?<!\bthere )(?<!\bThere )(?<!\bdefault )\b(?:is|are) none\b(?! of\b)"
    ),
    "truths": re.compile(r"\bnumbers and truths\b|\btruths\b"),
    "at home": re.compile(r"\bat home\b"),
    "bury": re.compile(r"\b[Bb]ur(?:y|ied|ies)\b"),
    CLAUSE: re.compile(
        r"\b[Ww]hat (?:is|was|are|were)\b(?! (?:not )?None\b)[^.?!:;]*+(?!\?)"
    ),
}
"""By name. A question that begins with "What is" is plain English."""

LIMITS = {
    "whoever": 0,
    "but for": 0,
    "is none": 0,
    "truths": 0,
    "at home": 0,
    "bury": 0,
    CLAUSE: 213,
}
"""How many of each fault the repository may have."""


def text_of(path: Path) -> str:
    """Return the text of a file for a reader: joined lines, without comment signs.

    A sentence may go on over lines of a docstring, a comment or a quoted message.
    """
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"[\"']\n\s*f?[\"']|\n\s*(?:#:? |> )?", " ", text)
    return re.sub(r"\s+", " ", text)


def faults_of(text: str) -> dict[str, list[str]]:
    """Return the faults of a text with some words around each, by name."""
    return {
        name: [text[max(0, m.start() - 30) : m.end() + 30] for m in found]
        for name, fault in FAULTS.items()
        if (found := list(fault.finditer(text)))
    }


def counted_files() -> list[Path]:
    """Return the files of the package, the docs, the tests and the benchmarks."""
    found = [*python_files(), *pages()]
    return [path for path in found if name_of(path) not in QUOTES_FAULTS]


def test_faults_do_not_become_more() -> None:
    """No fault occurs more often than its limit allows."""
    found: dict[str, list[str]] = {name: [] for name in FAULTS}
    for path in counted_files():
        for name, places in faults_of(text_of(path)).items():
            found[name] += [f"{name_of(path)}: ...{place}..." for place in places]
    too_many = {
        name: f"{len(places)} of at most {LIMITS[name]}: rewrite {places}"
        for name, places in found.items()
        if len(places) > LIMITS[name]
    }

    assert too_many == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Return what was\n    counted, by day.", [CLAUSE]),
        ("# It says what\n    # is stored.", [CLAUSE]),
        ('"Say what "\n    "was found."', [CLAUSE]),
        ("Ask whoever made it.", ["whoever"]),
        ("Always ACCEPT, but for a fault.", ["but for"]),
        ("ValueError: It is none.", ["is none"]),
    ],
)
def test_faults_are_found(text: str, expected: list[str], tmp_path: Path) -> None:
    """A fault is found where a line breaks, in a docstring, a comment or a message."""
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")

    assert list(faults_of(text_of(path))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "What is a view? See the glossary.",
        "if what is None:",
        "Return zero if there is none.",
        "It is none of these formats.",
        "Not for speed, but for example for order.",
    ],
)
def test_plain_sentences_are_no_faults(text: str) -> None:
    """Questions, code and honest sentences are not counted."""
    assert faults_of(text) == {}
