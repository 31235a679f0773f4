"""Print the output of commands: data to stdout, messages for people to stderr.

Rules this module keeps: file names and other foreign text are escaped before they reach
a terminal (no control characters, no markup); colours and bars appear only on a
terminal, and never if ``NO_COLOR`` forbids them; if the reader of a pipe has ended
(``| head``), the command ends without an error message.
"""

import contextlib
import csv
import io
import os
import signal
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from uploadfilter.errors import ConfigError, UploadFilterError, UsageError

OK = 0
"""Exit code: everything was checked and nothing matched, or the command succeeded."""

FOUND = 1
"""Exit code: something matched, or could not be checked."""

NOTHING = 1
"""Exit code: nothing was found; a message on stderr says so."""

FAILED = 2
"""Exit code: refused, wrong usage or operational error."""

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, by the convention of shells."""

PIPE_CLOSED = 128 + signal.SIGPIPE
"""Exit code if the reader of our output has ended, by the convention of shells."""


def stdout_console() -> Console:
    """Return a console for tables on stdout.

    Without a terminal it is wide, not 80 columns, so that no cell is cut.
    """
    width = None if sys.stdout.isatty() else 200
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)


def stderr_console() -> Console:
    """Return a console for messages, warnings and progress."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def harmless(text: str) -> str:
    """Return foreign text with all characters escaped that a terminal could act on.

    The text can be encoded, too: a file name that is not UTF-8 has lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def when(epoch_s: float | None) -> str:
    """Return a time as text, in UTC; a dash if it is unknown."""
    if not epoch_s:
        return "-"
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%M}"


def words_of(value: object) -> str:
    """Return a value of a document in words."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case list() | tuple():
            return ", ".join(map(words_of, value))
    return "-" if value in (None, "", msgspec.UNSET) else str(value)


def details_of(document: msgspec.Struct) -> Iterator[Text]:
    """Yield a document as lines: a label and a value for each field that has one."""
    rows = list(_details("", msgspec.to_builtins(document, builtin_types=(datetime,))))
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        yield Text(harmless(f"{label:<{width}}  {words_of(value)}"))


def _details(label: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _details(f"{label} {name}".strip().replace("_", " "), inner)
    elif value or value is False:
        yield label, value


def rows_of(
    documents: Iterable[object],
    columns: Mapping[str, str],
    *,
    numeric: int = 0,
    whole: Collection[str] = (),
) -> Table:
    """Return documents as a table; ``columns`` has the field of each heading."""
    rows = [
        [words_of(getattr(it, name)) for name in columns.values()] for it in documents
    ]
    return table(*columns, rows=rows, numeric=numeric, whole=whole)


def csv_line(values: Iterable[object]) -> bytes:
    """Return a line of CSV whose values no spreadsheet takes for a formula."""
    buffer = io.StringIO()
    formulas = {"=", "+", "-", "@", "\t", "\r"}
    safe = [f"'{it}" if it[:1] in formulas else it for it in map(str, values)]
    csv.writer(buffer, lineterminator="\n").writerow(safe)
    return buffer.getvalue().encode()


def encodable(text: str) -> str:
    r"""Return a file name as text that UTF-8 can carry; other bytes become ``\xNN``."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


_Document = TypeVar("_Document", bound=msgspec.Struct)


def document_of(
    shape: type[_Document], source: object = None, /, **given: object
) -> _Document:
    """Return the document of a value: its fields are attributes of the value.

    Seconds since the epoch become times where the shape has times.

    Args:
        shape: The JSON of a command.
        source: Has the attributes.
        given: The fields that it has not, or has otherwise; ``UNSET`` omits one.
    """
    values = {
        key: given.get(name, getattr(source, name, msgspec.UNSET))
        for name, key in zip(
            shape.__struct_fields__, shape.__struct_encode_fields__, strict=True
        )
    }
    values = {key: it for key, it in values.items() if it is not msgspec.UNSET}
    return msgspec.convert(values, shape, strict=False, from_attributes=True)


def print_json(value: object) -> None:
    """Write one value as one line of JSON to stdout, at once."""
    write_data(msgspec.json.encode(value) + b"\n")


def write_data(data: bytes) -> None:
    """Write bytes to stdout, at once."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError as exc:
        raise _pipe_closed() from exc


def print_text(*lines: Text | Table) -> None:
    """Print coloured lines or tables to stdout."""
    console = stdout_console()
    # rich ends the program by itself on a broken pipe, with the exit code of a match.
    with console.capture() as printed:
        for line in lines:
            # A line is not wrapped, however long a name in it is.
            console.print(line, soft_wrap=isinstance(line, Text))
    write_data(printed.get().encode(sys.stdout.encoding, "replace"))


def say(message: str, *, style: str = "") -> None:
    """Print a message on stderr."""
    _tell(Text(harmless(message), style=style))


def confirm(question: str, *, refused: str) -> None:
    """Ask the user for a confirmation."""
    if not sys.stdin.isatty():
        raise UsageError(refused, hint="Without a terminal, confirm with --yes.")
    typer.confirm(harmless(question), abort=True, err=True)


def show_error(error: UploadFilterError) -> None:
    """Print an error and its remedy on stderr, or all problems that it holds."""
    if isinstance(error, ConfigError) and error.problems:
        for problem in error.problems:
            show_problem(str(problem), problem.hint)
        return
    show_problem(str(error), error.hint)


def show_problem(text: str, hint: str) -> None:
    """Print one problem and its remedy on stderr."""
    line = Text("uploadfilter: ", style="bold red")
    _tell(line.append(harmless(text), style="not bold default"))
    if hint:
        _tell(Text(f"  {harmless(hint)}", style="dim"))


def _tell(line: Text) -> None:
    """Print a line to stderr; a closed stderr does not change the exit code."""
    console = stderr_console()
    # rich would end the program with 1 here, which means that something matched.
    with console.capture() as printed:
        console.print(line)
    with contextlib.suppress(OSError):
        sys.stderr.write(printed.get())
        sys.stderr.flush()


def table(
    *columns: str,
    rows: Iterable[Iterable[str]],
    numeric: int = 0,
    whole: Collection[str] = (),
) -> Table:
    """Return a plain table of foreign text.

    Args:
        columns: Headings, left to right.
        rows: Cells, as many as columns in each row.
        numeric: Number of last columns that are right-aligned.
        whole: Headings of columns that are never folded.

    Returns:
        A table without markup.
    """
    result = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(columns):
        right = index >= len(columns) - numeric
        # An id or a checkpoint that is folded cannot be copied.
        result.add_column(
            heading,
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=heading in whole,
        )
    for row in rows:
        result.add_row(*(Text(harmless(cell)) for cell in row))
    return result


def _pipe_closed() -> typer.Exit:
    """Return the exit after a broken pipe, with stdout replaced.

    The interpreter flushes stdout when it ends, and would report the broken pipe.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return typer.Exit(PIPE_CLOSED)
