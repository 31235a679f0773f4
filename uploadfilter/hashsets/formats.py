"""Read a file of signals, line by line, as a stream of what may be matched.

The form is known by the first line that is neither blank nor a comment: JSON lines
begin with a brace, everything else is a list. That a file is CSV has to be said. What
is known to be in a format of somebody else (``hashsets/foreign/recognising.py``) is
refused by its name. Memory is bounded by the longest line.

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
# Control characters that text does not hold; tabs, line ends and form feeds it may.
_BINARY = frozenset(range(32)) - frozenset(b"\t\n\r\f\v")


class Form(StrEnum):
    """How a file that is no CSV writes its entries down."""

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
        categories: Those that are allowed; ``None`` allows all. A list says nothing of
            categories, so that exactly one has to be given for it.
        signal_type: What a list consists of; ``None``: digests, known by their length.
        tally: Counts what is read and what is left out.
        tick: Called every ``TICK_LINES`` lines and at the end, whatever they hold.
        table: What is asked of the file if it is CSV; ``None`` if it is not.
        foreign: The format of somebody else that it is in; ``None``: its beginning
            tells.
        id_of: Makes ids where records of such a format have none.

    Yields:
        Of a list the signals, of all else the entries, plain ones in blocks, that may
        be matched.

    Raises:
        HashSetFormatError: The file is no text in UTF-8, is in a format that is not
            read, is broken, or is CSV and not as asked for.
        UsageError: The file holds no categories, and there is not exactly one; or a
            type or a table was asked for of a file that is something else.
    """
    # Peeked at and not read, because a pipe cannot be set back.
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
                hint="Leave --type out: --map TYPE=COLUMN says it for each column.",
            )
        yield from _table_items(file, table, categories, tally, tick)
        return
    if signal_type is None and is_table(head):
        raise HashSetFormatError(
            "the file is CSV, and the command does not say so",
            hint="Give --format csv, and say with --map what its columns hold.",
        )
    _check_text(head)
    lines = _lines(file, tally, tick)
    first = next(lines, None)
    if first is not None:
        match _form_of(first, categories):
            case Form.LIST:
                types = lists.types_of(signal_type)
                yield from _list_items([first], types, tally)
                # The file is behind this line: only whole lines were read so far.
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
    """Refuse what cannot be asked of a file that says for itself what it holds."""
    if signal_type is not None or table is not None:
        option = "--type" if table is None else "an option for CSV"
        raise UsageError(
            f"{option} was given, but the file is {title}",
            hint="Leave it out: such a file says for itself what it holds.",
        )


def _foreign_items(
    file: BufferedReader,
    form: ForeignFormat,
    categories: frozenset[str] | None,
    id_of: IdOf,
    tally: Tally,
    tick: Callable[[], None],
) -> Iterator[Entry | EntryBlock]:
    """Read a file of somebody else: each record becomes the line that says the same."""
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
    """Read a list, stretch by stretch: what is plain together, all else by the line."""
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
    """Read a CSV file: each row becomes the line that would say the same as JSON."""

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
    """Refuse what is plainly something else, with a word about what to do."""
    if head.startswith(_WIDE_BOMS):
        raise HashSetFormatError(
            "the file is UTF-16, not UTF-8",
            hint="If it is CSV, say with --map what its columns hold; it need not be "
            "converted. Otherwise convert it: iconv -f utf-16 -t utf-8 FILE > NEW.",
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
