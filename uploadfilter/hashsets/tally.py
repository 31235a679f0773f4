"""What a hash-set file was found to hold, counted while it is read.

Memory is bounded whatever the file holds: reasons are counted, and of each only the
line of the first is kept; of words that the file brings along, a stated number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MOST_WORDS = 1000
"""Categories or unknown fields that are counted by name; real files have dozens."""

OTHER_WORDS = "(others)"
"""Counts the categories or fields beyond the first ``MOST_WORDS``."""

_MOST_NAME_CHARACTERS = 64
"""Longest name of an unknown field that is shown; a report is read on a terminal."""

NO_CATEGORY = "(none)"
"""Counts the entries without a category; no category can be called so."""


class Problem(StrEnum):
    """Why a line, an entry or a signal of a hash set is left out."""

    # The line is not what it should be.
    LINE_TOO_LONG = "line_too_long"
    NOT_HEX = "not_hex"
    ODD_LENGTH = "odd_length"
    WRONG_LENGTH = "wrong_length"
    TRAILING_TEXT = "trailing_text"
    NOT_JSON = "not_json"
    BAD_ID = "bad_id"
    BAD_CATEGORY = "bad_category"
    BAD_FIELD = "bad_field"
    UNKNOWN_TYPE = "unknown_type"
    NO_SIGNALS = "no_signals"
    BAD_QUOTING = "bad_quoting"
    WRONG_COLUMNS = "wrong_columns"

    # The line is well formed, and left out on purpose.
    CATEGORY = "category"
    HARMLESS = "harmless"
    WITHDRAWN = "withdrawn"
    DISPUTED = "disputed"
    NOT_COMPARED = "not_compared"
    NOT_WANTED = "not_wanted"
    EMPTY_FILE = "empty_file"
    TRIVIAL = "trivial"
    DEGENERATE = "degenerate"

    @property
    def is_malformed(self) -> bool:
        """True if the file is broken, false if it holds what nobody should match."""
        return self not in _LEFT_OUT

    @property
    def words(self) -> str:
        """What it means, for people; ``hashsets/FORMAT.md`` says it in full."""
        return _WORDS[self]


_WORDS = {
    Problem.LINE_TOO_LONG: "too many bytes",
    Problem.NOT_HEX: "something other than hex digits",
    Problem.ODD_LENGTH: "an odd number of hex digits",
    Problem.WRONG_LENGTH: "hex digits, but not as many as a type has",
    Problem.TRAILING_TEXT: "a digest, and then something that is not a file name",
    Problem.NOT_JSON: "something other than one JSON object",
    Problem.BAD_ID: "an id that is missing or not allowed",
    Problem.BAD_CATEGORY: "a category that is not allowed",
    Problem.BAD_FIELD: "a field with a value that is not allowed",
    Problem.UNKNOWN_TYPE: "a signal type that does not exist",
    Problem.NO_SIGNALS: "an entry without a signal",
    Problem.BAD_QUOTING: "a quote that does not end where a cell ends",
    Problem.WRONG_COLUMNS: "another number of cells than the first row",
    Problem.CATEGORY: "a category that the command does not name",
    Problem.HARMLESS: "a record that the file itself says is not to be matched",
    Problem.WITHDRAWN: "an entry that its issuer has withdrawn",
    Problem.DISPUTED: "an entry that somebody who shares it disputes",
    Problem.NOT_COMPARED: "only signals that this program does not compare",
    Problem.NOT_WANTED: "another value than the one that --where asks for",
    Problem.EMPTY_FILE: "the digest of the empty file",
    Problem.TRIVIAL: "the digest of a content that cannot be a listed picture",
    Problem.DEGENERATE: "a value that innocent files have",
}
_LEFT_OUT = frozenset(
    {
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemCount:
    """How often something was left out for one reason.

    Attributes:
        problem: The reason.
        count: How often, at least 1.
        first_line: Line of the first, counted from 1.
    """

    problem: Problem
    count: int
    first_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """How a CSV file is read.

    Attributes:
        encoding: Its encoding.
        delimiter: The character between its cells.
        columns: Field and name of each column that is read; its number where no
            heading names it.
        other_columns: How many are not.
        unread: Names of the first of those; none where there is no heading.
        not_compared: Those with signals that nobody here compares, and what they are.
        has_heading: Whether the first row names the columns.
        empty: Names of the columns that are read and hold nothing, in any row.
        shapes: Of the first rows the shape of each cell that is read, in the order of
            ``columns``; never a value, which may be personal.
    """

    encoding: str
    delimiter: str
    columns: tuple[tuple[str, str], ...]
    other_columns: int
    shapes: tuple[tuple[str, ...], ...]
    unread: tuple[str, ...] = ()
    not_compared: Mapping[str, str] = field(default_factory=dict)
    has_heading: bool = True
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFacts:
    """What is known of a file in a format of somebody else.

    Attributes:
        name: Word for its format, as ``--format`` has it.
        title: The format in words.
        meanings: What its categories mean, as far as that is known.
        harmless: Categories of what is never taken, whatever is named.
    """

    name: str
    title: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tally:
    """Counts of one reading.

    Attributes:
        lines: Lines read so far, or records of a file that consists of those.
        accepted: Entries passed on.
        malformed: Lines that are not what they should be.
        table: How the file is read, if it is CSV.
        is_json: Whether each line is a JSON object.
        foreign: What the file is, if it is in a format of somebody else; then it
            consists of records.
    """

    lines: int = 0
    accepted: int = 0
    malformed: int = 0
    table: TableFacts | None = None
    is_json: bool = False
    foreign: ForeignFacts | None = None
    _counts: dict[Problem, int] = field(default_factory=dict)
    _first_lines: dict[Problem, int] = field(default_factory=dict)
    _categories: dict[str, int] = field(default_factory=dict)
    _ignored_fields: dict[str, int] = field(default_factory=dict)
    _no_pictures: dict[str, int] = field(default_factory=dict)
    _not_compared: dict[str, int] = field(default_factory=dict)

    def note(self, problem: Problem) -> None:
        """Count something on the current line that is left out."""
        self.note_lines(problem, [self.lines])

    def note_lines(self, problem: Problem, lines: Sequence[int]) -> None:
        """Count something that is left out on each of some lines, ascending."""
        if lines:
            self._counts[problem] = self._counts.get(problem, 0) + len(lines)
            first = self._first_lines.setdefault(problem, lines[0])
            self._first_lines[problem] = min(first, lines[0])
            self.malformed += problem.is_malformed * len(lines)

    def saw_category(self, category: str | None, times: int = 1) -> None:
        """Count entries by their category, allowed or not."""
        word = NO_CATEGORY if category is None else category
        _count(self._categories, word, times)

    def ignored_field(self, name: str) -> None:
        """Count a field that this version does not know."""
        shown = len(name) <= _MOST_NAME_CHARACTERS and name.isprintable()
        _count(self._ignored_fields, name if shown else OTHER_WORDS)

    def not_comparable(self, what: str) -> None:
        """Count a signal that nobody here compares, by what it is."""
        shown = len(what) <= _MOST_NAME_CHARACTERS and what.isprintable()
        _count(self._not_compared, what if shown else OTHER_WORDS)

    def saw_no_picture(self, suffix: str, count: int = 1) -> None:
        """Count entries that a list names after files which are no pictures."""
        _count(self._no_pictures, suffix, count)

    @property
    def unit(self) -> str:
        """What the file consists of: lines or records."""
        return "line" if self.foreign is None else "record"

    @property
    def not_compared(self) -> Mapping[str, int]:
        """Signals that nobody here compares, the most frequent first."""
        return dict(sorted(self._not_compared.items(), key=lambda item: -item[1]))

    @property
    def no_pictures(self) -> Mapping[str, int]:
        """Entries by suffixes that no picture has, the most frequent first."""
        return dict(sorted(self._no_pictures.items(), key=lambda item: -item[1]))

    @property
    def problems(self) -> tuple[ProblemCount, ...]:
        """What was left out, the reason that came up first in front."""
        # Lines are read some thousand at a time, but for those that are too long.
        found = [
            ProblemCount(problem=problem, count=count, first_line=line)
            for (problem, count), line in zip(
                self._counts.items(), self._first_lines.values(), strict=True
            )
        ]
        return tuple(sorted(found, key=lambda item: item.first_line))

    @property
    def categories(self) -> Mapping[str, int]:
        """Entries by category, allowed or not, the most frequent first."""
        return dict(sorted(self._categories.items(), key=lambda item: -item[1]))

    @property
    def ignored_fields(self) -> Mapping[str, int]:
        """How often each unknown field came up."""
        return dict(self._ignored_fields)


def _count(words: dict[str, int], word: str, times: int = 1) -> None:
    if word not in words and len(words) >= MOST_WORDS:
        word = OTHER_WORDS
    words[word] = words.get(word, 0) + times
