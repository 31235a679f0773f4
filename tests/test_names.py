"""One name for one thing: public classes, and the words that the glossary rules.

A class is found by its name: in a traceback, in a search, in a talk. Two classes of one
name with two meanings cost every reader a second look.
"""

import ast
import re
from collections import defaultdict
from functools import cache

import pytest

from tests.repository import name_of, package_modules, parse

SAME_THING = {
    "By": "the account that made a change, as the journal and as the log hold it",
    "Change": "a change of the reference set; the log adds changes of settings",
    "Log": "the part of the decision log that a caller needs, in two rooms",
    "Reference": "the part of the reference set that a caller needs, in two rooms",
}
"""Public classes of the same name that mean the same thing, and which thing that is."""

RULED = {
    "Frame": {"Frame", "Frames", "APNGFrame", "GIFFrame", "ChosenFrames"},
    "Candidate": {"Candidate", "NearCandidate"},
    "Template": {"Template"},
    "Tally": {"Tally"},
    "Problem": {"Problem", "ProblemCount", "ConfigProblem"},
    "Answer": {"Answer", "OriginAnswer"},
    "Walk": {"Walk", "WalkSettings", "Walker"},
    "Kind": {
        "Kind",
        "BodyKind",
        "ChangeKind",
        "MatchKind",
        "PlanKind",
        "ProcessKind",
        "RecordKind",
        "RequestKind",
    },
    "Format": {"Format", "ForeignFormat", "NamedFormat", "HashSetFormatError"},
}
"""Words of docs/glossary.md ("Words in class names"), and the public classes that have
them. Before you add a class here, read what the word stands for."""


@cache  # To parse the whole package takes seconds, and each word asks.
def public_classes() -> dict[str, list[str]]:
    """Return the modules of the package that define each public class, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in package_modules():
        for node in parse(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(name_of(path))
    return found


def test_public_class_names_stand_for_one_thing() -> None:
    """No public class name is defined twice, except for the same thing."""
    twice = {n: places for n, places in public_classes().items() if len(places) > 1}

    assert {n: places for n, places in twice.items() if n not in SAME_THING} == {}
    assert twice.keys() == SAME_THING.keys(), "an exception is not needed any more"


@pytest.mark.parametrize("word", list(RULED))
def test_ruled_words_are_used_as_ruled(word: str) -> None:
    """A class with a ruled word in its name is one that the word stands for."""
    pattern = re.compile(rf"{word}(?![a-z])|{word}(?:s|er|Settings)\b")
    using = {name for name in public_classes() if pattern.search(name)}

    assert using == RULED[word]
