"""Patterns are found wherever they stand, in any bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.patterns import Patterns, none_of, one_of

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
