"""Streams of a document are found by their numbers, or that these cannot be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.pdf.streams import is_repairable, stream_numbers
from uploadfilter.contents.source import MemorySource


def numbers(file: bytes) -> list[tuple[int, int] | None]:
    """Return the numbers of the streams in a file."""
    return list(stream_numbers(MemorySource(file)))


ONE = b"7 0 obj<</A/B>>stream\ndata\nendstream endobj\n"


@pytest.mark.parametrize(
    ("file", "found"),
    [
        pytest.param(ONE, [(7, 0)], id="one"),
        pytest.param(ONE * 2, [(7, 0), (7, 0)], id="twice"),
        pytest.param(b"007\0\r\n12  obj\t<<>> stream ", [(7, 12)], id="blanks"),
        pytest.param(b"7 0 obj<</A/Kobj/B(5 obj)>>stream\n", [(7, 0)], id="in-between"),
        pytest.param(b"7 0 obj<<>>endobj", [], id="no-stream"),
        pytest.param(b"7 0 obj(streams)endobj", [], id="longer-word"),
        pytest.param(b"7 %x\n0 obj<<>>stream\n", [None], id="comment-between"),
        pytest.param(b"7 0 obj" + bytes(70_000) + b"stream\n", [None], id="far-off"),
        pytest.param(
            b"7 0 obj<</A (obj)" + b"obj " * 9 + b">>stream ", [None], id="many"
        ),
        pytest.param(b"0 0 obj stream\n", [None], id="number-zero"),
        pytest.param(b"9999999999999 0 obj stream\n", [None], id="long-number"),
        pytest.param(b"stream\n", [None], id="no-number"),
        pytest.param(b"7 0 obj<<>>endobj stream\n", [None], id="after-an-end"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_numbers_are_read_like_this(
    file: bytes, found: list[tuple[int, int] | None]
) -> None:
    """Where data begin, the number before them counts, or none can be told."""
    assert numbers(file) == found


@given(places=st.lists(st.integers(0, 600_000), min_size=1, max_size=5))
def test_streams_are_found_across_windows(places: list[int]) -> None:
    """However far apart, each stream is found once."""
    file = b"".join(bytes(place) + ONE for place in places)

    assert numbers(file) == [(7, 0)] * len(places)


def test_documents_of_very_many_objects_are_not_repaired() -> None:
    """A repair reads every object; a document with too many stays damaged."""
    assert is_repairable(MemorySource(ONE * 1000))
    assert not is_repairable(MemorySource(ONE * 50_001))
