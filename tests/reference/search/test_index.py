"""The linear scan finds the same as its slow twin."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.matchers import check_agrees, check_matcher, flipped, pairs
from uploadfilter.reference.search import index
from uploadfilter.reference.search.index import LinearIndex, lanes_of, reference_search


def make(values: Sequence[bytes], width: int) -> LinearIndex:
    """Make the index under test."""
    return LinearIndex(lanes_of(b"".join(values), width))


@pytest.mark.parametrize(("width", "limit"), [(32, 48), (8, 12)])
def test_linear_index_conforms(width: int, limit: int) -> None:
    """The linear scan passes the suite of every index."""
    check_matcher(make, width=width, limit=limit)


@pytest.mark.parametrize(
    "width",
    [
        8,
        pytest.param(16, marks=pytest.mark.slow),
        pytest.param(24, marks=pytest.mark.slow),
        32,
    ],
)
@given(data=st.data())
def test_linear_index_agrees_with_its_twin(data: st.DataObject, width: int) -> None:
    """For any values, queries and thresholds, the same pairs are found."""
    centre = data.draw(st.binary(min_size=width, max_size=width))
    flips = st.sets(st.integers(0, width * 8 - 1), max_size=60)
    near = flips.map(lambda bits: flipped(centre, sorted(bits)))
    anything = st.sampled_from([bytes(width), b"\xff" * width, centre]) | near
    values = data.draw(st.lists(anything, max_size=20))
    asked = data.draw(st.lists(st.tuples(anything, st.integers(0, 48)), max_size=6))

    check_agrees(
        make,
        values,
        [value for value, _ in asked],
        [threshold for _, threshold in asked],
        width=width,
    )


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("extra", [-1, 0, 1, 7])
def test_tile_borders_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, extra: int, queries: int
) -> None:
    """Rows to either side of the border of a tile are found, in any batch."""
    monkeypatch.setattr(index, "TILE_PAIRS", 16)
    values = [bytes([n % 5]) + bytes(31) for n in range(48 + extra)]

    check_agrees(make, values, values[:queries], [1] * queries, width=32)


@pytest.mark.parametrize("threshold", [0, 31, 127, 128, 200, 255, 256, 1000])
def test_any_threshold_is_kept(threshold: int) -> None:
    """Thresholds above the bits of two lanes work as well."""
    values = [flipped(bytes(32), range(n)) for n in range(257)]
    found = pairs(make(values, 32).search([bytes(32)], [threshold]), 1)

    assert found == [reference_search(values, bytes(32), threshold)]


def test_negative_threshold_finds_nothing() -> None:
    """Two values never differ in fewer than zero bits."""
    values = [bytes(32)]

    assert pairs(make(values, 32).search([bytes(32)], [-1]), 1) == [[]]


def test_lanes_keep_the_order_of_bits() -> None:
    """Lane 0 holds the most significant 64 bits of each value."""
    value = bytes(range(16))
    high, low = lanes_of(value + bytes(16), 16)

    assert high.tolist() == [int.from_bytes(value[:8]), 0]
    assert low.tolist() == [int.from_bytes(value[8:]), 0]


@pytest.mark.parametrize(("length", "width"), [(33, 32), (12, 12), (7, 8)])
def test_lanes_refuse_parts_of_values(length: int, width: int) -> None:
    """Cut-off values, or lengths that are not a multiple of a lane, are an error."""
    with pytest.raises(ValueError, match="are not values of"):
        lanes_of(bytes(length), width)


def test_search_refuses_a_query_of_another_width() -> None:
    """Two PDQ values are not taken for eight pHash ones."""
    linear = make([bytes(8)], 8)

    with pytest.raises(ValueError, match="not as wide"):
        linear.search([bytes(32)], [0])
    with pytest.raises(ValueError, match="2 thresholds"):
        linear.search([bytes(8)], [0, 1])


def test_index_searches_mapped_memory_in_place() -> None:
    """Read-only arrays, as a mapped file gives them, are searched without a copy."""
    lane = np.frombuffer(bytes(8 * 100), dtype=np.uint64)
    linear = LinearIndex([lane])

    assert not lane.flags.writeable
    assert len(pairs(linear.search([bytes(8)], [0]), 1)[0]) == 100


def test_threads_share_an_index() -> None:
    """Searches at the same time do not disturb each other."""
    values = [bytes([n]) + bytes(31) for n in range(256)]
    linear = make(values, 32)
    expected = {value: reference_search(values, value, 2) for value in values}
    wrong: list[bytes] = []

    def search(mine: Sequence[bytes]) -> None:
        wrong.extend(
            value
            for value in mine
            if pairs(linear.search([value], [2]), 1) != [expected[value]]
        )

    threads = [
        threading.Thread(target=search, args=(values[start::4],)) for start in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
