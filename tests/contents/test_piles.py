"""Strings that are searched together give what each gives alone."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.effort import Effort, SpentError
from uploadfilter.contents.piles import Pile, from_base64, joined, pictures

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
GIF = b"GIF89a\1\0\1\0\0\0\0,"
NOISE = np.random.default_rng(3).integers(128, 200, 300, dtype=np.uint8).tobytes()


def plenty() -> Effort:
    """Return more than any pile here takes."""
    return Effort(1_000_000)


def alone(string: bytes) -> list[bytes]:
    """Return what begins with the first picture of a string, in each alignment."""
    found = []
    for skipped in range(4):
        data = from_base64(joined(string)[skipped:])
        first = next(pictures(data, plenty()), None)
        if first is not None:
            found.append(data[first:])
    return found


@given(
    st.lists(
        st.tuples(
            st.integers(0, 60),
            st.sampled_from([b"", PNG, GIF, PNG + GIF]),
            st.integers(0, 3),
        ),
        max_size=6,
    )
)
def test_pile_gives_what_its_strings_give(made: list[tuple[int, bytes, int]]) -> None:
    """Each string is told apart from its neighbours, to three bytes at its end."""
    strings = [
        b"x" * shift + base64.b64encode(NOISE[:before] + picture + NOISE).rstrip(b"=")
        for before, picture, shift in made
    ]
    pile = Pile(plenty())
    for string in strings:
        pile.add(string, is_known=False)
    together = sorted(pile.searched(is_last=True))
    expected = sorted(each for string in strings for each in alone(string))

    assert len(together) == len(expected)
    for one, other in zip(together, expected, strict=True):
        size = min(len(one), len(other))
        assert one[:size] == other[:size]
        assert abs(len(one) - len(other)) <= 3


def test_low_pile_is_not_searched_before_its_end() -> None:
    """A search has a price of its own."""
    pile = Pile(plenty())
    pile.add(base64.b64encode(PNG + NOISE[:2]), is_known=False)

    assert list(pile.searched()) == []
    assert len(list(pile.searched(is_last=True))) == 1
    assert list(pile.searched(is_last=True)) == []


def test_alignment_that_is_known_is_not_given_again() -> None:
    """What a string holds where it begins was given before."""
    pile = Pile(plenty())
    pile.add(base64.b64encode(PNG + NOISE[:2]), is_known=True)

    assert list(pile.searched(is_last=True)) == []


def test_flood_of_beginnings_ends() -> None:
    """Each candidate counts."""
    with pytest.raises(SpentError):
        list(pictures(PNG * 100, Effort(100)))


def test_more_beginnings_than_are_carved_are_said() -> None:
    """Whatever may be spent."""
    with pytest.raises(SpentError):
        list(pictures(b"\xff\xd8\xff\xe0" * 30_000, Effort(1_000_000)))
