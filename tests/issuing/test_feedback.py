"""Feedback of operators is verified before it counts, whatever is done to a file."""

import tracemalloc
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
from securesystemslib.signer import SSlibKey

from tests.issuing.offices import Office, line_of
from tests.signedsets.feedback import DIGEST, FIRST, TODAY, day, header
from tests.signedsets.keys import public, signer
from uploadfilter.errors import FeedbackError, IssuerError
from uploadfilter.issuing import feedback
from uploadfilter.issuing.feedback import (
    known_operators,
    listed_by,
    opened,
    roots_of,
)
from uploadfilter.issuing.keys import made_plain_key
from uploadfilter.signedsets.feedback import EntryLine, EntrySum
from uploadfilter.signedsets.metadata import named
from uploadfilter.syncing.feedback import written

LAST = day(25)
LINES = (
    EntryLine(id="p-1", days={day(2): 3}, exact=1, rejected=3),
    EntryLine(id="p-2", days={day(4): 1}, suppressed=1),
)
KNOWN = {
    public(name).keyval["public"]: public(name) for name in ("hoster-1", "hoster-2")
}


def made(
    path: Path,
    operator: str = "hoster-1",
    lines: Sequence[EntryLine] = LINES,
    *,
    count: int | None = None,
    since: date = FIRST,
    to: date = LAST,
) -> Path:
    """Write a file of an operator."""
    many = len(lines) if count is None else count
    head = header(operator, entries=many, since=since, to=to)
    path.write_bytes(b"".join(written(signer(operator), head, lines)))
    return path


def sums(*paths: Path, operators: Mapping[str, SSlibKey] = KNOWN) -> list[EntrySum]:
    """Add files up."""
    with opened(
        paths,
        operators=operators,
        roots=frozenset({DIGEST}),
        today=TODAY,
    ) as found:
        return list(found.sums({}))


def test_files_of_many_operators_are_added_up(tmp_path: Path) -> None:
    """The sum of each entry states how many operators it matched at."""
    one = made(tmp_path / "1")
    other = made(tmp_path / "2", "hoster-2", LINES[:1])

    first, second = sums(one, other)

    assert (first.id, first.matches, first.operators, first.exact) == ("p-1", 6, 2, 2)
    assert (second.id, second.operators, second.suppressed_by) == ("p-2", 1, 1)


def test_same_file_twice_counts_once(tmp_path: Path) -> None:
    """It may have another name; the report states which file was left out."""
    one = made(tmp_path / "1")
    copy = tmp_path / "copy"
    copy.write_bytes(one.read_bytes())

    with opened(
        [one, copy], operators=KNOWN, roots=frozenset({DIGEST}), today=TODAY
    ) as found:
        (first, *_) = found.sums({})

    assert first.matches == 3
    assert found.copies == (copy,)


def test_one_day_in_two_files_is_refused(tmp_path: Path) -> None:
    """A second file of the same days, with other counts, would count them twice."""
    one = made(tmp_path / "1", to=day(9), lines=LINES[:1])
    other = made(tmp_path / "2", since=day(9), lines=())

    with pytest.raises(FeedbackError, match="count the same days"):
        sums(one, other)


def test_each_changed_byte_is_found(tmp_path: Path) -> None:
    """This holds for every byte of the file, header and signature included."""
    path = made(tmp_path / "1", lines=LINES[:1])
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(FeedbackError):
            sums(path)


def test_each_cut_is_found(tmp_path: Path) -> None:
    """A file may end, or go on, at any byte."""
    path = made(tmp_path / "1")
    data = path.read_bytes()
    for cut in (*(data[:at] for at in range(len(data))), data + b"\n", data * 2):
        path.write_bytes(cut)
        with pytest.raises(FeedbackError):
            sums(path)


def test_unknown_operator_is_refused(tmp_path: Path) -> None:
    """The issuer does not know this key, whatever name it has."""
    with pytest.raises(FeedbackError, match="no operator has the key"):
        sums(made(tmp_path / "1"), operators={})


def test_operator_is_called_what_the_issuer_calls_it(tmp_path: Path) -> None:
    """The name is the one that the issuer knows, and not the one in the file."""
    path = made(tmp_path / "1")
    known = named(public("hoster-1"), "the-big-one")
    with opened(
        [path],
        operators={known.keyval["public"]: known},
        roots=frozenset({DIGEST}),
        today=TODAY,
    ) as found:
        assert found.files[0].header.operator == "the-big-one"


def test_feedback_of_another_set_is_refused(tmp_path: Path) -> None:
    """The root that the operator trusts is not one of this issuer's."""
    path = made(tmp_path / "1")
    with (
        pytest.raises(FeedbackError, match="about another set"),
        opened([path], operators=KNOWN, roots=frozenset({"ab" * 32}), today=TODAY),
    ):
        raise AssertionError


def test_entries_out_of_order_are_refused(tmp_path: Path) -> None:
    """An entry that stands twice is refused too: merging would count it wrongly."""
    for at, lines in enumerate(((LINES[1], LINES[0]), (LINES[0], LINES[0]))):
        with pytest.raises(FeedbackError, match="not sorted"):
            sums(made(tmp_path / str(at), lines=lines))


def test_line_without_end_costs_its_bound(tmp_path: Path) -> None:
    """A header or an entry of gigabytes is read only up to its bound."""
    path = tmp_path / "1"
    path.write_bytes(b"{" * 10_000_000)

    with pytest.raises(FeedbackError, match="too long"):
        sums(path)


def test_folder_and_missing_file_are_said(tmp_path: Path) -> None:
    """The error has the name of the file."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(FeedbackError, match=str(path)):
            sums(path)


def test_more_files_than_may_be_open_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are refused before the descriptors are used up."""
    monkeypatch.setattr(feedback, "MOST_FILES", 2)
    paths = [
        made(tmp_path / str(at), lines=(), since=day(at), to=day(at)) for at in range(3)
    ]
    with pytest.raises(FeedbackError, match="more than 2 files"):
        sums(*paths)


def many(count: int) -> Iterable[EntryLine]:
    """Yield entries, sorted by id."""
    days = {day(3): 1}
    return (EntryLine(id=f"p-{at:09}", days=days) for at in range(count))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_entries(tmp_path: Path) -> None:
    """Ten times as many entries take no more memory."""
    peaks = []
    for count in (2000, 20_000):
        path = tmp_path / f"{count}"
        head = header(entries=count)
        with path.open("wb") as file:
            file.writelines(written(signer("hoster-1"), head, many(count)))
        tracemalloc.start()
        with opened(
            [path], operators=KNOWN, roots=frozenset({DIGEST}), today=TODAY
        ) as found:
            counted = sum(it.matches for it in found.sums({}))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert counted == count

    assert peaks[1] < peaks[0] + 100_000


def test_operators_are_known_by_their_files(tmp_path: Path) -> None:
    """Two keys with one name are refused, and so is a file without a key."""
    paths = []
    for at in range(2):
        _, shape = made_plain_key("hoster-1")
        paths.append(tmp_path / f"{at}.pub")
        paths[-1].write_bytes(shape)

    assert len(known_operators(paths[:1])) == 1
    with pytest.raises(IssuerError, match="two operators have the name"):
        known_operators(paths)
    for path in (tmp_path, made(tmp_path / "x")):
        with pytest.raises(IssuerError):
            known_operators([path])


def test_deltas_tell_which_number_listed_an_entry(tmp_path: Path) -> None:
    """The deltas tell this as far as they are served; the first set has none."""
    office = Office(tmp_path / "office")
    assert listed_by(office.now) == {}
    office.issue(*(line_of(f"p-{at}", at) for at in range(20)))
    assert listed_by(office.now) == {}
    office.issue(line_of("p-20", 20))
    office.issue(line_of("p-21", 21), line_of("p-20", 30))

    assert listed_by(office.now) == {"p-20": 2, "p-21": 3}
    assert len(roots_of(office.folder)) == 1
