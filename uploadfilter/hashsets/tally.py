"""Count the contents of a hash-set file while it is read.

Memory is bounded for any file: reasons are counted, and only the first line of each
reason is kept; of words from the file, a fixed number is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MOST_WORDS = 1000
"""Most categories or unknown fields that are counted by name; files have dozens."""

OTHER_WORDS = "(others)"
"""The name for categories or fields beyond the first ``MOST_WORDS``."""

MOST_NAMED_CATEGORIES = 50
"""A column with more different values probably holds names or remarks instead of
categories, and its values are not shown."""

UNNAMED_CATEGORY = "unnamed"
"""The category of every entry in a survey of a file without categories."""

_MOST_NAME_CHARACTERS = 64
"""Longest name of an unknown field that is shown; a report is read on a terminal."""

NO_CATEGORY = "(none)"
"""The name for entries without a category; no category can have this name."""


class Problem(StrEnum):
    """Why a line, an entry or a signal of a hash set is left out."""

    # The line is malformed.
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
        """True if the file is broken, false if the line is well formed but left out."""
        return self not in _LEFT_OUT

    @property
    def words(self) -> str:
        """Its description; ``hashsets/FORMAT.md`` has the full text."""
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
    """The number of omissions for one reason.

    Attributes:
        problem: The reason.
        count: The number, at least 1.
        first_line: Number of the first such line, from 1.
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
        columns: Field and name of each column that is read; its number if there is no
            heading.
        other_columns: Number of columns that are not read.
        unread: Names of the first unread columns; empty without a heading.
        not_compared: Columns with signals that are not compared, and their description.
        has_heading: Whether the first row names the columns.
        empty: Names of the read columns that are empty in every row.
        shapes: The shapes of the read cells in the first rows, in the order of
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
    """The facts about a file in a foreign format.

    Attributes:
        name: The name of its format in ``--format``.
        title: The description of the format.
        meanings: The meanings of its categories, as far as they are known.
        harmless: Categories of harmless files, which are never taken.
    """

    name: str
    title: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tally:
    """Counts of one pass over a file.

    Attributes:
        lines: Number of lines read so far, or of records in a file of records.
        accepted: Number of accepted entries.
        malformed: Number of malformed lines.
        table: How the file is read, if it is CSV.
        is_json: Whether each line is a JSON object.
        foreign: The facts about a file in a foreign format, which consists of
            records.
        sha256: SHA-256 of the file, in hex; empty for an import, whose set holds it.
    """

    lines: int = 0
    accepted: int = 0
    malformed: int = 0
    table: TableFacts | None = None
    is_json: bool = False
    foreign: ForeignFacts | None = None
    sha256: str = ""
    _counts: dict[Problem, int] = field(default_factory=dict)
    _first_lines: dict[Problem, int] = field(default_factory=dict)
    _categories: dict[str, int] = field(default_factory=dict)
    _ignored_fields: dict[str, int] = field(default_factory=dict)
    _no_pictures: dict[str, int] = field(default_factory=dict)
    _not_compared: dict[str, int] = field(default_factory=dict)

    def note(self, problem: Problem) -> None:
        """Count an omission on the current line."""
        self.note_lines(problem, [self.lines])

    def note_lines(self, problem: Problem, lines: Sequence[int]) -> None:
        """Count an omission on each of some lines, in ascending order."""
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
        """Count a signal that is not compared, by its description."""
        shown = len(what) <= _MOST_NAME_CHARACTERS and what.isprintable()
        _count(self._not_compared, what if shown else OTHER_WORDS)

    def saw_no_picture(self, suffix: str, count: int = 1) -> None:
        """Count entries whose names in a list are not of pictures."""
        _count(self._no_pictures, suffix, count)

    def hide_remarks(self, allowed: frozenset[str]) -> None:
        """Forget names that are probably not categories, but for example remarks.

        Args:
            allowed: The named categories; empty for an overview.
        """
        if not allowed and self._categories.keys() == {UNNAMED_CATEGORY}:
            self._categories = {}
        if len(self._categories) > MOST_NAMED_CATEGORIES:
            every = self._categories
            named = {word: count for word, count in every.items() if word in allowed}
            others = sum(every.values()) - sum(named.values())
            self._categories = {**named, OTHER_WORDS: others}

    @property
    def unit(self) -> str:
        """The unit of the file: line or record."""
        return "line" if self.foreign is None else "record"

    @property
    def not_compared(self) -> Mapping[str, int]:
        """Signals that are not compared, the most frequent first."""
        return dict(sorted(self._not_compared.items(), key=lambda item: -item[1]))

    @property
    def no_pictures(self) -> Mapping[str, int]:
        """Entries by suffixes that no picture has, the most frequent first."""
        return dict(sorted(self._no_pictures.items(), key=lambda item: -item[1]))

    @property
    def problems(self) -> tuple[ProblemCount, ...]:
        """The omissions, in the order of their first lines."""
        # Lines are read some thousand at a time, except for those that are too long.
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
        """Number of occurrences of each unknown field."""
        return dict(self._ignored_fields)


def _count(words: dict[str, int], word: str, times: int = 1) -> None:
    if word not in words and len(words) >= MOST_WORDS:
        word = OTHER_WORDS
    words[word] = words.get(word, 0) + times
