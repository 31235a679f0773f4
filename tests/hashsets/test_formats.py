"""Files are read line by line, in whatever shape tools leave them."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hashsets.reading import read
from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.formats import MOST_LINE_BYTES, TICK_LINES
from uploadfilter.hashsets.tally import Problem, Tally

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(f"{ONE}\n{TWO}\n", id="plain"),
        pytest.param(f"{ONE}\n{TWO}", id="no-last-line-end"),
        pytest.param(f"{ONE}\r\n{TWO}\r\n", id="crlf"),
        pytest.param(f"\ufeff{ONE}\n{TWO}\n", id="bom"),
        pytest.param(f"\ufeff# list\r\n\r\n{ONE}\r\n{TWO}", id="bom-comment-crlf"),
        pytest.param(f"\n\n# a\n  # b\n{ONE}\n\t\n{TWO}\n\n", id="comments-blanks"),
        pytest.param(f"  {ONE}\t\n{TWO.upper()}\n", id="indented-capitals"),
        pytest.param(f"MD5\n{ONE}\n{TWO}\n", id="heading"),
        pytest.param(f"{ONE}  a.jpg\nMD5 (b) = {TWO}\n", id="tools-mixed"),
    ],
)
def test_lists_in_every_shape(data: str) -> None:
    """Line ends, marks, comments and blanks change nothing."""
    found, tally = read(data.encode())

    assert found == [ONE, TWO]
    assert (tally.accepted, tally.problems) == (2, ())


@pytest.mark.parametrize("mark", ["", "\ufeff", "# comment\n\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_json_lines_in_every_shape(mark: str, end: str) -> None:
    """They are known by their first brace, wherever it stands."""
    data = mark + end.join(
        f'{{"id":"{name}","category":"A","md5":"{ONE}"}}' for name in "xy"
    )
    found, tally = read(data.encode(), categories=("A", "B"))

    assert found == ["x", "y"]
    assert tally.problems == ()


def test_file_keeps_its_first_form() -> None:
    """A brace in a list, or a digest among JSON lines, is malformed."""
    found, tally = read(f'{ONE}\n{{"id":"x"}}\n'.encode())
    assert found == [ONE]
    assert [item.problem for item in tally.problems] == [Problem.NOT_HEX]

    found, tally = read(f'{{"id":"x","category":"A","md5":"{ONE}"}}\n{ONE}\n'.encode())
    assert found == ["x"]
    assert [item.problem for item in tally.problems] == [Problem.NOT_JSON]


@pytest.mark.parametrize("categories", [(), ("A", "B")])
def test_list_needs_exactly_one_category(categories: tuple[str, ...]) -> None:
    """A list does not say which of several each line belongs to."""
    with pytest.raises(UsageError, match=f"{len(categories)} were given"):
        read(ONE.encode(), categories=categories)


def test_survey_of_a_list_needs_no_category() -> None:
    """A preview has no choices yet."""
    assert read(ONE.encode(), categories=None)[0] == [ONE]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (f"{ONE}\n".encode("utf-16"), "is UTF-16"),
        (b"\xfe\xff" + ONE.encode("utf-16-be"), "is UTF-16"),
        (ONE.encode("utf-16-le"), "is UTF-16 without"),
        (ONE.encode("utf-16-be"), "is UTF-16 without"),
        (bytes(300), "is not text"),
        (b"\x1f\x8b\x08\x00\x00", "packed by gzip"),
        (b"PK\x03\x04\x14\x00", "a zip archive"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not text"),
        (b"SQLite format 3\x00", "a database of SQLite"),
    ],
)
def test_other_files_are_refused_with_a_hint(data: bytes, message: str) -> None:
    """A file that is not text in UTF-8 is not read line by line."""
    with pytest.raises(HashSetFormatError, match=message) as caught:
        read(data)

    assert caught.value.hint


def test_degenerate_digests_of_a_list_are_left_out() -> None:
    """The empty file's digest and a row of zeros match nothing."""
    empty = "D41D8CD98F00B204E9800998ECF8427E"
    found, tally = read(f"{empty}\n{'0' * 40}\n{ONE}\n".encode())

    assert found == [ONE]
    assert [(item.problem, item.first_line) for item in tally.problems] == [
        (Problem.EMPTY_FILE, 1),
        (Problem.DEGENERATE, 2),
    ]
    assert tally.malformed == 0


def test_first_line_of_each_problem_is_kept() -> None:
    """Comments and blank lines count as lines: an editor counts them too."""
    data = f"# x\n\n{ONE[:-1]}\nxyz\n{ONE[:-1]}\n"
    _, tally = read(data.encode())

    assert [(i.problem, i.count, i.first_line) for i in tally.problems] == [
        (Problem.ODD_LENGTH, 2, 3),
        (Problem.NOT_HEX, 1, 4),
    ]
    assert tally.lines == 5


@pytest.mark.parametrize("end", [b"", b"\n", b"\n" + ONE.encode()])
@pytest.mark.parametrize("more", [1, 2, MOST_LINE_BYTES, 3 * MOST_LINE_BYTES])
def test_long_lines_are_read_past(more: int, end: bytes) -> None:
    """A line beyond the limit is one problem, and the next line is read."""
    data = ONE.encode() + b"\n" + b"a" * (MOST_LINE_BYTES + more) + end
    found, tally = read(data)

    assert found == ([ONE, ONE] if ONE.encode() in end else [ONE])
    assert [(i.problem, i.count, i.first_line) for i in tally.problems] == [
        (Problem.LINE_TOO_LONG, 1, 2)
    ]


def test_longest_line_is_read() -> None:
    """The limit itself is allowed, with its line end beyond it."""
    padding = b" " * (MOST_LINE_BYTES - len(ONE))

    assert read(padding + ONE.encode())[0] == [ONE]


def test_bad_lines_cost_no_memory() -> None:
    """A long file of rubbish leaves a handful of numbers."""
    data = b"rubbish\n" * 20_000
    tracemalloc.start()
    _, tally = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert tally.problems[0].count == 20_000
    assert peak < len(data) + (1 << 20)


def test_progress_does_not_depend_on_what_lines_hold() -> None:
    """The caller gets an answer for a file that has only comments, too."""
    ticks: list[int] = []
    tally = Tally()
    items = formats.read(
        io.BufferedReader(io.BytesIO(b"#\n" * (2 * TICK_LINES + 5))),
        categories=None,
        tally=tally,
        tick=lambda: ticks.append(tally.lines),
    )

    assert list(items) == []
    assert ticks == [TICK_LINES, 2 * TICK_LINES, 2 * TICK_LINES + 5]


def test_empty_file_holds_nothing() -> None:
    """A missing line is not a mistake of a line."""
    found, tally = read(b"")

    assert (found, tally.lines, tally.problems) == ([], 0, ())


@given(
    data=st.binary(max_size=300)
    | st.lists(
        st.sampled_from([ONE, TWO, '{"id":"a"}', "#", "", "x", "\\", "MD5", "\ufeff"])
    ).map(lambda lines: "\n".join(lines).encode())
)
def test_any_file_has_an_answer(data: bytes) -> None:
    """A file is read to its end, or refused with an ``UploadFilterError``."""
    try:
        found, tally = read(data)
    except HashSetFormatError:
        return

    assert tally.accepted == len(found)
    assert tally.lines == data.count(b"\n") + bool(data and not data.endswith(b"\n"))


@pytest.mark.parametrize(
    ("name", "suffixes"),
    [
        pytest.param("notes.txt", {"txt": 1}, id="text"),
        pytest.param("Thumbs.db", {"db": 1}, id="thumbs"),
        pytest.param("case (1)/MORE.ZIP", {"zip": 1}, id="archive"),
        pytest.param("holiday.jpg", {}, id="picture"),
        pytest.param("holiday.txt.jpg", {}, id="picture-of-a-text"),
        pytest.param("holiday", {}, id="no-suffix"),
    ],
)
@pytest.mark.parametrize("line", ["{} *{}", "{}  {}", "MD5 ({1}) = {0}"])
def test_names_that_no_picture_has_are_counted(
    line: str, name: str, suffixes: dict[str, int]
) -> None:
    """A list of md5sum over a folder gets a note; its entries are imported."""
    found, tally = read(f"{line.format(ONE, name)}\n{TWO}\n".encode())

    assert found == [ONE, TWO]
    assert tally.no_pictures == suffixes
