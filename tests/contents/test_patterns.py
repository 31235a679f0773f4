"""Patterns are found wherever they stand, in any bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.patterns import Patterns, build_all, none_of, one_of

EXPRESSIONS = ("ab", "^b", r"\xff.a", "[ab]{3}", "a|b\n")


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"\n", b"\0", b"\xff"])))
def test_patterns_are_found_as_by_a_usual_engine(pieces: list[bytes]) -> None:
    """Each of them is told once."""
    text = b"".join(pieces)
    expected = {
        number
        for number, expression in enumerate(EXPRESSIONS)
        if re.search(expression.encode(), text, re.DOTALL)
    }

    assert Patterns(EXPRESSIONS).numbers_in(text) == expected


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"\xff"])))
def test_every_place_is_told(pieces: list[bytes]) -> None:
    """By where a pattern ends, in the order of the bytes."""
    text = b"".join(pieces)
    found = Patterns(["ab", "b"], every=True).places_in(text)
    ends = [at + 1 for at in range(len(text)) if text[at : at + 1] == b"b"]
    pairs = [(at, 0) for at in ends if text[at - 2 : at] == b"ab" and at > 1]

    assert sorted(found) == sorted([*pairs, *((at, 1) for at in ends)])
    assert [end for end, _ in found] == sorted(end for end, _ in found)


@given(
    pieces=st.lists(st.sampled_from([b"a", b"b", b"ab", b"\xff"])),
    most=st.integers(0, 9),
)
def test_search_ends_after_one_more_than_the_most(
    pieces: list[bytes], most: int
) -> None:
    """So that the caller knows that there are more, and does not pay for them."""
    text = b"".join(pieces)
    patterns = Patterns(["ab", "b"], every=True)

    assert patterns.places_in(text, most=most) == patterns.places_in(text)[: most + 1]


@pytest.mark.parametrize("members", [b"]", b"^-\\", b"a\0\xff", b"\n"])
def test_sets_hold_their_bytes_alone(members: bytes) -> None:
    """Whatever these mean in a pattern."""
    every = bytes(range(256))

    assert bytes(re.findall(one_of(members).encode(), every)[0]) in members
    assert b"".join(re.findall(none_of(members).encode(), every)) == every.translate(
        None, members
    )


def test_automata_of_another_process_find_the_same() -> None:
    """They are taken as they are, under a name that tells what they find."""
    first, second = Patterns(EXPRESSIONS), Patterns(EXPRESSIONS)
    serialized = first.build()

    assert second.key == first.key
    assert second.build(serialized) is serialized
    assert second.numbers_in(b"ab\xff.a\n") == first.numbers_in(b"ab\xff.a\n") != set()


@pytest.mark.parametrize(
    "serialized", [b"", b"\0" * 64, None], ids=["nothing", "damaged", "absent"]
)
def test_automata_that_the_library_does_not_take_are_built(
    serialized: bytes | None,
) -> None:
    """No pattern is without automata."""
    patterns = Patterns(["ab"])

    assert len(patterns.build(serialized)) > len(serialized or b"")
    assert patterns.numbers_in(b"xab") == {0}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Patterns(["ab"], every=True), id="each-match"),
        pytest.param(Patterns(["ab", "b"]), id="more"),
        pytest.param(Patterns(["a", "b"]), id="cut"),
        pytest.param(Patterns(["b", "ab"]), id="order"),
    ],
)
def test_what_finds_something_else_has_another_name(other: Patterns) -> None:
    """Automata are never taken for those of other patterns."""
    keys = {other.key, Patterns(["ab"]).key, Patterns(["ab", "bb"]).key}

    assert len(keys) == 3


def test_all_patterns_of_a_process_are_built() -> None:
    """Those that another process knows are not built again."""
    patterns = Patterns(["abc"])
    known = build_all({})
    again = build_all(known)

    assert again[patterns.key] is known[patterns.key]
    assert again == known
