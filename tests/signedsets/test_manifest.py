"""The manifest of a signed set, and the files to read for the newest one."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.errors import HashSetFormatError
from uploadfilter.signedsets.manifest import (
    Delta,
    FetchPlan,
    Full,
    Manifest,
    histogram,
    parse,
    paths,
    plan,
    written,
)


def manifest(full: int = 3, first: int = 2, last: int = 5, **more: Any) -> Manifest:  # noqa: ANN401
    """Make a manifest with deltas from one number to another."""
    return Manifest(
        **{
            "format": 1,
            "set": "unit7",
            "issuer": "A police unit",
            "sequence": last,
            "entries": 2,
            "categories": {"1": 2},
            "full": Full(sequence=full, shards=1, entries=2),
            "deltas": tuple(
                Delta(older=n, to=n + 1, operations=1) for n in range(first, last)
            ),
            **more,
        }
    )


def test_writing_is_read_again_and_always_the_same() -> None:
    """Equal manifests give equal bytes, and reading gives the same manifest."""
    one = manifest()

    assert parse(written(one)) == one
    assert written(one) == written(parse(written(one)))


@pytest.mark.parametrize(
    ("have", "wanted"),
    [
        (5, FetchPlan(paths=(), is_full=False)),
        (4, FetchPlan(paths=("delta/4-5.jsonl.gz",), is_full=False)),
        (
            2,
            FetchPlan(
                paths=tuple(f"delta/{n}-{n + 1}.jsonl.gz" for n in (2, 3, 4)),
                is_full=False,
            ),
        ),
        (
            1,
            FetchPlan(
                paths=(
                    "full/3/all.jsonl.gz",
                    "delta/3-4.jsonl.gz",
                    "delta/4-5.jsonl.gz",
                ),
                is_full=True,
            ),
        ),
    ],
    ids=["newest", "one_behind", "three_behind", "gap"],
)
def test_deltas_lead_to_the_newest_or_a_full_set_does(
    have: int, wanted: FetchPlan
) -> None:
    """An operator with a number that is served reads deltas; others read a full set."""
    assert plan(manifest(), have) == wanted
    assert plan(manifest(), None) == plan(manifest(), 1)


@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_plan_always_arrives(first: int, back: int, on: int, have: int) -> None:
    """Each file follows the one before, and the last one is the newest."""
    full, last = first + back, first + back + on
    found = plan(manifest(full=full, first=first, last=last), have or None)

    at = full if found.is_full else have
    for path in found.paths:
        if path.startswith("delta/"):
            older, newer = path[6:].split(".")[0].split("-")
            assert int(older) == at
            at = int(newer)
    assert at == last


def test_every_file_is_listed_once() -> None:
    """A set consists of its full set and all deltas."""
    found = paths(manifest())

    assert len(set(found)) == len(found) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"set": "../unit7"},
        {"issuer": "unit\n7"},
        {"issuer": ""},
        {"sequence": 0},
        {"sequence": 2**60},
        {"entries": -1},
        {"entries": 10**12},
        {"full": {"sequence": 9, "shards": 1, "entries": 2}},
        {"full": {"sequence": 3, "shards": 2, "entries": 2}},
        {"full": {"sequence": 3, "shards": 10**9, "entries": 2}},
        {"full": {"sequence": 1, "shards": 1, "entries": 2}},
        {"deltas": []},
        {"deltas": [{"from": 4, "to": 4, "operations": 1}]},
        {"deltas": [{"from": 3, "to": 5, "operations": 1}]},
        {"deltas": [{"from": 0, "to": 1, "operations": 1}]},
        {"categories": {str(n): 1 for n in range(1001)}},
        {"categories": ["1"]},
    ],
)
def test_manifest_that_cannot_be_acted_on_is_refused(change: dict[str, Any]) -> None:
    """Wrong names, numbers, counts and chains are refused when they are read."""
    shape = msgspec.json.decode(written(manifest())) | change

    with pytest.raises(HashSetFormatError, match="manifest"):
        parse(msgspec.json.encode(shape))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    """Any bytes are a manifest or lead to a format error."""
    with pytest.raises(HashSetFormatError):
        parse(data)


def test_histogram_begins_with_the_most_frequent() -> None:
    """People choose categories from a list that begins with the most frequent ones."""
    assert histogram({"a": 1, "b": 3, "c": 1}) == [("b", 3), ("a", 1), ("c", 1)]
