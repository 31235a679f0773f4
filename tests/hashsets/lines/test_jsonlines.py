"""Lines of JSON become entries, or say why they do not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.hashsets.lines.jsonlines import is_category, parse_line
from uploadfilter.hashsets.tally import NO_CATEGORY, Problem, Tally
from uploadfilter.model import (
    Entry,
    EntrySignal,
    Geometry,
    Signal,
    SignalType,
)

MD5 = "d131dd02c5e6eec4693d9a0698aff95c"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
PHASH = "a5c3d2e1f0b49687"


def parse(
    item: object, *, categories: frozenset[str] | None = None
) -> tuple[Entry | None, Tally]:
    """Parse one line, given as text or as a value to be encoded."""
    line = item if isinstance(item, str) else json.dumps(item)
    tally = Tally(lines=1)
    return parse_line(line.encode(), categories=categories, tally=tally), tally


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
    empty = "d41d8cd98f00b204e9800998ecf8427e"
    entry, tally = parse(line(md5=empty, pdq=PDQ, phash="0" * 16))

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
