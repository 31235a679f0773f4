r"""Undo the codings of bytes in text beside base64: digits, numbers, and others.

Each coding says where a text has a run that could be it, which is a test of a
nanosecond for each byte, and what bytes that run stands for. What these are is the
caller's to see.

Rules this module keeps: linear time whatever the text; a run gives no more bytes than
it has; nothing is imported late, since a confined process cannot.

To add a coding: a function like the others, and its lines in ``coded``.
"""

import binascii
import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.effort import Effort
from uploadfilter.contents.layers import unescaped
from uploadfilter.contents.patterns import Patterns, none_of, one_of

_Bytes = NDArray[np.uint8]
_Numbers = NDArray[np.int64]

SHORTEST_BYTES = 60
"""Bytes that may hold a picture: no picture has fewer that shows anything."""

_LONG_ROW = f"{{{2 * SHORTEST_BYTES}}}"
_MEMBER, _OTHER = b"\1", b"\0"
_BYTES_PER_STEP = 64
_TRY_STEPS = 2
_RUN_STEPS = 20
"""What it takes to undo a run: for its length, and for itself."""


def _table(members: bytes) -> bytes:
    return bytes(byte in members for byte in range(256))


def _runs(text: bytes, table: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """Yield where so many bytes of a table stand in a row, and where the row ends."""
    flags = text.translate(table)
    row = _MEMBER * shortest
    start = flags.find(row)
    while start >= 0:
        end = flags.find(_OTHER, start)
        end = len(text) if end < 0 else end
        yield start, end
        start = flags.find(row, end)


# --- Hexadecimal digits --------------------------------------------------------------

_HEX_DIGITS = b"0123456789abcdefABCDEF"
_BETWEEN = b" \t\r\n\f,;:\"'\\xX[]-"
"""What may stand between digits: ``0xff, 0xd8``, ``\xff``, ``FF:D8``, ``"FF","D8"``."""

_IN_HEX = _table(_HEX_DIGITS + _BETWEEN)
_AS_BLANKS = bytes.maketrans(_BETWEEN, b" " * len(_BETWEEN))
_IN_SPACED_HEX = _table(_HEX_DIGITS + b" \t\r\n\f")
_PAIRS = re.compile(rb"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}\s*+)++")


def from_digits(text: bytes, effort: Effort) -> Iterator[tuple[str, bytes]]:
    """Yield what hexadecimal digits and numbers stand for, whatever separates them."""
    for start, end in _runs(text, _IN_HEX, 2 * SHORTEST_BYTES):
        run = text[start:end]
        if len(run.translate(None, _BETWEEN)) < SHORTEST_BYTES:
            continue
        effort.take(_RUN_STEPS + len(run) // _BYTES_PER_STEP)
        yield from _named("hex", _from_hex(run))
        yield from _named("numbers", _from_numbers(run))


def _named(name: str, found: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    return ((name, data) for data in found)


def _from_hex(run: bytes) -> Iterator[bytes]:
    """Yield what a run of hexadecimal digits stands for."""
    whole, length = _whole_hex(run)
    if whole:
        # A string of digits alone, which is to be had to the last byte.
        yield binascii.a2b_hex(whole)
    if not whole or length < len(run) - 2 * SHORTEST_BYTES:
        yield _from_pairs(run.replace(b"0x", b"x").replace(b"0X", b"x"))


def _whole_hex(run: bytes) -> tuple[bytes, int]:
    """Return the first long string of pairs of digits, and its length with spaces."""
    for start, end in _runs(run, _IN_SPACED_HEX, 2 * SHORTEST_BYTES):
        for match in _PAIRS.finditer(run, start, end):
            length = match.end() - match.start()
            if length >= 2 * SHORTEST_BYTES:
                digits = match[0].translate(None, b" \t\r\n\f")
                if len(digits) >= 2 * SHORTEST_BYTES:
                    return digits, length
    return b"", 0


def _from_pairs(run: bytes) -> bytes:
    """Return what pairs of digits, or single ones, stand for."""
    blank = run.translate(_AS_BLANKS)
    try:
        return bytes.fromhex(blank.decode("ascii"))
    except ValueError:
        return _from_odd_digits(blank)


_DIGIT = np.zeros(256, dtype=np.uint8)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _DIGIT[[_digit, ord(chr(_digit).upper())]] = _value


def _from_odd_digits(blank: bytes) -> bytes:
    """Return the same where some stand alone: each pair from the left in a word."""
    data = np.frombuffer(blank, dtype=np.uint8)
    is_digit = data != ord(" ")
    numbers = np.arange(1, len(data) + 1, dtype=np.int32)
    # How many digits of its word stand before each, and it.
    within = numbers - np.maximum.accumulate(np.where(is_digit, np.int32(0), numbers))
    is_high = within % 2 == 1
    values = _DIGIT.take(data)
    pairs = values.copy()
    has_low = is_digit[1:]
    pairs[:-1] = np.where(has_low, values[:-1] << 4 | values[1:], values[:-1])
    read: bytes = pairs[is_high].tobytes()
    return read


# --- Lists of numbers ----------------------------------------------------------------

_IN_NUMBERS = _table(b"0123456789 \t\r\n\f,;:\"'-[]")
_SHORTEST_NUMBERS = 4 * SHORTEST_BYTES
"""Characters: three digits and a comma, or an index, a colon and less."""

_MOST_DIGITS = 3
_BYTE = 256


def _from_numbers(run: bytes) -> Iterator[bytes]:
    """Yield the bytes of lists of numbers, also signed, and with an index before each.

    So Node's ``Buffer`` and a ``Uint8Array`` are written as JSON, and bytes in Java.
    """
    for start, end in _runs(run, _IN_NUMBERS, _SHORTEST_NUMBERS):
        part = run[start:end]
        numbers = _numbers(part)
        if len(numbers) < SHORTEST_BYTES:
            continue
        yield numbers.tobytes()
        if b":" in part:
            yield numbers[1::2].tobytes()
            yield numbers[::2].tobytes()


def _numbers(run: bytes) -> _Bytes:
    """Return each number as a byte; what is none becomes zero."""
    data = np.frombuffer(run + b" ", dtype=np.uint8)
    is_digit = (data >= ord("0")) & (data <= ord("9"))
    edges = np.flatnonzero(np.diff(is_digit.view(np.int8), prepend=np.int8(0)))
    starts, ends = edges[::2], edges[1::2]
    values = np.zeros(len(starts), dtype=np.int32)
    for back, weight in enumerate((1, 10, 100), start=1):
        has_digit = ends - starts >= back
        digits = data.take(ends - back, mode="clip").astype(np.int32) - ord("0")
        values += np.where(has_digit, digits * weight, 0)
    before = data.take(starts - 1, mode="clip")
    values = np.where((before == ord("-")) & (starts > 0), _BYTE - values, values)
    is_byte = (ends - starts <= _MOST_DIGITS) & (values >= 0) & (values < _BYTE)
    return np.where(is_byte, values, 0).astype(np.uint8)


# --- Lines of uuencode ---------------------------------------------------------------

_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\r\n]*\r?\n")
_FULL_LINES = re.compile(rb"\n(M[ -`]{60}\r?\n)M")
"""Two lines of 45 bytes each, as PHP writes them, without a line before them."""


def from_uuencode(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield the files that uuencode wrote, and what stands in its lines alone."""
    if b"begin " in text:
        for match in _BEGIN.finditer(text):
            effort.take(_RUN_STEPS)
            yield _from_lines(text, match.end(), effort)[0]
    end = 0
    if _FULL_LINES.match(b"\n" + text[:_TWO_LINES]):
        effort.take(_RUN_STEPS)
        data, end = _from_lines(text, 0, effort)
        yield data
    for match in _FULL_LINES.finditer(text):
        if match.start(1) >= end:
            effort.take(_RUN_STEPS)
            data, end = _from_lines(text, match.start(1), effort)
            yield data


_TWO_LINES = 64


def _from_lines(text: bytes, at: int, effort: Effort) -> tuple[bytes, int]:
    """Return what lines of uuencode stand for, and the offset behind them."""
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


# --- Alphabets of 32 and 85 ----------------------------------------------------------

_MEMBERS_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567=\r\n"
_SMALL_MEMBERS_32 = b"abcdefghijklmnopqrstuvwxyz234567="
_BASE32 = {
    "base32": _table(_MEMBERS_32),
    "base32 in small letters": _table(_SMALL_MEMBERS_32),
}
_LETTERS_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VALUE_32 = bytes.maketrans(
    _LETTERS_32 + _LETTERS_32.lower(), bytes(range(32)) + bytes(range(32))
)


def from_base32(text: bytes, effort: Effort, table: bytes) -> Iterator[bytes]:
    """Yield what long strings of base32 stand for, in capitals or small letters."""
    for start, end in _runs(text, table, 2 * SHORTEST_BYTES):
        letters = text[start:end].translate(_VALUE_32, b"=\r\n")
        effort.take(_RUN_STEPS + len(letters) // _BYTES_PER_STEP)
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
"""First bytes of what counts there: a test that costs less than the others."""

_LONGEST_BREAK = 4
"""White space and the like between two of the first three letters."""


def _first_values() -> dict[int, dict[int, set[int]]]:
    """Return the values of three letters with which such a string may begin, in a tree.

    Five letters are a number of four bytes, of which these are the highest digits; one
    that is too large is cut to its lowest four bytes.
    """
    tree: dict[int, dict[int, set[int]]] = {}
    lowest, largest = 85 * 85, 85**3 - 1
    for pair in _FIRST_TWO:
        start = int.from_bytes(pair, "big") << 16
        for value in (start, start + (1 << 32)):
            for number in range(value // lowest, (value + 0xFFFF) // lowest + 1):
                if number <= largest:
                    first, rest = divmod(number, 85**2)
                    second, third = divmod(rest, 85)
                    tree.setdefault(first, {}).setdefault(second, set()).add(third)
    return tree


def _beginning(alphabet: bytes, members: bytes) -> str:
    """Return a pattern for the first three letters of what counts.

    Args:
        alphabet: The letters, by their values.
        members: These, and what may stand between them.
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
        name: What it is called here.
        letters: By their values.
        between: What else may stand in a string.

    Attributes:
        table: Which bytes may stand in a string.
        values: From letters to values.
        others: All bytes that are no letters.
        row: What is in each text that has a string of any kind.
        beginning: What a string begins with that counts.
        strings: What is in each text that has such a string.
        is_marked: Whether ``<~`` and ``~>`` may stand around a string.
    """

    def __init__(self, name: str, letters: bytes, between: bytes) -> None:
        members = letters + between
        self.name = name
        self.table = _table(members)
        self.values = bytes.maketrans(letters, bytes(range(85)))
        self.others = bytes(byte for byte in range(256) if byte not in letters)
        self.is_marked = b"~" in between
        beginning = _beginning(letters, members)
        self.beginning = re.compile(beginning.encode())
        self.row = one_of(members) + _LONG_ROW
        behind = f"{one_of(members)}{{{_LEAST_BEHIND_85}}}"
        string = f"(?:^|{none_of(members)}){beginning}{behind}"
        self.strings = Patterns([f"{string}|<~" if self.is_marked else string])


_LEAST_BEHIND_85 = 2 * SHORTEST_BYTES - 3 - 2 * _LONGEST_BREAK
"""Bytes of a string behind its first letters."""

_BASE85: tuple[_Alphabet85, ...] = (
    _Alphabet85("Ascii85", _ASCII85, b"z~\r\n"),
    _Alphabet85("base85", _RFC1924, b"\r\n"),
    _Alphabet85("Z85", _Z85, b"\r\n"),
)

_LONGEST_TRIED_85 = 100
"""Letters that are read to see whether a string is anything."""


def from_base85(
    text: bytes,
    effort: Effort,
    alphabet: _Alphabet85,
    *,
    is_something: Callable[[bytes], bool],
) -> Iterator[bytes]:
    """Yield what strings of Ascii85, base85 (RFC 1924) or Z85 stand for.

    Many a program is letters of these, so that only a string counts that begins like
    something at its first letter.
    """
    if not alphabet.strings.numbers_in(text):
        return
    for start, end in _runs(text, alphabet.table, 2 * SHORTEST_BYTES):
        effort.take(_TRY_STEPS)
        mark = text.find(b"<~", start, end) if alphabet.is_marked else -1
        at = mark + 2 if mark >= 0 else start
        if not alphabet.beginning.match(text, at, end):
            continue
        effort.take(_RUN_STEPS)
        head = text[at : min(end, at + _LONGEST_TRIED_85)]
        if is_something(_from_85(head, alphabet)):
            effort.take((end - at) // _BYTES_PER_STEP)
            yield _from_85(text[at:end], alphabet)


_WEIGHTS_85 = tuple(85**power for power in (4, 3, 2, 1, 0))


def _from_85(string: bytes, alphabet: _Alphabet85) -> bytes:
    """Return what letters of 85 stand for: four bytes for each five."""
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
"""Controls outside of ASCII: an eighth of random bytes, and none of any language. Four
of them stand near each other somewhere in each file."""


def are_characters(text: bytes) -> bool:
    """Say whether characters of Latin-1 in a text in UTF-8 may stand for bytes."""
    return _CONTROLS.search(text) is not None


def from_characters(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield the bytes that a text in UTF-8 has a character of Latin-1 for."""
    controls = _CONTROLS.search(text)
    if controls is None:
        return
    effort.take(_RUN_STEPS + len(text) // _BYTES_PER_STEP)
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
        # JSON writes controls as escapes: undone once, and no byte is an escape again.
        yield unescaped(characters, effort)


_BEFORE_CONTROL = 4096
"""Bytes of a picture in which there may be no such control: its header, a palette."""


# --- All of them ---------------------------------------------------------------------

CHARACTERS = "characters"
SIGNS: dict[str, str] = {
    "hex": one_of(_HEX_DIGITS + _BETWEEN) + _LONG_ROW,
    "base32": one_of(_MEMBERS_32) + _LONG_ROW,
    "base32 in small letters": one_of(_SMALL_MEMBERS_32) + _LONG_ROW,
    **{alphabet.name: alphabet.row for alphabet in _BASE85},
    "uuencode": "begin [0-7]{3,4} |(?:^|\n)M[ -`]{60}\r?\nM",
    CHARACTERS: _CONTROLS_SIGN,
}
"""For each coding a pattern that is in every text in which something is coded so."""

HEX = frozenset({"hex"})
ALL_CODINGS = frozenset(SIGNS)


def coded(
    text: bytes,
    effort: Effort,
    codings: frozenset[str],
    *,
    is_something: Callable[[bytes], bool],
) -> Iterator[tuple[str, bytes]]:
    """Yield how runs of a text are coded, and the bytes that they stand for.

    Args:
        text: Any text.
        effort: What it may cost.
        codings: Those that are looked for: best those of which there is a sign.
        is_something: Says whether bytes begin like something.

    Raises:
        SpentError: It would cost more than it may.
    """
    if "hex" in codings:
        yield from from_digits(text, effort)
    for name, members in _BASE32.items():
        if name in codings:
            yield from _named("base32", from_base32(text, effort, members))
    for alphabet in _BASE85:
        if alphabet.name in codings:
            found = from_base85(text, effort, alphabet, is_something=is_something)
            yield from _named("base85", found)
    if "uuencode" in codings:
        yield from _named("uuencode", from_uuencode(text, effort))
    if CHARACTERS in codings:
        yield from _named(CHARACTERS, from_characters(text, effort))
