"""Feedback line by line, and how it is added up."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.repository import ROOT
from tests.signedsets.feedback import TODAY, day, header
from tests.signedsets.keys import signer
from uploadfilter.errors import FeedbackError
from uploadfilter.signedsets import feedback
from uploadfilter.signedsets.feedback import EntryLine, EntrySum, FeedbackHeader
from uploadfilter.syncing.feedback import written

PAGE = (Path(ROOT) / "hashsets" / "FORMAT.md").read_text()


entries = st.builds(
    lambda entry_id, days, exact, rejected, suppressed, quarantined: EntryLine(
        id=entry_id,
        days=days,
        exact=min(exact, sum(days.values())),
        rejected=min(rejected, sum(days.values())),
        suppressed=suppressed,
        quarantined=quarantined,
    ),
    st.sampled_from(["p-1", "p-10", "p-2", "ä", "😀", "z"]),
    st.dictionaries(st.integers(0, 25).map(day), st.integers(1, 5), max_size=4),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 2),
    st.booleans(),
)
files = st.lists(st.lists(entries, unique_by=lambda it: it.id, max_size=6), max_size=4)


def slowly(
    said: Sequence[tuple[FeedbackHeader, Sequence[EntryLine]]],
) -> dict[str, EntrySum]:
    """Add up in dictionaries, the obvious way."""
    found: dict[str, EntrySum] = {}
    for entry_id in {line.id for _, lines in said for line in lines}:
        mine = [(h, line) for h, lines in said for line in lines if line.id == entry_id]
        days: Counter[date] = Counter()
        for _, line in mine:
            days.update(line.days)
        found[entry_id] = EntrySum(
            id=entry_id,
            days=dict(days),
            exact=sum(line.exact for _, line in mine),
            rejected=sum(line.rejected for _, line in mine),
            operators=len({h.operator for h, line in mine if line.days}),
            suppressed_by=len({h.operator for h, line in mine if line.suppressed}),
            quarantined_by=len({h.operator for h, line in mine if line.quarantined}),
            days_to_first=None,
        )
    return found


@given(files)
def test_sums_are_those_of_dictionaries(lines: list[list[EntryLine]]) -> None:
    """Merging sorted files gives the same as adding up in memory."""
    said = [
        (header(f"hoster-{at}"), sorted(its, key=lambda it: it.id))
        for at, its in enumerate(lines)
    ]

    found = list(feedback.summed(said, {}))

    assert [it.id for it in found] == sorted(it.id for it in found)
    assert {it.id: it for it in found} == slowly(said)


@given(entries)
def test_line_is_read_as_it_was_written(entry: EntryLine) -> None:
    """Days are in order, and no count is 0."""
    line = feedback.entry_line(entry)

    assert feedback.parse_entry(line, header()) == entry
    assert b":0" not in line.replace(b'"days"', b"")


@pytest.mark.parametrize(
    ("since", "numbers", "expected"),
    [
        (5, {7: 2}, 3),
        (5, {6: 0, 7: 2, 8: 4}, 3),
        (5, {6: 0, 9: 4}, 1),
        (1, {7: 2}, None),
        (5, {6: 0}, None),
        (5, {}, None),
    ],
)
def test_first_match_is_reckoned_from_the_number_that_listed_it(
    since: int, numbers: dict[int, int], expected: int | None
) -> None:
    """A later number of this operator may count; otherwise nothing is known."""
    head = header(numbers={at: day(number) for at, number in numbers.items()})
    line = EntryLine(id="p-1", days={day(since): 1, day(since + 3): 9})

    (found,) = feedback.summed([(head, [line])], {"p-1": 7})

    assert found.days_to_first == expected


def test_first_match_is_that_of_the_quickest_operator() -> None:
    """It is the smallest number of days, and not the date of any operator."""
    said = [
        (header(f"hoster-{at}", numbers={1: day(0)}), [EntryLine(id="a", days={d: 1})])
        for at, d in enumerate((day(9), day(4)))
    ]

    (found,) = feedback.summed(said, {"a": 1})

    assert found.days_to_first == 4


def test_periods_that_follow_each_other_are_added_up() -> None:
    """So are the same days of two operators, or of two sets."""
    feedback.check_together(
        [
            header(since=day(10)),
            header(to=day(9)),
            header("hoster-2"),
            header(root="ab" * 32),
        ],
        TODAY,
    )


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ((header(), header()), "count the same days"),
        ((header(to=day(9)), header(since=day(9))), "count the same days"),
        ((header(to=TODAY + timedelta(days=1)),), "have not come yet"),
    ],
    ids=["twice", "overlap", "future"],
)
def test_what_would_count_twice_or_too_early_is_refused(
    headers: tuple[FeedbackHeader, ...], said: str
) -> None:
    """A day of one operator counts once, and only after its end."""
    with pytest.raises(FeedbackError, match=said):
        feedback.check_together(headers, TODAY)


@pytest.mark.parametrize(
    "change",
    [
        {"feedback": 2},
        {"root": "xyz"},
        {"public": "00"},
        {"operator": "a b"},
        {"from": "2026-11-27"},
        {"from": "2025-11-01"},
        {"entries": -1},
        {"omitted": -1},
        {"numbers": [{"sequence": 2, "day": "2026-11-01"}] * 2},
        {"numbers": [{"sequence": n, "day": "2026-11-01"} for n in range(1, 1002)]},
        {"gaps": [["2026-11-01", "2026-11-02"]] * 101},
        {"to": "soon"},
        {"entries": 1e400},
    ],
    ids=lambda change: next(iter(change)),
)
def test_header_that_cannot_be_counted_is_refused(change: dict[str, object]) -> None:
    """Each limit leads to an error of its own, and never to a traceback."""
    shape = msgspec.json.decode(feedback.header_line(header()))

    with pytest.raises(FeedbackError):
        feedback.parse_header(msgspec.json.encode(shape | change))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[" * 10_000,
        b"\xff",
        b"{}",
        b'{"id":""}',
        b'{"id":"a\\n"}',
        b'{"id":"a","days":{"2026-11-02":0}}',
        b'{"id":"a","days":{"2026-11-02":1},"exact":2}',
        b'{"id":"a","days":{"2026-11-02":1},"rejected":2}',
        b'{"id":"a","days":{"2026-10-31":1}}',
        b'{"id":"a","days":{"2026-11-27":1}}',
        b'{"id":"a","suppressed":-1}',
        b'{"id":"a","days":{"2026-11-02":99999999999999999999}}',
        b'{"id":"' + b"a" * 129 + b'"}',
    ],
)
def test_entry_that_cannot_be_counted_is_refused(line: bytes) -> None:
    """It has other days, contradicting counts, or lines of another kind."""
    with pytest.raises(FeedbackError):
        feedback.parse_entry(line, header())


def test_longest_lines_fit() -> None:
    """They have a year of matches, or a thousand numbers."""
    year = [date(2026, 1, 1) + timedelta(days=at) for at in range(365)]
    entry = EntryLine(id="😀" * 128, days=dict.fromkeys(year, feedback.MOST_COUNT))
    numbers = {feedback.MOST_COUNT - 1000 + at: TODAY for at in range(1000)}

    assert len(feedback.entry_line(entry)) < feedback.MOST_LINE_BYTES
    assert len(feedback.header_line(header(numbers=numbers))) < feedback.MOST_LINE_BYTES


def test_bytes_are_those_of_the_vector() -> None:
    """The page shows a file; key, signature and digest are derived from it."""
    section = PAGE.split("## 10. ")[1]
    block = re.search(r"```jsonl\n(.*?)```", section, re.DOTALL)
    assert block is not None
    shown = block[1].encode().splitlines(keepends=True)
    head = feedback.parse_header(shown[0])
    lines = [feedback.parse_entry(line, head) for line in shown[1:-1]]

    made = list(written(signer("hoster-1"), head, lines))

    assert made == shown
    digest = re.search(r"\| SHA-256 of the file of 10.2 \| `(.*)` \|", section)
    assert digest is not None
    assert digest[1] == hashlib.sha256(b"".join(shown)).hexdigest()
