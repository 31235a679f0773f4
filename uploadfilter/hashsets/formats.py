"""Read a hash-set file, line by line, as a stream of signals and entries.

The first line that is neither blank nor a comment shows the form: JSON lines begin with
a brace, any other file is a list. CSV must be requested. A file in a known foreign
format (``hashsets/foreign/recognising.py``) is refused with the name of the format.
Memory is bounded by the longest line.

To add a form, add a module that yields rows (``lines/rows.py``), its beginning in
``_entries``, and its clauses in ``hashsets/FORMAT.md``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from typing import Final

from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets.foreign.foreign import foreign_rows, known_by
from uploadfilter.hashsets.foreign.form import ForeignFormat
from uploadfilter.hashsets.foreign.recognising import (
    HEAD_BYTES,
    is_table,
    refuse_foreign,
    text_of,
    utf_16_of,
)
from uploadfilter.hashsets.lines.columns import Layout
from uploadfilter.hashsets.lines.csvlines import csv_rows
from uploadfilter.hashsets.lines.hashdeep import TITLE, hashdeep_rows, is_hashdeep
from uploadfilter.hashsets.lines.items import IdOf, any_id, common_category
from uploadfilter.hashsets.lines.lists import listed_blocks, types_of
from uploadfilter.hashsets.lines.rows import Numbered, entries_of_rows
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import Entry, SignalType
from uploadfilter.reference.entries.collecting import EntryBlock

MOST_LINE_BYTES = 256 << 10
"""Longest line: an entry with two thousand signals."""

TICK_LINES = 1 << 14
"""Lines between two reports of progress: some 50 ms of a list."""

_BOM = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n\v\f"
_COMMENT = b"#"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
# Control characters that text does not contain, unlike tabs, line ends, form feeds.
_BINARY = frozenset(range(32)) - frozenset(b"\t\n\r\f\v")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBefore:
    """The options for a file, known before it is opened.

    Attributes:
        signal_type: The signal type of a list; ``None`` for digests, whose type shows
            in their length.
        layout: The layout of a CSV file; ``None`` for another file.
        foreign: The foreign format of the file; ``None`` to recognise it by its
            beginning.
    """

    signal_type: SignalType | None = None
    layout: Layout | None = None
    foreign: ForeignFormat | None = None


NOTHING_SAID: Final = KnownBefore()


def read(
    file: BufferedReader,
    *,
    categories: frozenset[str] | None,
    tally: Tally,
    said: KnownBefore = NOTHING_SAID,
    id_of: IdOf = any_id,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Entry | EntryBlock]:
    """Read a hash-set file.

    Args:
        file: At its start.
        categories: The allowed categories; ``None`` allows all. A file without
            categories, such as a list, needs exactly one.
        tally: Counts lines, entries and omissions.
        said: The options for the file.
        id_of: Makes ids for entries that have none.
        tick: Called every ``TICK_LINES`` lines and at the end, whatever they hold.

    Yields:
        The allowed entries, simple ones in blocks.

    Raises:
        HashSetFormatError: The file is not UTF-8 text, is in an unsupported format, is
            broken, or is CSV that does not fit the request.
        UsageError: The file holds no categories, and not exactly one was given; or a
            type or a table was requested for a file of another form.
    """
    for item in _entries(_Source(file, categories, tally, said, id_of, tick)):
        tally.accepted += len(item) if isinstance(item, EntryBlock) else 1
        yield item
    tick()


@dataclass(frozen=True, slots=True)
class _Source:
    """The arguments of ``read``."""

    file: BufferedReader
    categories: frozenset[str] | None
    tally: Tally
    said: KnownBefore
    id_of: IdOf
    tick: Callable[[], None]

    def lines(self) -> Iterator[Numbered]:
        """Yield each line that is neither blank nor a comment, stripped."""
        readline, tally = self.file.readline, self.tally
        while line := readline(MOST_LINE_BYTES + 1):
            tally.lines += 1
            if not tally.lines % TICK_LINES:
                self.tick()
            if len(line) > MOST_LINE_BYTES:
                tally.note(Problem.LINE_TOO_LONG)
                while line and not line.endswith(b"\n"):
                    line = readline(MOST_LINE_BYTES)
                continue
            if tally.lines == 1:
                line = line.removeprefix(_BOM)
            line = line.strip(_WHITE_SPACE)
            if line and not line.startswith(_COMMENT):
                yield tally.lines, line


def _entries(source: _Source) -> Iterator[Entry | EntryBlock]:
    # A peek instead of a read, because a pipe cannot be rewound.
    head = source.file.peek(HEAD_BYTES)[:HEAD_BYTES]
    said, tally = source.said, source.tally
    form = said.foreign or known_by(head)
    if form is not None:
        _check_options(form.title, said)
        tally.foreign = form.facts(text_of(head) or "")
        rows = foreign_rows(
            source.file,
            form,
            categories=source.categories,
            id_of=source.id_of,
            tally=tally,
            tick=source.tick,
        )
    elif is_hashdeep(head):
        _check_options(TITLE, said)
        rows = hashdeep_rows(
            source.lines(),
            category=_common_category(source, f"no line of {TITLE}"),
            id_of=source.id_of,
            tally=tally,
        )
    else:
        refuse_foreign(head)
        if said.layout is not None:
            rows = _table_rows(source, said.layout)
        else:
            _check_lines(head, said)
            lines = source.lines()
            first = next(lines, None)
            if first is None:
                return
            rows = chain([first], lines)
            if not first[1].startswith((b"{", b"[")):
                yield from _listed(source, rows)
                return
            tally.is_json = True
    yield from entries_of_rows(rows, categories=source.categories, tally=tally)


def _common_category(source: _Source, what: str) -> str:
    return common_category(
        source.categories,
        what=what,
        hint="Give exactly one --category, which every entry gets.",
    )


def _listed(source: _Source, lines: Iterator[Numbered]) -> Iterator[EntryBlock]:
    return listed_blocks(
        lines,
        types_of(source.said.signal_type),
        category=_common_category(source, "no line of a plain list"),
        id_of=source.id_of,
        tally=source.tally,
    )


def _table_rows(source: _Source, layout: Layout) -> Iterator[Numbered]:
    if source.said.signal_type is not None:
        raise UsageError(
            "the type of a list was given for a CSV file",
            hint="Omit --type: --map TYPE=COLUMN gives the type of each column.",
        )
    tally = source.tally

    def note_line() -> None:
        tally.lines += 1
        if not tally.lines % TICK_LINES:
            source.tick()

    return csv_rows(
        source.file,
        layout,
        id_of=source.id_of,
        categories=source.categories,
        tally=tally,
        note_line=note_line,
    )


def _check_options(title: str, said: KnownBefore) -> None:
    """Refuse options that do not fit a file in a format with named fields."""
    if said.signal_type is not None or said.layout is not None:
        option = "--type" if said.layout is None else "an option for CSV"
        raise UsageError(
            f"{option} was given, but the file is {title}",
            hint="Omit the option: a file in this format names its fields itself.",
        )


def _check_lines(head: bytes, said: KnownBefore) -> None:
    """Refuse a table that was not requested, and a file that is not text."""
    if said.signal_type is None and is_table(head):
        raise HashSetFormatError(
            "the file is CSV, and --format csv is missing",
            hint="Give --format csv, and the fields of its columns with --map.",
        )
    _check_text(head)


def _check_text(head: bytes) -> None:
    """Refuse a file that is certainly not text, with a hint."""
    if head.startswith(_WIDE_BOMS):
        raise HashSetFormatError(
            "the file is UTF-16, not UTF-8",
            hint="If it is CSV, give the fields of its columns with --map; it need not "
            "be converted. Otherwise convert it: iconv -f utf-16 -t utf-8 FILE > NEW.",
        )
    codec = utf_16_of(head)
    if codec is not None:
        raise HashSetFormatError(
            "the file is UTF-16 without a byte order mark, not UTF-8",
            hint=f"Convert it: iconv -f {codec} -t utf-8 FILE > NEW",
        )
    if not _BINARY.isdisjoint(head):
        raise HashSetFormatError(
            "the file is not text",
            hint="Unpack or export it first: accepted are lists of hex digests, the "
            "output of md5sum, sha1sum and sha256sum, JSON lines, and CSV.",
        )
