"""Rows become entries, or say why they do not; together as one by one."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.hashsets.exporting import entries_of
from uploadfilter.hashsets.lines.rows import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    entries_of_rows,
    in_blocks,
    is_category,
)
from uploadfilter.hashsets.tally import NO_CATEGORY, Problem, Tally
from uploadfilter.model import Entry, EntrySignal, Geometry, Signal, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock

MD5 = "d131dd02c5e6eec4693d9a0698aff95c"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
PHASH = "a5c3d2e1f0b49687"


def parse(
    item: object, *, categories: frozenset[str] | None = None
) -> tuple[Entry | None, Tally]:
    """Parse one line, given as text or as a value to be encoded."""
    line = item if isinstance(item, str) else json.dumps(item)
    tally = Tally(lines=1)
    return parse_line(line.encode(), categories=categories, tally=tally), tally


def parse_line(
    data: bytes, *, categories: frozenset[str] | None, tally: Tally, number: int = 1
) -> Entry | None:
    """Parse one line by itself."""
    found = entries_of_rows([(number, data)], categories=categories, tally=tally)
    return next(entries_of(found), None)


def line(**fields: object) -> dict[str, object]:
    """Return the fields of a good line, changed as asked."""
    good: dict[str, object] = {"id": "p-1", "category": "A", "md5": MD5}
    return {name: value for name, value in (good | fields).items() if value is not ...}


def signal(kind: SignalType, digits: str) -> Signal:
    """Return a signal by its digits."""
    return Signal(type=kind, value=bytes.fromhex(digits))


def test_short_form() -> None:
    """A field for each type, and PDQ's quality beside it."""
    entry, tally = parse(
        line(md5=MD5.upper(), sha1=None, sha256="", pdq=PDQ, pdq_quality=87)
    )

    assert entry == Entry(
        id="p-1",
        category="A",
        signals=(
            EntrySignal(signal=signal(SignalType.MD5, MD5)),
            EntrySignal(signal=signal(SignalType.PDQ, PDQ), quality=87),
        ),
    )
    assert tally.problems == ()


def test_general_form() -> None:
    """Any number of signals, each with its maker's facts."""
    entry, _ = parse(
        line(
            md5=...,
            exact_only=True,
            signals=[
                {
                    "type": "pdq",
                    "value": PDQ,
                    "quality": 0,
                    "geometry": "thumb512",
                    "window": "c60",
                },
                {"type": "phash", "value": PHASH, "quality": None},
                {"type": "pdq", "value": PDQ, "geometry": None, "window": "full"},
            ],
        )
    )

    assert entry == Entry(
        id="p-1",
        category="A",
        exact_only=True,
        signals=(
            EntrySignal(
                signal=signal(SignalType.PDQ, PDQ),
                quality=0,
                geometry=Geometry.THUMB512,
                window="c60",
            ),
            EntrySignal(signal=signal(SignalType.PHASH, PHASH)),
            EntrySignal(signal=signal(SignalType.PDQ, PDQ)),
        ),
    )


def test_both_forms_go_together() -> None:
    """An issuer may add fields that the short form lacks."""
    entry, _ = parse(line(signals=[{"type": "phash", "value": PHASH}]))

    assert entry is not None
    assert [item.signal.type for item in entry.signals] == ["md5", "phash"]


def test_numbers_are_taken_as_names() -> None:
    """Many tools number entries and categories."""
    entry, _ = parse(line(id=17, category=0), categories=frozenset({"0"}))

    assert entry is not None
    assert (entry.id, entry.category) == ("17", "0")


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        pytest.param("{", Problem.NOT_JSON, id="cut-off"),
        pytest.param("[]", Problem.NOT_JSON, id="list"),
        pytest.param('"text"', Problem.NOT_JSON, id="text"),
        pytest.param('{"id": NaN}', Problem.NOT_JSON, id="nan"),
        pytest.param('{"id": "a"} x', Problem.NOT_JSON, id="trailing-garbage"),
        pytest.param('{"a":' * 9999, Problem.NOT_JSON, id="deep"),
        pytest.param(line(id=...), Problem.BAD_ID, id="no-id"),
        pytest.param(line(id=""), Problem.BAD_ID, id="empty-id"),
        pytest.param(line(id="x" * 129), Problem.BAD_ID, id="long-id"),
        pytest.param(line(id="a\x1b[2J"), Problem.BAD_ID, id="id-paints"),
        pytest.param(line(id="a\u202eb"), Problem.BAD_ID, id="id-turns-round"),
        pytest.param(line(id="\ud800"), Problem.NOT_JSON, id="half-a-character"),
        pytest.param(line(id=True), Problem.BAD_ID, id="true-id"),
        pytest.param(line(id=1.5), Problem.BAD_ID, id="broken-id"),
        pytest.param(line(id=["a"]), Problem.BAD_ID, id="list-id"),
        pytest.param(line(category=""), Problem.BAD_CATEGORY, id="empty-category"),
        pytest.param(line(category=False), Problem.BAD_CATEGORY, id="false-category"),
        pytest.param(line(category="(none)"), Problem.BAD_CATEGORY, id="our-word"),
        pytest.param(line(category="x" * 65), Problem.BAD_CATEGORY, id="long-category"),
        pytest.param(line(md5=...), Problem.NO_SIGNALS, id="no-signals"),
        pytest.param(line(md5=..., signals=[]), Problem.NO_SIGNALS, id="empty-list"),
        pytest.param(line(md5=MD5[:-1]), Problem.ODD_LENGTH, id="odd"),
        pytest.param(line(md5=MD5[:-2]), Problem.WRONG_LENGTH, id="short"),
        pytest.param(line(md5=PDQ), Problem.WRONG_LENGTH, id="sha256-as-md5"),
        pytest.param(line(md5=MD5[:-1] + "g"), Problem.NOT_HEX, id="not-hex"),
        pytest.param(line(md5=f" {MD5[:-1]}"), Problem.NOT_HEX, id="blank-in-hex"),
        pytest.param(line(md5="é" * 16), Problem.NOT_HEX, id="umlauts"),
        pytest.param(line(md5=7), Problem.BAD_FIELD, id="number-as-value"),
        pytest.param(line(exact_only="false"), Problem.BAD_FIELD, id="false-as-text"),
        pytest.param(line(exact_only=None), Problem.BAD_FIELD, id="null-flag"),
        pytest.param(line(pdq=PDQ, pdq_quality=101), Problem.BAD_FIELD, id="too-good"),
        pytest.param(line(pdq=PDQ, pdq_quality=-1), Problem.BAD_FIELD, id="too-bad"),
        pytest.param(line(pdq=PDQ, pdq_quality=8.5), Problem.BAD_FIELD, id="fraction"),
        pytest.param(line(pdq=PDQ, pdq_quality=True), Problem.BAD_FIELD, id="true"),
        pytest.param(line(pdq=PDQ, pdq_quality="9"), Problem.BAD_FIELD, id="text"),
        pytest.param(line(signals={}), Problem.BAD_FIELD, id="signals-as-object"),
        pytest.param(line(signals=[7]), Problem.BAD_FIELD, id="signal-as-number"),
        pytest.param(line(signals=[{}]), Problem.UNKNOWN_TYPE, id="no-type"),
    ],
)
def test_malformed_lines_have_a_reason(item: object, problem: Problem) -> None:
    """The mistake is reported, and nothing of the line is imported."""
    entry, tally = parse(item)

    assert entry is None
    assert [found.problem for found in tally.problems] == [problem]
    assert tally.malformed == 1


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"type": "tlsh", "value": PDQ}, Problem.UNKNOWN_TYPE),
        ({"type": ["pdq"], "value": PDQ}, Problem.UNKNOWN_TYPE),
        ({"type": "pdq"}, Problem.BAD_FIELD),
        ({"type": "pdq", "value": MD5}, Problem.WRONG_LENGTH),
        ({"type": "pdq", "value": PDQ, "geometry": "round"}, Problem.BAD_FIELD),
        ({"type": "phash", "value": PHASH, "geometry": "full"}, Problem.BAD_FIELD),
        ({"type": "md5", "value": MD5, "quality": 90}, Problem.BAD_FIELD),
        ({"type": "pdq", "value": PDQ, "window": "c0"}, Problem.BAD_FIELD),
        ({"type": "pdq", "value": PDQ, "window": "left"}, Problem.BAD_FIELD),
        ({"type": "pdq", "value": PDQ, "window": 60}, Problem.BAD_FIELD),
    ],
)
def test_malformed_signals_have_a_reason(
    part: dict[str, object], problem: Problem
) -> None:
    """One bad signal spoils the line: half an entry is not intended."""
    entry, tally = parse(line(signals=[part]))

    assert entry is None
    assert [found.problem for found in tally.problems] == [problem]


@pytest.mark.parametrize("category", ["B", 0, None, ...])
def test_other_categories_are_left_out(category: object) -> None:
    """A value that is not on the allow-list, has none, or has 0, is not matched."""
    entry, tally = parse(line(category=category), categories=frozenset({"A"}))

    assert entry is None
    assert [found.problem for found in tally.problems] == [Problem.CATEGORY]
    assert tally.malformed == 0


def test_entry_without_category_is_never_taken() -> None:
    """Even where all categories are allowed, none is not one of them."""
    entry, tally = parse(line(category=None), categories=None)

    assert entry is None
    assert tally.categories == {NO_CATEGORY: 1}


def test_degenerate_signals_are_left_out_of_an_entry() -> None:
    """The others are kept, and each that is left out is counted."""
    entry, tally = parse(line(md5=EMPTY, pdq=PDQ, phash="0" * 16))

    assert entry is not None
    assert [item.signal.type for item in entry.signals] == ["pdq"]
    assert [found.problem for found in tally.problems] == [
        Problem.EMPTY_FILE,
        Problem.DEGENERATE,
    ]
    assert tally.malformed == 0


def test_entry_of_degenerate_signals_is_left_out() -> None:
    """An entry that nothing could match does not count."""
    entry, tally = parse(line(md5="0" * 32))

    assert entry is None
    assert tally.malformed == 0


def test_unknown_fields_are_counted_and_dropped() -> None:
    """Names, tags and a mistyped type are seen in the report, and kept nowhere."""
    entry, tally = parse(
        line(tags="x", sha265=PDQ, signals=[{"type": "md5", "value": MD5, "note": 1}])
    )

    assert entry is not None
    assert tally.ignored_fields == {"tags": 1, "sha265": 1, "note": 1}


@pytest.mark.parametrize(
    ("word", "answer"),
    [("A", True), ("x" * 64, True), ("ä b", True), ("", False), ("(x", False)],
)
def test_what_a_category_can_be_called(word: str, answer: bool) -> None:
    """Short, printable, and not a reserved word."""
    assert is_category(word) is answer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    fields=st.dictionaries(
        st.sampled_from(["id", "category", "md5", "pdq_quality", "signals", "pdq"]),
        JSON,
    )
)
def test_any_values_have_an_answer(fields: dict[str, object]) -> None:
    """Whatever stands in the known fields, nothing is raised."""
    parse(line(**fields))


@given(data=st.binary(max_size=60))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    """Whatever a line holds, nothing is raised."""
    parse_line(b"{" + data, categories=None, tally=Tally())


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
    {"md5": EMPTY},
    {"md5": EMPTY, "sha256": None, "pdq": None, "phash": None},
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
    tally = Tally()
    rows = enumerate(lines, start=1)
    found = entries_of_rows(rows, categories=categories, tally=tally)
    return list(entries_of(found)), tally


def one_by_one(
    lines: list[bytes], categories: frozenset[str] | None
) -> tuple[list[Entry], Tally]:
    """Return the result of lines one after the other."""
    tally = Tally()
    found = [
        parse_line(data, categories=categories, tally=tally, number=number)
        for number, data in enumerate(lines, start=1)
    ]
    return [entry for entry in found if entry is not None], tally


def shown(tally: Tally) -> tuple[object, ...]:
    """Return all counts, except for the order of equally frequent ones."""
    problems = sorted(tally.problems, key=lambda item: item.problem)
    counts = dict(tally.categories), dict(tally.ignored_fields)
    return tally.malformed, problems, counts


@pytest.mark.parametrize("categories", [None, frozenset("A"), frozenset("AB")])
@given(changes=LINES)
def test_blocks_give_what_lines_give(
    categories: frozenset[str] | None, changes: list[dict[str, object] | bytes]
) -> None:
    """Whatever the lines: the same entries in the same order, the same counts."""
    # Plain lines around them make the block long enough to be taken together.
    around: list[dict[str, object] | bytes] = [{}] * 10
    every = enumerate([*around, *changes, *around])
    lines = [line_of(number, change) for number, change in every]
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
    rows = [(number, line_of(number, {})) for number in range(50)]
    (block,) = entries_of_rows(rows, categories=frozenset("AB"), tally=Tally())

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


def test_blocks_are_bounded() -> None:
    """The size of kept lines is bounded, for many lines and for long ones."""
    long = b"x" * (BLOCK_BYTES // 2)
    many = [len(it) for it in in_blocks((n, b"a") for n in range(2 * BLOCK_ROWS + 1))]
    few = [len(it) for it in in_blocks((n, long) for n in range(4))]

    assert many == [BLOCK_ROWS, BLOCK_ROWS, 1]
    assert few == [3, 1]
