"""A tally counts everything and keeps little."""

from uploadfilter.hashsets.tally import (
    MOST_WORDS,
    NO_CATEGORY,
    OTHER_WORDS,
    Problem,
    Tally,
)


def test_what_is_left_out_on_purpose_is_not_malformed() -> None:
    """A foreign category or an empty signal does not break a file."""
    assert {problem for problem in Problem if not problem.is_malformed} == {
        Problem.CATEGORY,
        Problem.HARMLESS,
        Problem.WITHDRAWN,
        Problem.DISPUTED,
        Problem.NOT_COMPARED,
        Problem.NOT_WANTED,
        Problem.EMPTY_FILE,
        Problem.TRIVIAL,
        Problem.DEGENERATE,
    }


def test_categories_come_the_most_frequent_first() -> None:
    """Entries without one are counted under a name that none can have."""
    tally = Tally()
    for category in ["B", "A", None, "A", "A", "B"]:
        tally.saw_category(category)

    assert list(tally.categories.items()) == [("A", 3), ("B", 2), (NO_CATEGORY, 1)]


def test_words_of_a_file_are_bounded() -> None:
    """A file cannot fill memory, or a report, with its words."""
    tally = Tally()
    for n in range(MOST_WORDS + 50):
        tally.saw_category(str(n))
        tally.ignored_field(str(n))
    tally.saw_category("7")

    assert len(tally.categories) == len(tally.ignored_fields) == MOST_WORDS + 1
    assert tally.categories[OTHER_WORDS] == tally.ignored_fields[OTHER_WORDS] == 50
    assert tally.categories["7"] == 2


def test_unprintable_fields_are_not_shown() -> None:
    """The name of an unknown field cannot paint on a terminal, or fill it."""
    tally = Tally()
    for name in ("fine", "\x1b[2J", "x" * 65):
        tally.ignored_field(name)

    assert tally.ignored_fields == {"fine": 1, OTHER_WORDS: 2}


def test_lines_are_noted_together() -> None:
    """A problem of many lines counts once for each, from the first of them on."""
    tally = Tally(lines=40)
    tally.note_lines(Problem.CATEGORY, [7, 9])
    tally.note_lines(Problem.NOT_HEX, [])
    tally.note(Problem.CATEGORY)

    assert [(p.problem, p.count, p.first_line) for p in tally.problems] == [
        (Problem.CATEGORY, 3, 7)
    ]
    assert tally.malformed == 0


def test_problems_come_in_the_order_of_their_first_lines() -> None:
    """A line that is noted late still stands where it belongs."""
    tally = Tally(lines=40)
    tally.note(Problem.LINE_TOO_LONG)
    tally.note_lines(Problem.NOT_JSON, [3])
    tally.note_lines(Problem.LINE_TOO_LONG, [2])

    assert [(p.problem, p.first_line) for p in tally.problems] == [
        (Problem.LINE_TOO_LONG, 2),
        (Problem.NOT_JSON, 3),
    ]
