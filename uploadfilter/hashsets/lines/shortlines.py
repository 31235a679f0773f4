"""Parse JSON lines of the short form, some thousand at a time.

``jsonlines.parse_line`` checks every field by itself, which takes 30 µs a line: five
minutes for ten million lines. Nearly all lines of nearly all files are simple, so this
module checks whole columns: one conversion from hex, one check of all lengths. Every
unusual line goes to ``parse_line``, which also finds its fault. Both ways give the same
entries and the same counts
(``tests/hashsets/lines/test_shortlines.py``).
"""

from binascii import unhexlify
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from uploadfilter.hashsets.degenerate import suspects
from uploadfilter.hashsets.lines.jsonlines import (
    MOST_ID_CHARACTERS,
    MOST_QUALITY,
    is_category,
    parse_line,
)
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.model import PERCEPTUAL_TYPES, Entry, SignalType
from uploadfilter.reference.entries.collecting import BlockSignals, EntryBlock
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY

BLOCK_LINES = 4096
"""Most lines of a block: some milliseconds of work, and a megabyte of columns."""

BLOCK_BYTES = 4 << 20
"""Most bytes of a block, because lines may be long."""

_FEWEST_LINES = 16
"""Fewer lines are parsed one by one: numpy would cost more than it saves."""

_MOST_ODD = 8
"""If more than one line in this many has another form, all are parsed one by one."""

Numbered: TypeAlias = tuple[int, bytes]
"""A line and its number in the file, from 1."""

_Line: TypeAlias = Any
"""A simple line that msgspec decoded: it has a field for each of ``_FIELDS``."""

_FIELDS: list[tuple[str, type] | tuple[str, Any, Any]] = [
    ("id", str),
    ("category", str),
    ("exact_only", bool, False),
    *((kind.value, str | None, None) for kind in SignalType),
    *((f"{kind.value}_quality", int | None, None) for kind in PERCEPTUAL_TYPES),
]
_decode = msgspec.json.Decoder(
    msgspec.defstruct("_Line", _FIELDS, forbid_unknown_fields=True, gc=False)
).decode
_digits_of = {kind: attrgetter(kind.value) for kind in SignalType}
_quality_of = {kind: attrgetter(f"{kind.value}_quality") for kind in PERCEPTUAL_TYPES}


def blocks_of(lines: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    """Yield lines in blocks, each line with its number."""
    block: list[Numbered] = []
    size = 0
    for item in lines:
        block.append(item)
        size += len(item[1])
        if len(block) == BLOCK_LINES or size > BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def parse_block(
    block: Sequence[Numbered], *, categories: frozenset[str] | None, tally: Tally
) -> Iterator[Entry | EntryBlock]:
    """Parse lines in their order, and count omissions in the tally.

    Args:
        block: Lines as ``parse_line`` takes them, with their numbers.
        categories: The allowed categories; ``None`` allows all.
        tally: Counts categories, unknown fields and omissions.

    Yields:
        The entries, in blocks for neighbouring simple lines.
    """
    parser = _Parser(categories, tally)
    plain = [_plain(line) for _, line in block]
    odd = [at for at, item in enumerate(plain) if item is None]
    if len(odd) * _MOST_ODD > len(block):
        yield from parser.one_by_one(block)
        return
    start = 0
    for end in [*odd, len(block)]:
        yield from parser.together(block[start:end], plain[start:end])
        yield from parser.one_by_one(block[end : end + 1])
        start = end + 1


def _plain(line: bytes) -> _Line | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Parser:
    """Parses the pieces of one block."""

    def __init__(self, categories: frozenset[str] | None, tally: Tally) -> None:
        self._categories = categories
        self._tally = tally

    def one_by_one(self, block: Sequence[Numbered]) -> Iterator[Entry]:
        """Parse lines of any kind."""
        tally, last = self._tally, self._tally.lines
        for number, line in block:
            # The tally must note this line, not the last one of the block.
            tally.lines = number
            entry = parse_line(line, categories=self._categories, tally=tally)
            tally.lines = last
            if entry is not None:
                yield entry

    def together(
        self, block: Sequence[Numbered], plain: Sequence[_Line]
    ) -> Iterator[Entry | EntryBlock]:
        """Parse simple lines; halve the block until the others are found."""
        if len(block) < _FEWEST_LINES:
            yield from self.one_by_one(block)
            return
        columns = _columns(plain)
        if columns is not None:
            yield from self._allowed(block, plain, columns)
            return
        half = len(block) // 2
        yield from self.together(block[:half], plain[:half])
        yield from self.together(block[half:], plain[half:])

    def _allowed(
        self, block: Sequence[Numbered], plain: Sequence[_Line], columns: EntryBlock
    ) -> Iterator[EntryBlock]:
        """Yield the lines of an allowed category, and count the others."""
        for category, count in Counter(columns.categories).items():
            self._tally.saw_category(category, count)
        if self._categories is None or self._categories.issuperset(columns.categories):
            yield columns
            return
        is_kept = [word in self._categories for word in columns.categories]
        numbers = [number for number, _ in block]
        refused = list(compress(numbers, [not kept for kept in is_kept]))
        self._tally.note_lines(Problem.CATEGORY, refused)
        kept = _columns(list(compress(plain, is_kept)))
        if kept is not None and kept.ids:
            yield kept


def _columns(items: Sequence[_Line]) -> EntryBlock | None:
    """Turn simple lines into columns; return ``None`` if a line is not simple."""
    ids = [item.id for item in items]
    categories = [item.category for item in items]
    if not _are_ids(ids) or not all(map(is_category, set(categories))):
        return None
    signals: dict[SignalType, BlockSignals] = {}
    has_one = np.zeros(len(items), np.bool_)
    for kind in SignalType:
        found = _signals(items, kind)
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
        exact_only=bytes([item.exact_only for item in items]),
        signals=signals,
    )


def _are_ids(ids: Sequence[str]) -> bool:
    return (
        "".join(ids).isprintable()
        and all(ids)
        and max(map(len, ids), default=0) <= MOST_ID_CHARACTERS
    )


def _signals(items: Sequence[_Line], kind: SignalType) -> BlockSignals | None:
    """Return all signals of a type, or ``None`` if one is malformed or left out."""
    every = list(map(_digits_of[kind], items))
    digits = list(filter(None, every))
    if len(digits) == len(items):
        rows = np.arange(len(items), dtype=np.uint32)
    else:
        is_there = np.array(list(map(bool, every)), np.bool_)
        rows = np.flatnonzero(is_there).astype(np.uint32)
    if not digits:
        return BlockSignals(rows=rows, values=b"", quality=b"")
    values = _unhexlified(digits, kind.width_bytes)
    if values is None or suspects(kind, values).any():
        return None
    quality = None if kind.is_exact else _qualities(items, kind, rows)
    if quality is None and not kind.is_exact:
        return None
    return BlockSignals(rows=rows, values=values, quality=quality or b"")


def _unhexlified(digits: Sequence[str], width: int) -> bytes | None:
    if set(map(len, digits)) != {2 * width}:
        return None
    try:
        return unhexlify("".join(digits))
    except ValueError:
        return None


def _qualities(
    items: Sequence[_Line], kind: SignalType, rows: NDArray[np.uint32]
) -> bytes | None:
    every = list(map(_quality_of[kind], items))
    if len(rows) < len(every):
        every = [every[row] for row in rows.tolist()]
    stated = [quality for quality in every if quality is not None]
    if stated and not 0 <= min(stated) <= max(stated) <= MOST_QUALITY:
        return None
    if len(stated) == len(every):
        return bytes(stated)
    return bytes([UNKNOWN_QUALITY if q is None else q for q in every])
