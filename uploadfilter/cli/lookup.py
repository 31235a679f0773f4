"""``uploadfilter lookup``: list the entries that one or many signals match.

Rules this module keeps: one line of output for each line of input, in order, printed as
soon as the line was read; an invalid line gets a line too (``matches`` is ``null``, and
the exit code is 1), because a missing line would shift all later ones; memory does not
grow with the number or the length of lines; signals are compared as in the proxy.

The JSON shape is a contract (``docs/operating/commands.md``): keys may be added, never
renamed.
"""

import sys
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import count
from typing import Annotated, Protocol

import msgspec
import typer
from msgspec import Struct
from rich.table import Table
from rich.text import Text

from uploadfilter.cli.options import JSONOption, StateOption, state_directory
from uploadfilter.cli.output import (
    FOUND,
    NOTHING,
    OK,
    document_of,
    harmless,
    print_text,
    say,
    table,
    write_data,
)
from uploadfilter.doors.lookups import FoundEntry, look_up
from uploadfilter.errors import UsageError
from uploadfilter.evidence.background import Background
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.knowngood.cohorts import Cohorts
from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.search.matching import (
    THRESHOLD_LIMITS,
    Generation,
    Query,
    Thresholds,
)
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader

STDIN = "-"
"""The argument that stands for the standard input."""

READ_BYTES = 1 << 16
"""Most bytes of one read, which bounds a batch: 1,000 lines of PDQ.

A pipe holds as much. Lines that have arrived are answered before the next read, so
a program that writes one line gets its result at once, and one that writes a million
lines gets them in batches.
"""

MOST_LINE_BYTES = 1024
"""Longest line that is parsed, in bytes; a query has at most 71 bytes."""


class UnbufferedInput(Protocol):
    """A file whose read returns as soon as any bytes have arrived."""

    def read1(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, of one read; no bytes at the end."""


_TYPES = {signal_type.value: signal_type for signal_type in SignalType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One line of the input.

    Attributes:
        signal_type: The type as it was written.
        value: The value, in lower case if it is valid, otherwise as it was written;
            ``None`` if the line has no value.
        query: The query; ``None`` if the line is invalid.
        problem: The mistake in an invalid line, as a message.
    """

    signal_type: str
    value: str | None
    query: Query | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """The matches of one line; ``None`` for a line that is no query."""

    asked: Asked
    generation: int
    matches: tuple[FoundEntry, ...] | None


def lookup(
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TYPE HEX]",
            help="A signal type and a value; without them, or with -, the command "
            "reads lines of TYPE HEX from standard input.",
        ),
    ] = None,
    *,
    threshold: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The most bits that may differ.  [default: as in matching]",
        ),
    ] = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Look signals up in the reference set.

    Prints one result for each query, in order, as the query is read. MD5, SHA-1 and
    SHA-256 are compared by equality, the other types by distance, up to --threshold.

    As in matching, a perceptual signal does not find an entry with a quality below 50
    or with exact matching only, and no signal finds a suppressed entry. A PDQ value is
    compared with entries of every geometry, because a query does not name one. "By
    chance" says how many entries of this reference set chance would bring so near (E).

    Exit codes: 0 nothing matched; 1 something matched, a line is not a query, or
    there was no query; 2 wrong usage or failed.

    **Examples**

        uploadfilter lookup md5 568b72d9fa3101692a4928a5a1ef8d84

        cut -f 2,3 signals.tsv | uploadfilter lookup --threshold 20 --json
    """
    batches = _batches(query or [], threshold)
    tally = _Tally()
    cohorts = Cohorts(state_directory(state))
    with ReferenceReader.open(state_directory(state) / REFERENCE_DIRECTORY) as reader:
        for batch in batches:
            generation = reader.current()
            answers = _answer(generation, batch, cohorts.background)
            tally.add(generation, answers)
            _print(answers, as_json=json)
    if not tally.asked:
        say("there was no query to look up", style="yellow")
        raise typer.Exit(NOTHING)
    raise typer.Exit(tally.exit_code)


def _batches(words: Sequence[str], threshold: int | None) -> Iterable[Sequence[Asked]]:
    _check_threshold(threshold)
    if not words or list(words) == [STDIN]:
        if sys.stdin.isatty():
            say("reading lines of TYPE HEX; Ctrl-D ends them", style="dim")
        return asked_lines(_stdin(), threshold)
    return [(_argument(words, threshold),)]


def _stdin() -> UnbufferedInput:
    buffer = sys.stdin.buffer
    if not isinstance(buffer, BufferedReader):
        raise UsageError("the standard input cannot be read")
    return buffer


def _check_threshold(threshold: int | None) -> None:
    most = max(THRESHOLD_LIMITS.values())
    if threshold is not None and not 0 <= threshold <= most:
        raise UsageError(
            f"a threshold of {threshold} bits is not possible",
            hint=f"Use 0 to {_limits_in_words()}.",
        )


def _limits_in_words() -> str:
    limits = [f"{bits} for {kind.value}" for kind, bits in THRESHOLD_LIMITS.items()]
    return f"{', '.join(limits[:-1])} and {limits[-1]}"


def _argument(words: Sequence[str], threshold: int | None) -> Asked:
    if len(words) != 2:  # noqa: PLR2004 -- a type and a value
        raise UsageError(
            f"a query has two words, a type and a value; this one has {len(words)}",
            hint="Write for example 'uploadfilter lookup md5 HEX', or give lines of "
            "TYPE HEX on standard input.",
        )
    signal_type, value = words
    asked = parse(signal_type, value, threshold=threshold)
    if asked.query is not None and asked.query.signal.type.is_exact and threshold:
        problem = f"{asked.signal_type} is compared by equality, without a threshold"
        asked = _refused(signal_type, value, problem)
    if asked.query is None:
        raise UsageError(
            asked.problem,
            hint=f"The types are {', '.join(_TYPES)}; a value has two hex digits for "
            "each byte.",
        )
    return asked


def asked_lines(
    file: UnbufferedInput, threshold: int | None
) -> Iterator[Sequence[Asked]]:
    """Read lines of type and value; the lines of one read form a batch."""
    numbers = count(1)
    for lines in _arrived(file):
        asked = [_asked_line(line, next(numbers), threshold) for line in lines]
        batch = [item for item in asked if item is not None]
        if batch:
            yield batch


def _arrived(file: UnbufferedInput) -> Iterator[list[bytes]]:
    """Yield the lines of each read; a line that is too long is cut off."""
    rest = b""
    while data := file.read1(READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        yield lines
        rest = rest[: MOST_LINE_BYTES + 1]
    if rest:
        yield [rest]


def _asked_line(line: bytes, number: int, threshold: int | None) -> Asked | None:
    """Parse one line; return ``None`` if it is blank or a comment."""
    words = line[:MOST_LINE_BYTES].decode("utf-8", "backslashreplace").split()
    if not words or words[0].startswith("#"):
        return None
    if len(words) == 2 and len(line) <= MOST_LINE_BYTES:  # noqa: PLR2004 -- as above
        asked = parse(*words, threshold=threshold)
    else:
        value = words[1] if len(words) > 1 else None
        asked = _refused(words[0], value, "not a type and a value")
    if asked.query is None:
        say(f"line {number}: {asked.problem}", style="yellow")
    return asked


def parse(signal_type: str, value: str, *, threshold: int | None) -> Asked:
    """Parse one query.

    Args:
        signal_type: Name of a signal type, in small or capital letters.
        value: Hex digits, or another form of the value that hash sets may have.
        threshold: Most bits that may differ; ``None`` is the default of the type. It is
            ignored for exact types, which are compared by equality.
    """
    kind = _TYPES.get(signal_type.lower())
    if kind is None:
        return _refused(signal_type, value, f"there is no signal type {signal_type!r}")
    try:
        signal = Signal(type=kind, value=unhexlify(hex_of(value, kind)))
    except ValueError:
        digits = 2 * kind.width_bytes
        problem = f"a value of {kind.value} has {digits} hex digits, not {value!r}"
        return _refused(kind.value, value, problem)
    bits = Thresholds().bits(kind)
    if threshold is not None and not kind.is_exact:
        bits = threshold
        if bits > THRESHOLD_LIMITS[kind]:
            limit = THRESHOLD_LIMITS[kind]
            problem = f"the threshold of {kind.value} is {limit} at most, not {bits}"
            return _refused(kind.value, value, problem)
    query = Query(signal=signal, threshold=bits)
    return Asked(signal_type=kind.value, value=signal.value.hex(), query=query)


def _refused(signal_type: str, value: str | None, problem: str) -> Asked:
    return Asked(signal_type=signal_type, value=value, problem=problem)


def _answer(
    generation: Generation,
    batch: Sequence[Asked],
    background: Callable[[], Background | None],
) -> list[LookupResult]:
    queries = [asked.query for asked in batch if asked.query is not None]
    found = iter(look_up(generation, queries, background))
    return [
        LookupResult(
            asked=asked,
            generation=generation.number,
            matches=None if asked.query is None else next(found),
        )
        for asked in batch
    ]


@dataclass(slots=True)
class _Tally:
    """Collects the exit code, and gives each warning only once."""

    asked: int = 0
    found: bool = False
    warned: set[str] = field(default_factory=set)

    def add(self, generation: Generation, answers: Sequence[LookupResult]) -> None:
        """Count the results of a batch."""
        self.asked += len(answers)
        self.found |= any(item.matches is None or item.matches for item in answers)
        for item in answers:
            if item.asked.query is None:
                continue
            kind = item.asked.query.signal.type
            if kind not in generation.signal_types and kind.value not in self.warned:
                self.warned.add(kind.value)
                say(f"no entry has a signal of type {kind.value}", style="yellow")

    @property
    def exit_code(self) -> int:
        """0 if all lines were valid and nothing matched, otherwise 1."""
        return FOUND if self.found else OK


def _print(answers: Sequence[LookupResult], *, as_json: bool) -> None:
    if as_json:
        lines = [msgspec.json.encode(document(item)) for item in answers]
        write_data(b"\n".join([*lines, b""]))
    else:
        print_text(*(line for item in answers for line in shown(item)))


class FoundEntryJSON(Struct):
    """An entry that a signal matches; the chance is of PDQ alone."""

    set: str
    entry: str
    category: str
    distance: int
    chance: float | None


class LookedUpJSON(Struct):
    """A signal, and the entries that it matches; null for a line that is no signal."""

    signal_type: str
    value: str | None
    generation: int
    matches: list[FoundEntryJSON] | None


def document(item: LookupResult) -> LookedUpJSON:
    """Return one result as a document."""
    return document_of(
        LookedUpJSON, item.asked, generation=item.generation, matches=item.matches
    )


def shown(item: LookupResult) -> Iterator[Text | Table]:
    """Yield the output for a terminal: a line, and a table of the matches, if any."""
    words = " ".join(
        word for word in (item.asked.signal_type, item.asked.value) if word
    )
    if item.matches is None:
        yield Text(harmless(f"not looked up  {words}"), style="yellow")
    elif not item.matches:
        yield Text(f"no match  {words}", style="green")
    else:
        what = "match" if len(item.matches) == 1 else "matches"
        yield Text(f"{len(item.matches):,} {what}  {words}", style="bold red")
        rows = [
            (
                f"  {match.set}",
                match.entry,
                match.category,
                match.state,
                f"{match.distance}",
                "" if match.chance is None else f"{match.chance:.0e}",
            )
            for match in item.matches
        ]
        columns = ("  set", "entry", "category", "state", "distance", "by chance")
        yield table(*columns, rows=rows, numeric=2)
