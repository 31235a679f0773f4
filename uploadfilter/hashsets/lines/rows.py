"""Rows: the form in which readers hand over entries, and its checks.

A row is a JSON line, short or general. Clauses: ``hashsets/FORMAT.md``, section 3.

::

    {"id": "p-1", "category": "A", "md5": "…", "pdq": "…", "pdq_quality": 87}
    {"id": "p-2", "category": "A", "exact_only": false, "signals": [
        {"type": "pdq", "value": "…", "quality": 87, "geometry": "full"}]}

msgspec checks the fields. Nearly all rows of nearly all files are simple, so that some
thousand of them are checked together, column by column: one conversion from hex, one
check of all lengths. Every other row is checked by itself, which also finds its fault.
Both ways give the same entries and the same counts
(``tests/hashsets/lines/test_rows.py``).
"""

from binascii import unhexlify
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import numpy as np

from uploadfilter.hashsets.degenerate import problem_of, suspects
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import (
    FULL_WINDOW,
    PERCEPTUAL_TYPES,
    Entry,
    EntrySignal,
    Geometry,
    Signal,
    SignalType,
)
from uploadfilter.reference.entries.collecting import BlockSignals, EntryBlock
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY

MOST_ID_CHARACTERS: Final = 128
"""Longest id of an entry: every record of a match holds an id."""

MOST_CATEGORY_CHARACTERS: Final = 64
"""Longest name of a category: it is a label of metrics."""

BLOCK_ROWS: Final = 4096
"""Most rows of a block: some milliseconds of work, and a megabyte of columns."""

BLOCK_BYTES: Final = 4 << 20
"""Most bytes of the lines of a block, because lines may be long."""

_FEWEST_ROWS: Final = 16
"""Fewer rows are checked one by one: numpy would cost more than it saves."""

Numbered: TypeAlias = tuple[int, bytes]
"""A line and its number in the file, from 1."""

_Row: TypeAlias = Any
"""A row that msgspec decoded: it has a field for each of ``_FIELDS``."""

_Quality: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=100)] | None
_Window: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"\A(full|c[1-9][0-9]?|film:[1-9][0-9]{0,3})\Z")
]
"""The whole picture, its centre with so many per cent of each side, or one of so many
frames of a film."""


class _Part(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    type: SignalType
    value: str
    quality: _Quality = None
    geometry: Geometry | None = None
    window: _Window | None = None

    def __post_init__(self) -> None:
        """Refuse facts that signals of this type do not have."""
        if self.quality is not None and self.type.is_exact:
            raise ValueError("a digest has no quality")
        if self.geometry is not None and self.type is not SignalType.PDQ:
            raise ValueError("only PDQ has a geometry")


_QUALITIES: Final = {kind: f"{kind.value}_quality" for kind in PERCEPTUAL_TYPES}
_FIELDS: Final[list[tuple[str, Any, Any]]] = [
    ("id", str | int, ""),
    ("category", str | int | None, None),
    ("exact_only", bool, False),
    ("signals", list[_Part] | None, None),
    *((kind.value, str | None, None) for kind in SignalType),
    *((name, _Quality, None) for name in _QUALITIES.values()),
]
_STRUCT: Final = msgspec.defstruct(
    "_Row", _FIELDS, forbid_unknown_fields=True, gc=False
)
_KNOWN: Final = frozenset(name for name, _, _ in _FIELDS)
_KNOWN_OF_PART: Final = frozenset(_Part.__struct_fields__)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode: Final[Callable[[bytes], _Row]] = msgspec.json.Decoder(_STRUCT).decode
_digits_of: Final = {kind: attrgetter(kind.value) for kind in SignalType}
_quality_of: Final = {kind: attrgetter(name) for kind, name in _QUALITIES.items()}


def is_category(word: str) -> bool:
    """Return whether a word is a valid category."""
    return (
        0 < len(word) <= MOST_CATEGORY_CHARACTERS
        and word.isprintable()
        # Our own words in a histogram of categories begin so.
        and not word.startswith("(")
    )


def entries_of_rows(
    numbered: Iterable[Numbered], *, categories: frozenset[str] | None, tally: Tally
) -> Iterator[Entry | EntryBlock]:
    """Yield the entries of rows in order, neighbouring simple ones in blocks."""
    checks = _Checks(categories, tally)
    for block in in_blocks(numbered):
        rows, start = list(checks.decoded(block)), 0
        for at, (_, row) in enumerate(rows):
            if row.signals is not None or row.category is None:
                yield from checks.together(rows[start:at])
                yield from checks.each(rows[at : at + 1])
                start = at + 1
        yield from checks.together(rows[start:])


def in_blocks(rows: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Yield lines in blocks of bounded size."""
    block: list[Numbered] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row[1])
        if len(block) == BLOCK_ROWS or size > BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


class _Checks:
    def __init__(self, categories: frozenset[str] | None, tally: Tally) -> None:
        self._categories = categories
        self._tally = tally

    def decoded(self, block: Iterable[Numbered]) -> Iterator[tuple[int, _Row]]:
        for number, row in block:
            found: _Row | Problem
            try:
                found = _decode(row)
            except _UNREADABLE:
                found = self._unusual(row)
            if isinstance(found, Problem):
                self._tally.note_lines(found, [number])
                continue
            # Many tools number their entries and categories.
            if not isinstance(found.id, str):
                found.id = str(found.id)
            if isinstance(found.category, int):
                found.category = str(found.category)
            yield number, found

    def _unusual(self, row: bytes) -> _Row | Problem:
        """Decode a row without its unknown fields, or find its fault."""
        try:
            item = msgspec.json.decode(row)
        except _UNREADABLE:
            return Problem.NOT_JSON
        if not isinstance(item, dict):
            return Problem.NOT_JSON
        known = {name: value for name, value in item.items() if name in _KNOWN}
        for kind, quality in _QUALITIES.items():
            # The quality of an absent signal means nothing.
            if not known.get(kind.value):
                known.pop(quality, None)
        parts, unknown = known.get("signals"), [*(item.keys() - _KNOWN)]
        if isinstance(parts, list):
            unknown += [
                name
                for part in parts
                if isinstance(part, dict)
                for name in part.keys() - _KNOWN_OF_PART
            ]
            known["signals"] = [_known_part(part) for part in parts]
        try:
            found = msgspec.convert(known, _STRUCT)
        except (msgspec.ValidationError, RecursionError):
            return _fault_of(known)
        for name in unknown:
            self._tally.ignored_field(name)
        return found

    def each(self, rows: Iterable[tuple[int, _Row]]) -> Iterator[Entry]:
        for number, row in rows:
            signals = _signals_of(row)
            if isinstance(signals, Problem):
                self._tally.note_lines(signals, [number])
                continue
            self._tally.saw_category(row.category)
            if row.category is None or (
                self._categories is not None and row.category not in self._categories
            ):
                self._tally.note_lines(Problem.CATEGORY, [number])
                continue
            kept = []
            for item in signals:
                problem = problem_of(item.signal.type, item.signal.value)
                if problem is None:
                    kept.append(item)
                else:
                    self._tally.note_lines(problem, [number])
            if kept:
                yield Entry(
                    id=row.id,
                    category=row.category,
                    signals=tuple(kept),
                    exact_only=row.exact_only,
                )

    def together(
        self, rows: Sequence[tuple[int, _Row]]
    ) -> Iterator[Entry | EntryBlock]:
        """Check simple rows; halve them until the others are found."""
        if len(rows) < _FEWEST_ROWS:
            yield from self.each(rows)
            return
        block = _columns_of([row for _, row in rows])
        if block is None:
            half = len(rows) // 2
            yield from self.together(rows[:half])
            yield from self.together(rows[half:])
            return
        for category, count in Counter(block.categories).items():
            self._tally.saw_category(category, count)
        if self._categories is not None and not self._categories.issuperset(
            block.categories
        ):
            allowed = [word in self._categories for word in block.categories]
            numbers = [number for number, _ in rows]
            refused = compress(numbers, [not it for it in allowed])
            self._tally.note_lines(Problem.CATEGORY, list(refused))
            block = _columns_of([row for _, row in compress(rows, allowed)])
        if block:
            yield block


def _known_part(part: object) -> object:
    if not isinstance(part, dict):
        return part
    return {name: part[name] for name in part.keys() & _KNOWN_OF_PART}


def _fault_of(item: dict[str, Any]) -> Problem:
    if not _is_a(item.get("id"), str | int | None):
        return Problem.BAD_ID
    if not _is_a(item.get("category"), str | int | None):
        return Problem.BAD_CATEGORY
    parts = item.get("signals")
    if isinstance(parts, list) and not all(
        _is_a(part.get("type"), SignalType) for part in parts if isinstance(part, dict)
    ):
        return Problem.UNKNOWN_TYPE
    return Problem.BAD_FIELD


def _is_a(value: object, kind: Any) -> bool:  # noqa: ANN401 -- a type or a union
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _signals_of(row: _Row) -> list[EntrySignal] | Problem:
    if not _are_ids([row.id]):
        return Problem.BAD_ID
    if row.category is not None and not is_category(row.category):
        return Problem.BAD_CATEGORY
    found = []
    for kind in SignalType:
        digits = _digits_of[kind](row)
        if digits:
            value = _value_of(kind, digits)
            if isinstance(value, Problem):
                return value
            quality = None if kind.is_exact else _quality_of[kind](row)
            signal = Signal(type=kind, value=value)
            found.append(EntrySignal(signal=signal, quality=quality))
    for part in row.signals or ():
        value = _value_of(part.type, part.value)
        if isinstance(value, Problem):
            return value
        found.append(
            EntrySignal(
                signal=Signal(type=part.type, value=value),
                quality=part.quality,
                geometry=part.geometry,
                window=part.window or FULL_WINDOW,
            )
        )
    return found or Problem.NO_SIGNALS


def _value_of(kind: SignalType, digits: str) -> bytes | Problem:
    try:
        value = unhexlify(hex_of(digits, kind))
    except ValueError:
        is_hex = all(digit in "0123456789abcdefABCDEF" for digit in digits)
        return Problem.ODD_LENGTH if is_hex else Problem.NOT_HEX
    return value if len(value) == kind.width_bytes else Problem.WRONG_LENGTH


def _columns_of(rows: Sequence[_Row]) -> EntryBlock | None:
    """Turn rows into columns; return ``None`` if a row is not simple."""
    ids = [row.id for row in rows]
    categories = [row.category for row in rows]
    if not _are_ids(ids) or not all(map(is_category, set(categories))):
        return None
    signals: dict[SignalType, BlockSignals] = {}
    has_one = np.zeros(len(rows), np.bool_)
    for kind in SignalType:
        found = _column_of(rows, kind)
        if found is None:
            return None
        if len(found.rows):
            signals[kind] = found
            has_one[found.rows] = True
    if not has_one.all():
        return None
    return EntryBlock(
        ids=ids,
        categories=categories,
        exact_only=bytes([row.exact_only for row in rows]),
        signals=signals,
    )


def _are_ids(ids: Sequence[str]) -> bool:
    return (
        "".join(ids).isprintable()
        and all(ids)
        and max(map(len, ids), default=0) <= MOST_ID_CHARACTERS
    )


def _column_of(rows: Sequence[_Row], kind: SignalType) -> BlockSignals | None:
    """Return all signals of a type, or ``None`` if one is malformed or left out."""
    every = list(map(_digits_of[kind], rows))
    digits = list(filter(None, every))
    if not digits:
        return BlockSignals(rows=np.zeros(0, np.uint32), values=b"", quality=b"")
    there = np.arange(len(every), dtype=np.uint32)
    if len(digits) < len(every):
        there = np.flatnonzero(list(map(bool, every))).astype(np.uint32)
    if set(map(len, digits)) != {2 * kind.width_bytes}:
        return None
    try:
        values = unhexlify("".join(digits))
    except ValueError:
        return None
    if suspects(kind, values).any():
        return None
    quality = b""
    if not kind.is_exact:
        stated = [_quality_of[kind](rows[at]) for at in there.tolist()]
        quality = bytes([UNKNOWN_QUALITY if it is None else it for it in stated])
    return BlockSignals(rows=there, values=values, quality=quality)
