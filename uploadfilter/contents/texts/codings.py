r"""Undo the codings of bytes in text other than base64: digits, numbers, and others.

Each coding finds the runs of a text that could be encoded so, at a nanosecond for each
byte, and decodes them. The caller tests the kind of the decoded bytes.

Rules this module keeps: linear time for any text; a run gives no more bytes than it
has; nothing is imported late, since a confined process cannot import.

To add a coding: a function like the others, and its lines in ``coded``.
"""

import binascii
import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.patterns import Patterns, none_of, one_of
from uploadfilter.contents.texts.digits import (
    BETWEEN,
    BYTES_PER_STEP,
    HEX_DIGITS,
    LONG_ROW,
    RUN_STEPS,
    SHORTEST_BYTES,
    TRY_STEPS,
    from_digits,
    named,
    runs,
    table_of,
)
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.layers import unescaped

_Bytes = NDArray[np.uint8]
_Numbers = NDArray[np.int64]

# --- Lines of uuencode ---------------------------------------------------------------

_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\r\n]*\r?\n")
_FULL_LINES = re.compile(rb"\n(M[ -`]{60}\r?\n)M")
"""Two lines of 45 bytes each without a first line of ``begin``, as PHP writes them."""


def from_uuencode(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield the files that uuencode wrote, with their first line or without it."""
    if b"begin " in text:
        for match in _BEGIN.finditer(text):
            effort.take(RUN_STEPS)
            yield _from_lines(text, match.end(), effort)[0]
    end = 0
    if _FULL_LINES.match(b"\n" + text[:_TWO_LINES]):
        effort.take(RUN_STEPS)
        data, end = _from_lines(text, 0, effort)
        yield data
    for match in _FULL_LINES.finditer(text):
        if match.start(1) >= end:
            effort.take(RUN_STEPS)
            data, end = _from_lines(text, match.start(1), effort)
            yield data


_TWO_LINES = 64


def _from_lines(text: bytes, at: int, effort: Effort) -> tuple[bytes, int]:
    """Decode lines of uuencode, and return the offset after them."""
    parts = list[bytes]()
    while at < len(text):
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].rstrip(b"\r")
        at = end + 1
        if not line or line.startswith(b"end"):
            break
        effort.take(1)
        try:
            parts.append(binascii.a2b_uu(line))
        except binascii.Error:
            break
    return b"".join(parts), at


# --- Strings of databases ---------------------------------------------------------

_IN_DUMP = re.compile(rb"'(?:\xff\xd8\xff|\x89PNG|GIF8|RIFF|BM|PK\x03\x04|(?:\\0){3})")
_DUMP_ENDS = re.compile(rb"(?<!\\)(\\*+)'")
_SHORTEST_DUMP = 60
"""Bytes: no picture is shorter."""

_DUMPED = re.compile(rb"\\(.)", re.DOTALL)
_DUMPED_AS = {
    b"0": b"\0",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"Z": b"\x1a",
    b"b": b"\b",
}


def from_dump(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield the strings of MySQL, in which most bytes stand unchanged.

    Source:
        MySQL 8.0 Reference Manual, 11.1.1 "String Literals".
    """
    at = 0
    while begin := _IN_DUMP.search(text, at):
        end = _end_of_dump(text, begin.end(), effort)
        if end < 0:
            return
        string = text[begin.start() + 1 : end]
        at = begin.end()
        if len(string) >= _SHORTEST_DUMP:
            at = end + 1
            effort.take(RUN_STEPS + len(string) // BYTES_PER_STEP)
            yield _DUMPED.sub(lambda each: _DUMPED_AS.get(each[1], each[1]), string)


def _end_of_dump(text: bytes, at: int, effort: Effort) -> int:
    """Return the offset of the quotation mark that ends a string, or -1."""
    for match in _DUMP_ENDS.finditer(text, at):
        effort.take(1)
        if len(match[1]) % 2 == 0:
            return match.end() - 1
    return -1


# --- Alphabets of 32 and 85 ----------------------------------------------------------

_MEMBERS_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567=\r\n"
_SMALL_MEMBERS_32 = b"abcdefghijklmnopqrstuvwxyz234567="
BASE32 = {
    "base32": table_of(_MEMBERS_32),
    "base32 in small letters": table_of(_SMALL_MEMBERS_32),
}
_LETTERS_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VALUE_32 = bytes.maketrans(
    _LETTERS_32 + _LETTERS_32.lower(), bytes(range(32)) + bytes(range(32))
)


def from_base32(text: bytes, effort: Effort, table: bytes) -> Iterator[bytes]:
    """Decode long strings of base32, in capitals or small letters."""
    for start, end in runs(text, table, 2 * SHORTEST_BYTES):
        letters = text[start:end].translate(_VALUE_32, b"=\r\n")
        effort.take(RUN_STEPS + len(letters) // BYTES_PER_STEP)
        values = np.frombuffer(letters, dtype=np.uint8)
        bits = np.unpackbits(values.reshape(-1, 1), axis=1)[:, 3:]
        yield np.packbits(bits.reshape(-1)[: bits.size // 8 * 8]).tobytes()


_ASCII85 = b"".join(b"%c" % (33 + value) for value in range(85))
_RFC1924 = (
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    b"!#$%&()*+-;<=>?@^_`{|}~"
)
_Z85 = (
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    b".-:+=^!/*?&<>()[]{}@%$#"
)
_FIRST_TWO = frozenset(
    {
        *(b"\xff\xd8", b"\x89P", b"GI", b"RI", b"\0\0", b"II", b"MM", b"BM", b"8B"),
        *(b"PK", b"\x1f\x8b", b"BZ", b"\xfd7", b"\x28\xb5", b"7z", b"Ra", b"%P"),
        *(b"\xff\x0a", b"\xff\x4f", b"qo", b"x\1", b"x\x5e", b"x\x9c", b"x\xda"),
        *(b"P%d" % number for number in range(1, 7)),
    }
)
"""First bytes that count in these alphabets: testing them is the cheapest test."""

_LONGEST_BREAK = 4
"""Most bytes, such as white space, between two of the first three letters."""


def _first_values() -> dict[int, dict[int, set[int]]]:
    """Return the values of the first three letters of such strings, as a tree.

    Five letters are a number of four bytes, and the first three letters are its highest
    digits; a number that is too large is cut to its lowest four bytes.
    """
    tree: dict[int, dict[int, set[int]]] = {}
    lowest, largest = 85 * 85, 85**3 - 1
    for pair in sorted(_FIRST_TWO):  # the same in each process: ``patterns.key``
        start = int.from_bytes(pair, "big") << 16
        for value in (start, start + (1 << 32)):
            for number in range(value // lowest, (value + 0xFFFF) // lowest + 1):
                if number <= largest:
                    first, rest = divmod(number, 85**2)
                    second, third = divmod(rest, 85)
                    tree.setdefault(first, {}).setdefault(second, set()).add(third)
    return tree


def _beginning(alphabet: bytes, members: bytes) -> str:
    """Return a pattern for the first three letters of a string that counts.

    Args:
        alphabet: The letters, by their values.
        members: The letters, and the bytes that may stand between them.
    """
    others = one_of(bytes(set(members) - set(alphabet)))
    gap = f"{others}{{0,{_LONGEST_BREAK}}}"
    ways = [
        f"{one_of(alphabet[first : first + 1])}{gap}"
        f"{one_of(alphabet[second : second + 1])}{gap}"
        f"{one_of(bytes(alphabet[third] for third in sorted(thirds)))}"
        for first, seconds in _first_values().items()
        for second, thirds in seconds.items()
    ]
    return f"{others}*(?:{'|'.join(ways)})"


class _Alphabet85:
    """One of the alphabets of 85 letters.

    Args:
        name: Its name in this module.
        letters: The letters, by their values.
        between: The other bytes that may stand in a string.

    Attributes:
        table: For each byte whether it may stand in a string.
        values: From letters to values.
        others: All bytes that are not letters.
        row: A pattern that stands in each text with a string of any kind.
        beginning: A pattern for the beginning of a string that counts.
        strings: A pattern that stands in each text with a string that counts.
        is_marked: Whether ``<~`` and ``~>`` may stand around a string.
    """

    def __init__(self, name: str, letters: bytes, between: bytes) -> None:
        members = letters + between
        self.name = name
        self.table = table_of(members)
        self.values = bytes.maketrans(letters, bytes(range(85)))
        self.others = bytes(byte for byte in range(256) if byte not in letters)
        self.is_marked = b"~" in between
        beginning = _beginning(letters, members)
        self.beginning = re.compile(beginning.encode())
        self.row = one_of(members) + LONG_ROW
        behind = f"{one_of(members)}{{{_LEAST_BEHIND_85}}}"
        string = f"(?:^|{none_of(members)}){beginning}{behind}"
        self.strings = Patterns([f"{string}|<~" if self.is_marked else string])


_LEAST_BEHIND_85 = 2 * SHORTEST_BYTES - 3 - 2 * _LONGEST_BREAK
"""Fewest bytes of a string after its first letters."""

_BASE85: tuple[_Alphabet85, ...] = (
    _Alphabet85("Ascii85", _ASCII85, b"z~\r\n"),
    _Alphabet85("base85", _RFC1924, b"\r\n"),
    _Alphabet85("Z85", _Z85, b"\r\n"),
)

_LONGEST_TRIED_85 = 100
"""Letters that are decoded to tell whether a string holds a file."""


def from_base85(
    text: bytes,
    effort: Effort,
    alphabet: _Alphabet85,
    *,
    is_something: Callable[[bytes], bool],
) -> Iterator[bytes]:
    """Decode strings of Ascii85, base85 (RFC 1924) or Z85.

    Many programs consist of such letters. So a string counts only if a file begins at
    its first letter.
    """
    if not alphabet.strings.numbers_in(text):
        return
    for start, end in runs(text, alphabet.table, 2 * SHORTEST_BYTES):
        effort.take(TRY_STEPS)
        mark = text.find(b"<~", start, end) if alphabet.is_marked else -1
        at = mark + 2 if mark >= 0 else start
        if not alphabet.beginning.match(text, at, end):
            continue
        effort.take(RUN_STEPS)
        head = text[at : min(end, at + _LONGEST_TRIED_85)]
        if is_something(_from_85(head, alphabet)):
            effort.take((end - at) // BYTES_PER_STEP)
            yield _from_85(text[at:end], alphabet)


_WEIGHTS_85 = tuple(85**power for power in (4, 3, 2, 1, 0))


def _from_85(string: bytes, alphabet: _Alphabet85) -> bytes:
    """Decode letters of 85: five letters are four bytes."""
    if alphabet.is_marked:
        string = string.partition(b"~>")[0].replace(b"z", b"!!!!!")
    letters = string.translate(alphabet.values, alphabet.others)
    missing = -len(letters) % 5
    data = np.frombuffer(letters + b"\x54" * missing, dtype=np.uint8)
    groups = data.reshape(-1, 5).astype(np.uint64)
    weights = np.array(_WEIGHTS_85, dtype=np.uint64)
    values_of = (groups * weights).sum(axis=1).astype(np.uint32)
    whole: bytes = values_of.astype(">u4").tobytes()
    return whole[: len(whole) - missing] if missing else whole


# --- Bytes as characters -------------------------------------------------------------

CHARACTERS = "characters"
_CONTROLS_SIGN = r"(?:\xc2[\x80-\x9f].{0,64}){3}\xc2[\x80-\x9f]"
_CONTROLS = re.compile(rb"\xc2[\x80-\x9f](?:.{0,64}?\xc2[\x80-\x9f]){3}", re.DOTALL)
"""Four control characters outside of ASCII near each other. An eighth of random bytes
are such, no language uses them, and each file has four near each other somewhere."""


def are_characters(text: bytes) -> bool:
    """Return whether characters of a text in UTF-8 may stand for bytes (Latin-1)."""
    return _CONTROLS.search(text) is not None


def holds_characters(data: bytes) -> bool:
    """Return whether bytes are a text in UTF-8 whose characters stand for bytes.

    Args:
        data: The decoded bytes; the last character may be cut off.
    """
    head = data[:_TRIED_BYTES]
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as exc:
        return exc.start > len(head) - _LONGEST_CHARACTER and are_characters(head)
    return are_characters(head)


_TRIED_BYTES = 8192
_LONGEST_CHARACTER = 4


def from_characters(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield the bytes for which characters of Latin-1 stand in a text in UTF-8."""
    controls = _CONTROLS.search(text)
    if controls is None:
        return
    effort.take(RUN_STEPS + len(text) // BYTES_PER_STEP)
    start = max(controls.start() - _BEFORE_CONTROL, 0)
    data = np.frombuffer(text, dtype=np.uint8)[start:].copy()
    leads = np.flatnonzero((data[:-1] & 0xFE) == 0xC2)  # noqa: PLR2004 - UTF-8
    leads = leads[(data[leads + 1] & 0xC0) == 0x80]  # noqa: PLR2004 - UTF-8
    data[leads + 1] = data[leads + 1] | (data[leads] & 1) << 6
    kept = np.ones(len(data), dtype=np.bool_)
    kept[leads] = False
    characters = data[kept].tobytes()
    yield characters
    if b"\\u00" in characters:
        # JSON writes control characters as escapes, which are undone once.
        yield unescaped(characters, effort)


_BEFORE_CONTROL = 4096
"""Most bytes of a picture without such a control character: a header and a palette."""


# --- All of them ---------------------------------------------------------------------

CHARACTERS, DUMP = "characters", "dump"
SIGNS: dict[str, str] = {
    "hex": one_of(HEX_DIGITS + BETWEEN) + LONG_ROW,
    "base32": one_of(_MEMBERS_32) + LONG_ROW,
    "base32 in small letters": one_of(_SMALL_MEMBERS_32) + LONG_ROW,
    **{alphabet.name: alphabet.row for alphabet in _BASE85},
    "uuencode": "begin [0-7]{3,4} |(?:^|\n)M[ -`]{60}\r?\nM",
    CHARACTERS: _CONTROLS_SIGN,
    DUMP: r"'(?:\xff\xd8\xff|\x89PNG|GIF8|RIFF|BM|PK\x03\x04|\\0\\0\\0)",
}
"""For each coding a pattern that stands in every text which uses it."""

ROWS = frozenset({"hex", *BASE32, "uuencode"})
"""The codings whose sign is a row of letters that few other texts have."""

HEX = frozenset({"hex"})
ALL_CODINGS = frozenset(SIGNS)


def coded(
    text: bytes,
    effort: Effort,
    codings: frozenset[str],
    *,
    is_something: Callable[[bytes], bool],
) -> Iterator[tuple[str, bytes]]:
    """Yield the name of the coding and the bytes of each encoded run of a text.

    Args:
        text: Any text.
        effort: The budget of steps.
        codings: The codings that are looked for; best only those whose sign is in the
            text.
        is_something: Returns whether bytes begin like a file.

    Raises:
        SpentError: The budget of steps is used up.
    """
    if "hex" in codings:
        yield from from_digits(text, effort)
    for name, members in BASE32.items():
        if name in codings:
            yield from named("base32", from_base32(text, effort, members))
    for alphabet in _BASE85:
        if alphabet.name in codings:
            found = from_base85(text, effort, alphabet, is_something=is_something)
            yield from named("base85", found)
    if "uuencode" in codings:
        yield from named("uuencode", from_uuencode(text, effort))
    if DUMP in codings:
        yield from named(DUMP, from_dump(text, effort))
    if CHARACTERS in codings:
        yield from named(CHARACTERS, from_characters(text, effort))
