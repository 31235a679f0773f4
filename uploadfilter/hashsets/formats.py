"""Read a hash-set file, line by line, as a stream of signals and entries.

The first line that is neither blank nor a comment shows the form: JSON lines begin with
a brace, any other file is a list. CSV must be requested. A file in a known foreign
format (``hashsets/foreign/recognising.py``) is refused with the name of the format.
Memory is bounded by the longest line.

To add a form, add a module with a ``parse_line``, a member of ``Form``, its first bytes
in ``_form_of``, and its clauses in ``hashsets/FORMAT.md``.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from io import BufferedReader, BytesIO
from itertools import chain
from typing import assert_never

from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.foreign.foreign import ForeignFormat, foreign_lines, known_by
from uploadfilter.hashsets.foreign.recognising import (
    HEAD_BYTES,
    is_table,
    refuse_foreign,
    text_of,
    utf_16_of,
)
from uploadfilter.hashsets.lines import csvlines, hashdeep, lists
from uploadfilter.hashsets.lines.csvlines import CSVRequest
from uploadfilter.hashsets.lines.hashdeep import is_hashdeep
from uploadfilter.hashsets.lines.items import IdOf, any_id, common_category
from uploadfilter.hashsets.lines.listblocks import (
    LineSource,
    ListedBlock,
    plain_block,
    stretches,
)
from uploadfilter.hashsets.lines.lists import ListedSignal
from uploadfilter.hashsets.lines.shortlines import Numbered, blocks_of, parse_block
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


class Form(StrEnum):
    """The forms of a file, except CSV."""

    LIST = "list"
    JSON_LINES = "json_lines"


def read(
    file: BufferedReader,
    *,
    categories: frozenset[str] | None,
    signal_type: SignalType | None,
    tally: Tally,
    tick: Callable[[], None],
    table: CSVRequest | None = None,
    foreign: ForeignFormat | None = None,
    id_of: IdOf = any_id,
) -> Iterator[Entry | EntryBlock | ListedSignal | ListedBlock]:
    """Read a hash-set file.

    Args:
        file: At its start.
        categories: The allowed categories; ``None`` allows all. A list has no
            categories, so exactly one must be given for it.
        signal_type: The signal type of a list; ``None`` for digests, whose type shows
            in their length.
        tally: Counts lines, entries and omissions.
        tick: Called every ``TICK_LINES`` lines and at the end, whatever they hold.
        table: The request for a CSV file; ``None`` for another file.
        foreign: The foreign format of the file; ``None`` to recognise it by its
            beginning.
        id_of: Makes ids if records of a foreign format have none.

    Yields:
        The allowed signals of a list, or the allowed entries of any other file; simple
        ones in blocks.

    Raises:
        HashSetFormatError: The file is not UTF-8 text, is in an unsupported format, is
            broken, or is CSV that does not fit the request.
        UsageError: The file holds no categories, and not exactly one was given; or a
            type or a table was requested for a file of another form.
    """
    # A peek instead of a read, because a pipe cannot be rewound.
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    form = foreign or known_by(head)
    if form is not None:
        _check_options(form.title, signal_type, table)
        yield from _foreign_items(file, form, categories, id_of, tally, tick)
        return
    if is_hashdeep(head):
        _check_options(hashdeep.TITLE, signal_type, table)
        yield from _hashdeep_items(file, categories, id_of, tally, tick)
        return
    refuse_foreign(head)
    if table is not None:
        if signal_type is not None:
            raise UsageError(
                "the type of a list was given for a CSV file",
                hint="Omit --type: --map TYPE=COLUMN gives the type of each column.",
            )
        yield from _table_items(file, table, categories, tally, tick)
        return
    if signal_type is None and is_table(head):
        raise HashSetFormatError(
            "the file is CSV, and --format csv is missing",
            hint="Give --format csv, and the fields of its columns with --map.",
        )
    _check_text(head)
    lines = _lines(file, tally, tick)
    first = next(lines, None)
    if first is not None:
        match _form_of(first, categories):
            case Form.LIST:
                types = lists.types_of(signal_type)
                yield from _list_items([first], types, tally)
                # The file position is after this line: only whole lines were read.
                yield from _list_blocks(file, types, tally, tick)
            case Form.JSON_LINES:
                tally.is_json = True
                lines = chain([first], lines)
                numbered = ((tally.lines, line) for line in lines)
                yield from _entries(numbered, categories, tally)
            case never:
                assert_never(never)
    tick()


def _check_options(
    title: str, signal_type: SignalType | None, table: CSVRequest | None
) -> None:
    """Refuse options that do not fit a file in a format with named fields."""
    if signal_type is not None or table is not None:
        option = "--type" if table is None else "an option for CSV"
        raise UsageError(
            f"{option} was given, but the file is {title}",
            hint="Omit the option: a file in this format names its fields itself.",
        )


def _foreign_items(
    file: BufferedReader,
    form: ForeignFormat,
    categories: frozenset[str] | None,
    id_of: IdOf,
    tally: Tally,
    tick: Callable[[], None],
) -> Iterator[Entry | EntryBlock]:
    """Read a foreign file: each record becomes the equivalent line."""
    tally.foreign = form.facts(text_of(file.peek(HEAD_BYTES)[:HEAD_BYTES]) or "")
    lines = foreign_lines(
        file,
        form,
        categories=categories,
        id_of=id_of,
        tally=tally,
        tick=tick,
    )
    yield from _entries(lines, categories, tally)
    tick()


def _hashdeep_items(
    file: BufferedReader,
    categories: frozenset[str] | None,
    id_of: IdOf,
    tally: Tally,
    tick: Callable[[], None],
) -> Iterator[Entry | EntryBlock]:
    category = common_category(
        categories,
        what=f"no line of {hashdeep.TITLE}",
        hint="Give exactly one --category, which every entry gets.",
    )
    lines = hashdeep.hashdeep_lines(
        _lines(file, tally, tick), category=category, id_of=id_of, tally=tally
    )
    yield from _entries(lines, categories, tally)
    tick()


def _list_blocks(
    file: BufferedReader, types: lists.Types, tally: Tally, tick: Callable[[], None]
) -> Iterator[ListedSignal | ListedBlock]:
    """Read a list in stretches: simple stretches at once, others line by line."""
    for data in stretches(file, most_line_bytes=MOST_LINE_BYTES):
        block = plain_block(data, types)
        if block is None:
            yield from _list_items(_lines(BytesIO(data), tally, tick), types, tally)
            _skip_line(file, data)
            continue
        before = tally.lines
        tally.lines += len(block)
        tally.accepted += len(block)
        for suffix, count in block.suffixes.items():
            tally.saw_no_picture(suffix, count)
        yield block
        for _ in range(before // TICK_LINES, tally.lines // TICK_LINES):
            tick()


def _list_items(
    lines: Iterable[bytes], types: lists.Types, tally: Tally
) -> Iterator[ListedSignal]:
    for line in lines:
        item = _listed(line, types, tally)
        if item is not None:
            tally.accepted += 1
            yield item


def _table_items(
    file: BufferedReader,
    table: CSVRequest,
    categories: frozenset[str] | None,
    tally: Tally,
    tick: Callable[[], None],
) -> Iterator[Entry | EntryBlock]:
    """Read a CSV file: each row becomes the equivalent JSON line."""

    def note_line() -> None:
        tally.lines += 1
        if not tally.lines % TICK_LINES:
            tick()

    lines = csvlines.lines_of(
        file, table, categories=categories, tally=tally, note_line=note_line
    )
    yield from _entries(lines, categories, tally)
    tick()


def _entries(
    lines: Iterator[Numbered], categories: frozenset[str] | None, tally: Tally
) -> Iterator[Entry | EntryBlock]:
    for block in blocks_of(lines):
        for item in parse_block(block, categories=categories, tally=tally):
            tally.accepted += len(item) if isinstance(item, EntryBlock) else 1
            yield item


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


def _lines(file: LineSource, tally: Tally, tick: Callable[[], None]) -> Iterator[bytes]:
    """Yield each line that is neither blank nor a comment, stripped."""
    readline = file.readline
    while line := readline(MOST_LINE_BYTES + 1):
        tally.lines += 1
        if not tally.lines % TICK_LINES:
            tick()
        if len(line) > MOST_LINE_BYTES:
            tally.note(Problem.LINE_TOO_LONG)
            _skip_line(file, line)
            continue
        if tally.lines == 1:
            line = line.removeprefix(_BOM)
        line = line.strip(_WHITE_SPACE)
        if line and not line.startswith(_COMMENT):
            yield line


def _skip_line(file: LineSource, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(MOST_LINE_BYTES)


def _form_of(line: bytes, categories: frozenset[str] | None) -> Form:
    if line.startswith((b"{", b"[")):
        return Form.JSON_LINES
    if categories is not None and len(categories) != 1:
        raise UsageError(
            f"a plain list names no categories, but {len(categories)} were given",
            hint="Give exactly one --category, which every line of the list gets.",
        )
    return Form.LIST


def _listed(line: bytes, types: lists.Types, tally: Tally) -> ListedSignal | None:
    item = lists.parse_line(line, types)
    if item is None:
        return None
    if isinstance(item, Problem):
        tally.note(item)
        return None
    problem = problem_of(*item)
    if problem is not None:
        tally.note(problem)
        return None
    if len(line) > 2 * item.type.width_bytes:
        suffix = lists.suffix_of(line)
        if suffix in lists.NO_PICTURES:
            tally.saw_no_picture(suffix.decode())
    return item
