r"""Parse lists of digests: a hex value a line, or output of md5sum and its relatives.

::

    d131dd02c5e6eec4693d9a0698aff95c
    d131dd02c5e6eec4693d9a0698aff95c  holiday.jpg
    d131dd02c5e6eec4693d9a0698aff95c *holiday.jpg
    \d131dd02c5e6eec4693d9a0698aff95c  new\nline.jpg
    MD5 (holiday.jpg) = d131dd02c5e6eec4693d9a0698aff95c
    md5 d131dd02c5e6eec4693d9a0698aff95c

File names are never kept. Suffixes that no picture has are counted: a list of a whole
folder also lists its notes. Clauses: ``hashsets/FORMAT.md``, section 2.
"""

import re
from binascii import Error as NotHex
from binascii import unhexlify
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from uploadfilter.hashsets.degenerate import problem_of, suspects
from uploadfilter.hashsets.lines.items import IdOf
from uploadfilter.hashsets.lines.rows import Numbered, in_blocks
from uploadfilter.hashsets.tally import Problem, Tally
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import EXACT_TYPES, SignalType
from uploadfilter.reference.entries.collecting import BlockSignals, EntryBlock
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY


class ListedSignal(NamedTuple):
    """One line of a list: a tuple, because a list has a million of them."""

    type: SignalType
    value: bytes


Types = Mapping[int, SignalType]
"""Signal type by the number of hex digits."""

DIGESTS: Types = MappingProxyType({2 * kind.width_bytes: kind for kind in EXACT_TYPES})
"""The default signal type by length: 64 digits are SHA-256, never PDQ."""

# The output of coreutils with --tag, and of openssl dgst without spaces.
_TAGGED = re.compile(rb"([A-Z0-9-]+) ?\(.*\) ?= ?(\S+)", re.DOTALL)
_TAGS = MappingProxyType(
    {
        b"MD5": SignalType.MD5,
        b"SHA1": SignalType.SHA1,
        b"SHA256": SignalType.SHA256,
        b"SHA2-256": SignalType.SHA256,
    }
)
_WORDS: Final[Mapping[bytes, SignalType]] = MappingProxyType(
    {kind.value.encode(): kind for kind in (*EXACT_TYPES, SignalType.PDQ)}
    | {b"video_md5": SignalType.MD5}
)
"""The prefixes that ``tx`` writes before a value."""

_HEADINGS = frozenset({b"MD5", b"SHA1", b"SHA-1", b"SHA256", b"SHA-256"})
"""First line of a text export of X-Ways."""
_HEX = re.compile(rb"[0-9A-Fa-f]*")
NO_PICTURES = frozenset(
    b"txt log md rtf doc docx odt xls xlsx ods ppt pptx csv json xml html htm css js "
    b"db sqlite ini cfg conf dat tmp bak lnk url ds_store zip rar 7z gz tar exe dll "
    b"sys bat sh py php jar apk iso mp3 wav ogg flac m4a".split()
)
"""Suffixes of files that are never pictures. Those of videos and PDFs are missing,
because a case may list such files."""

_BEFORE_NAMES: Final = (b" ", b"*")
"""The second separator between a digest and a name, after the space."""

_PREFIXES = (b"0x", b"0X", b"\\x")


def types_of(signal_type: SignalType | None) -> Types:
    """Return the signal types by length, in a list of one type or of digests."""
    if signal_type is None:
        return DIGESTS
    return {2 * signal_type.width_bytes: signal_type}


def listed_blocks(
    lines: Iterable[Numbered],
    types: Types,
    *,
    category: str,
    id_of: IdOf,
    tally: Tally,
) -> Iterator[EntryBlock]:
    """Yield the digests of a list as entries of one signal each.

    Args:
        lines: As ``parse_line`` takes them, with their numbers.
        types: The signal types by length.
        category: The category of all entries.
        id_of: Makes the ids.
        tally: Counts omissions, and names that no picture has.
    """
    for block in in_blocks(lines):
        found: dict[SignalType, list[tuple[int, bytes, bytes]]] = {}
        for number, line in block:
            item = parse_line(line, types)
            if isinstance(item, Problem):
                tally.note_lines(item, [number])
            elif item is not None:
                found.setdefault(item.type, []).append((number, item.value, line))
        for kind, listed in found.items():
            values = _kept(kind, listed, tally)
            if values:
                yield _block_of(kind, values, category, id_of)


def _kept(
    kind: SignalType, listed: Sequence[tuple[int, bytes, bytes]], tally: Tally
) -> list[bytes]:
    """Return the values that may be matched, and count the others."""
    is_suspect = suspects(kind, b"".join([value for _, value, _ in listed])).tolist()
    kept = []
    for (number, value, line), is_out in zip(listed, is_suspect, strict=True):
        problem = problem_of(kind, value) if is_out else None
        if problem is not None:
            tally.note_lines(problem, [number])
            continue
        kept.append(value)
        if len(line) > 2 * kind.width_bytes:
            suffix = suffix_of(line)
            if suffix in NO_PICTURES:
                tally.saw_no_picture(suffix.decode())
    return kept


def _block_of(
    kind: SignalType, values: Sequence[bytes], category: str, id_of: IdOf
) -> EntryBlock:
    count = len(values)
    signals = BlockSignals(
        rows=np.arange(count, dtype=np.uint32),
        values=b"".join(values),
        quality=b"" if kind.is_exact else bytes([UNKNOWN_QUALITY]) * count,
    )
    return EntryBlock(
        ids=[id_of(kind, value) for value in values],
        categories=[category] * count,
        exact_only=bytes(count),
        signals={kind: signals},
    )


def parse_line(line: bytes, types: Types) -> ListedSignal | Problem | None:
    """Parse one line of a list.

    Args:
        line: Without leading and trailing white space; neither empty nor a comment.
        types: The signal types by length.

    Returns:
        The signal, or the fault, or ``None`` for a heading.
    """
    digits, space, name = line.partition(b" ")
    signal_type = types.get(len(digits))
    # A name follows a second separator, and is not read.
    is_name = len(name) > 1 and name.startswith(_BEFORE_NAMES)
    if signal_type is not None and (is_name or not space):
        try:
            return ListedSignal(signal_type, unhexlify(digits))
        except NotHex:
            pass
    return parse_any(line, types)


def suffix_of(line: bytes) -> bytes:
    """Return the suffix of the name in a line, in small letters; empty without one."""
    if b"." not in line:
        return b""
    if b"(" in line and _TAGGED.fullmatch(line) is not None:
        name = line[line.index(b"(") + 1 : line.rindex(b")")]
    else:
        name = line.partition(b" ")[2][1:]
    return name.rpartition(b".")[2].lower() if b"." in name else b""


def parse_any(line: bytes, types: Types) -> ListedSignal | Problem | None:
    """Parse any line: ``parse_line`` calls this slow version for unusual lines."""
    # A backslash means that the name, which is not read, is escaped.
    line = line if line.startswith(_PREFIXES) else line.removeprefix(b"\\")
    tagged = _TAGGED.fullmatch(line)
    if tagged is not None:
        tag, digits = tagged.groups()
        return _parse_tagged(tag, digits, types)
    digits, space, name = line.partition(b" ")
    if space and digits in _WORDS:
        return _parse_worded(_WORDS[digits], name, types)
    if space and not (name[:1] in (b" ", b"*") and name[1:]):
        return Problem.TRAILING_TEXT if _HEX.fullmatch(digits) else Problem.NOT_HEX
    if digits.upper() in _HEADINGS and not space:
        return None
    return _parse_digits(digits, types)


def _as_hex(word: bytes, types: Types) -> bytes:
    """Return a value in hex digits, if a mark shows that it has another notation.

    Without a given type, only ``0x`` and the padding of base64 are such marks.
    """
    if len(types) > 1 and not (word.startswith(_PREFIXES) or word.endswith(b"=")):
        return word
    text = word.decode("ascii", "replace")
    for kind in types.values():
        digits = hex_of(text, kind)
        if digits != text:
            return digits.encode()
    return word


def _parse_tagged(tag: bytes, digits: bytes, types: Types) -> ListedSignal | Problem:
    signal_type = _TAGS.get(tag)
    if signal_type is None or signal_type not in types.values():
        return Problem.UNKNOWN_TYPE
    return _parse_digits(digits, types_of(signal_type))


def _parse_worded(
    signal_type: SignalType, digits: bytes, types: Types
) -> ListedSignal | Problem:
    """Parse a value after its type, in a list of one type or of any types."""
    if len(types) == 1 and signal_type not in types.values():
        return Problem.UNKNOWN_TYPE
    return _parse_digits(digits.strip(), types_of(signal_type))


def _parse_digits(digits: bytes, types: Types) -> ListedSignal | Problem:
    digits = _as_hex(digits, types)
    if not _HEX.fullmatch(digits):
        return Problem.NOT_HEX
    if len(digits) % 2:
        return Problem.ODD_LENGTH
    signal_type = types.get(len(digits))
    if signal_type is None:
        return Problem.WRONG_LENGTH
    return ListedSignal(signal_type, unhexlify(digits))
