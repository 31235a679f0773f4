"""Lines taken together give the same as one by one."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hashsets.blocks import entries_in
from uploadfilter.hashsets.lines import shortlines as module
from uploadfilter.hashsets.lines.jsonlines import parse_line
from uploadfilter.hashsets.lines.shortlines import blocks_of, parse_block
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import Entry, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def good(number: int) -> dict[str, object]:
    """Return the fields of a plain line."""
    rng = random.Random(number)  # noqa: S311 - a test needs a repeatable choice
    return {
        "id": f"p-{number}",
        "category": "AB"[number % 2],
        "sha256": rng.randbytes(32).hex(),
        "pdq": rng.randbytes(32).hex(),
        "pdq_quality": 87,
        "phash": rng.randbytes(8).hex(),
    }


ODD: list[dict[str, object]] = [
    {},
    {"id": "é" * 60},
    {"id": ""},
    {"id": 7},
    {"id": "x" * 129},
    {"id": "a\nb"},
    {"category": "C"},
    {"category": None},
    {"category": "(x)"},
    {"category": "x" * 65},
    {"exact_only": True},
    {"exact_only": 1},
    {"pdq": None},
    {"pdq": ""},
    {"pdq": "0" * 64},
    {"pdq": "f" * 63},
    {"pdq": "g" * 64},
    {"pdq": " " + "1" * 63},
    {"pdq": "é" * 64},
    {"pdq": "ab" * 8},
    {"pdq_quality": None},
    {"pdq_quality": 0},
    {"pdq_quality": 100},
    {"pdq_quality": 101},
    {"pdq_quality": -1},
    {"pdq_quality": 10**30},
    {"pdq_quality": 50.0},
    {"pdq": None, "pdq_quality": 999},
    {"phash": "0000000000000001"},
    {"phash_quality": 30},
    {"sha256": None, "pdq": None, "phash": None},
    {"md5": EMPTY_MD5},
    {"md5": EMPTY_MD5, "sha256": None, "pdq": None, "phash": None},
    {"dhash": "f" * 16},
    {"ahash": "8" * 16, "whash": "A5" * 8},
    {"md5_quality": 3},
    {"unknown": 3},
    {"signals": [{"type": "md5", "value": "ab" * 16}]},
]
"""How lines may differ from a plain one, in ways that matter and ways that do not."""

TEXTS = [b"{", b"[]", b"7", b'{"id":"\xff"}', b'{"id":"\\ud800"}', b"null"]
LINES = st.lists(
    st.one_of(
        st.just({}),
        st.just({}),
        st.sampled_from(ODD),
        st.sampled_from(TEXTS),
    ),
    max_size=40,
)


def line_of(number: int, change: dict[str, object] | bytes) -> bytes:
    """Return a line, changed as asked."""
    if isinstance(change, bytes):
        return change
    return json.dumps(good(number) | change, ensure_ascii=number % 2 == 0).encode()


def together(
    lines: list[bytes], categories: frozenset[str] | None
) -> tuple[list[Entry], Tally]:
    """Return the result of lines taken together."""
    tally = Tally(lines=len(lines))
    block = list(enumerate(lines, start=1))
    entries: list[Entry] = []
    for item in parse_block(block, categories=categories, tally=tally):
        entries += entries_in(item) if isinstance(item, EntryBlock) else [item]
    return entries, tally


def one_by_one(
    lines: list[bytes], categories: frozenset[str] | None
) -> tuple[list[Entry], Tally]:
    """Return the result of lines one after the other."""
    tally = Tally()
    entries = []
    for line in lines:
        tally.lines += 1
        entry = parse_line(line, categories=categories, tally=tally)
        if entry is not None:
            entries.append(entry)
    return entries, tally


def shown(tally: Tally) -> tuple[object, ...]:
    """Return all counts, except for the order of equally frequent ones."""
    problems = sorted(tally.problems, key=lambda item: item.problem)
    counts = dict(tally.categories), dict(tally.ignored_fields)
    return tally.lines, tally.malformed, problems, counts


@pytest.mark.parametrize("fewest", [2, 16])
@pytest.mark.parametrize("categories", [None, frozenset("A"), frozenset("AB")])
@given(changes=LINES)
def test_blocks_give_what_lines_give(
    fewest: int,
    categories: frozenset[str] | None,
    changes: list[dict[str, object] | bytes],
) -> None:
    """Whatever the lines: the same entries in the same order, the same counts."""
    lines = [line_of(number, change) for number, change in enumerate(changes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEWEST_LINES", fewest)
        found, tally = together(lines, categories)
    wanted, counted = one_by_one(lines, categories)

    assert found == wanted
    assert shown(tally) == shown(counted)


@pytest.mark.parametrize("change", ODD, ids=str)
def test_one_odd_line_among_many_is_taken_as_it_is(change: dict[str, object]) -> None:
    """A line that differs changes nothing for its neighbours."""
    lines = [line_of(number, {}) for number in range(60)]
    lines[37] = line_of(37, change)
    found, tally = together(lines, frozenset("AB"))
    wanted, counted = one_by_one(lines, frozenset("AB"))

    assert found == wanted
    assert shown(tally) == shown(counted)


def test_plain_lines_come_as_one_block() -> None:
    """Usual lines need no object for each entry."""
    lines = [line_of(number, {}) for number in range(50)]
    tally = Tally(lines=50)
    (block,) = parse_block(
        list(enumerate(lines, start=1)), categories=frozenset("AB"), tally=tally
    )

    assert isinstance(block, EntryBlock)
    assert len(block) == 50
    assert set(block.signals) == {SignalType.SHA256, SignalType.PDQ, SignalType.PHASH}


def test_first_line_of_another_category_is_named() -> None:
    """Entries that are left out by category are counted with the line of the first."""
    lines = [line_of(2 * number, {}) for number in range(50)]
    lines[20:] = [line_of(2 * number + 1, {}) for number in range(20, 50)]
    _, tally = together(lines, frozenset("A"))
    (problem,) = tally.problems

    assert (problem.problem, problem.count, problem.first_line) == (
        Problem.CATEGORY,
        30,
        21,
    )


def test_blocks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of kept lines is bounded, for many lines and for long ones."""
    monkeypatch.setattr(module, "BLOCK_LINES", 3)
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    lines = [b"a", b"b", b"c", b"d", b"e" * 101, b"f", b"g"]

    assert list(blocks_of(enumerate(lines, start=1))) == [
        [(1, b"a"), (2, b"b"), (3, b"c")],
        [(4, b"d"), (5, b"e" * 101)],
        [(6, b"f"), (7, b"g")],
    ]
