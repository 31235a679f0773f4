"""Words are found wherever they stand, as a search for each would find them."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.needles import Needles

BLOCK = 1 << 17


def slowly(words: list[bytes], data: bytes) -> list[tuple[int, int]]:
    """Look for each word at each offset."""
    return [
        (at, number)
        for at in range(len(data))
        for number, word in enumerate(words)
        if data.startswith(word, at)
    ]


@given(
    words=st.lists(
        st.lists(st.sampled_from(b"ab"), min_size=2, max_size=6).map(bytes),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    data=st.lists(st.sampled_from(b"ab\0"), max_size=60).map(bytes),
    before=st.sampled_from([0, 1200]),
)
def test_search_finds_what_the_slow_way_finds(
    words: list[bytes], data: bytes, before: int
) -> None:
    """However words overlap, repeat and end with the data, in short and in long."""
    data = b"\0" * before + data
    found = list(Needles(words).places_in(data))

    assert sorted(found) == slowly(words, data)
    assert [place.at for place in found] == sorted(place.at for place in found)


@given(before=st.integers(BLOCK - 8, BLOCK + 8), word=st.binary(min_size=3, max_size=9))
def test_borders_of_blocks_hide_nothing(before: int, word: bytes) -> None:
    """A word may lie in two blocks."""
    data = b"\x7f" * before + word

    assert (before, 0) in list(Needles([word]).places_in(data))
