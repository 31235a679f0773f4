"""Sorting very many digests in little memory."""

from random import Random

import pytest

from uploadfilter.knowngood import digests
from uploadfilter.knowngood.digests import DigestSorter


@pytest.mark.parametrize("held", [1, 64, 1 << 20])
@pytest.mark.parametrize("width", [16, 20])
def test_each_comes_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, held: int, width: int
) -> None:
    """The result equals a sorted set, also with files, and with zeros at the ends."""
    monkeypatch.setattr(digests, "_HELD_BYTES", held)
    random = Random(held * width)  # noqa: S311 - no secret
    made = [random.randbytes(width) for _ in range(500)]
    made += [it[:-2] + b"\0\0" for it in made[:50]] + made[:100] + [bytes(width)]
    with DigestSorter(width) as sorter:
        for digest in made:
            sorter.add(digest)
        count = sorter.counted()
        found = b"".join(sorter.sorted())

    assert found == b"".join(sorted(set(made)))
    assert count == len(set(made))


def test_nothing_gives_nothing() -> None:
    """Without digests the result is empty."""
    with DigestSorter(16) as sorter:
        assert b"".join(sorter.sorted()) == b""
        assert sorter.counted() == 0
