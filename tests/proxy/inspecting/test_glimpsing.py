"""A glimpse tells which uploads are worth a search for altered copies."""

from dataclasses import replace

import pytest

from tests.conformance.generations import entry, pdq
from tests.conformance.matchers import flipped
from tests.reference.listed import ListedGeneration
from uploadfilter.model import EntryState, Match, Scan, SignalRow, SignalType, View
from uploadfilter.proxy.inspecting.glimpsing import MOST_GLIMPSED, is_promising

VALUE = bytes(range(32))
GENERATION = ListedGeneration({"s": [entry("1", pdq(VALUE))]})


def shown(*values: bytes, name: str = "stored", path: str = "0") -> Scan:
    """Return the scan of a content with a view for each value."""
    views = tuple(
        View(
            name=name,
            rows=(SignalRow(type=SignalType.PDQ, values=value),),
            plane=b"",
        )
        for value in values
    )
    return Scan(path=path, kind="png", size=1, views=views)


def apart(bits: int) -> bytes:
    """Return a value so many bits from the listed one."""
    return flipped(VALUE, range(bits))


FAR = apart(100)


@pytest.mark.parametrize(
    ("scan", "promises"),
    [
        pytest.param(shown(apart(60)), True, id="near"),
        pytest.param(shown(apart(61)), False, id="beyond"),
        pytest.param(shown(), False, id="no picture"),
        pytest.param(shown(FAR, apart(40)), True, id="second view"),
        pytest.param(shown(apart(40), name="alpha"), False, id="never shown"),
        pytest.param(
            shown(*[FAR] * MOST_GLIMPSED, apart(40)), False, id="one view too many"
        ),
    ],
)
def test_what_lies_near_an_entry_is_promising(scan: Scan, *, promises: bool) -> None:
    """The first views of an upload are looked at, as far as 60 bits."""
    assert is_promising(GENERATION, [scan], ()) is promises


def test_contents_that_match_are_not_looked_at() -> None:
    """Nothing else is searched for in them."""
    match = Match(
        content="0",
        set="s",
        entry="1",
        category="a",
        state=EntryState.ACTIVE,
        signal_type=SignalType.PDQ,
        distance=20,
        view="stored",
        quality=90,
    )
    scans = [shown(apart(20)), shown(FAR, path="1")]

    assert is_promising(GENERATION, scans, ())
    assert not is_promising(GENERATION, scans, (match,))
    assert is_promising(GENERATION, scans, (replace(match, content="1"),))
