"""The words of queries, forms and headers that may mark a piece of a file.

``pieces.py`` says which kinds of words there are, and how to add a protocol.
"""

import re
from collections.abc import Iterable
from typing import Final

MOST_VALUE_BYTES: Final = 1024
"""Bytes of a field that are read: a number is shorter, and the JSON of Kendo and
DevExtreme has some hundreds."""

_PREFIX: Final = (
    r"(?:x|dz|qq|resumable|flow|plupload|file|upload|uploader|current|cur|goog|amz|bz|oc"
    r"|ms|blob|media|data|fu)*"
)
PIECE_WORD: Final = r"(?:chunk|slice|fragment|piece|segment|block|part)"

_COUNT: Final = re.compile(
    rf"{_PREFIX}(?:(?:total|num|nb|numberof|countof|count)?chunks"
    r"|chunks?(?:count|total|totalcount)|totalchunk(?:count|number)?)"
)
_OTHER_COUNT: Final = re.compile(
    rf"{_PREFIX}(?:(?:total|num|nb|numberof|countof|count)?(?:slice|fragment|piece)s"
    r"|(?:slice|fragment|piece|part)s?(?:count|total|totalcount)"
    r"|total(?:slice|fragment|part|piece|block)(?:s|count|number)?)"
)
_OTHER_NUMBER: Final = re.compile(
    rf"{_PREFIX}(?:{PIECE_WORD}(?:index|idx|number|num|no|nr|id|i|current|seq)?"
    r"|index|idx|current|seq)"
)
"""Words that forms of shops and carriers use as well ("12 pieces"): a count means a
piece only beside a number."""

_PLACE: Final = re.compile(
    rf"{_PREFIX}(?:{PIECE_WORD}(?:byte)?(?:offset|start|startbyte|begin)|byteoffset"
    r"|startbyte|bytestart|filestart|startoffset|offsetbyte|rangestart|appendposition"
    r"|resume(?:at|from|position))"
)
_NUMBER: Final = re.compile(
    rf"{_PREFIX}chunk(?:index|idx|number|num|no|nr|id|i|current|seq)?|qqpartindex"
    r"|segmentindex|jupart"
)
"""Forms use the other words for other things: there are shops for parts, and editors
whose pages consist of slices and blocks."""

_LAST: Final = re.compile(rf"{_PREFIX}(?:is)?(?:last|final)(?:chunk|part|piece|slice)")
"""Words that state whether this is the last piece."""

_NO: Final = frozenset({"0", "false", "no", "off", "null", "undefined"})

_SPAN: Final = "range"
"""elFinder's name for begin, length, and length of the whole file."""

_IN_JSON: Final = "metadata"
"""Ending of names whose fields hold in JSON what others send in several fields."""

_ONLY_BESIDE_FILES: Final = frozenset({"offset", "fileoffset", "uploadoffset"})
"""Words for the beginning of a list, unless a file comes with them."""

_PLUPLOAD: Final = "chunk"
"""The one number that means the whole file by itself, if it is 0."""


class Signs:
    """The words of one request that may mark a piece."""

    def __init__(self, named: Iterable[tuple[str, str]] = ()) -> None:
        self._counts: list[int] = []
        self._other_counts: list[int] = []
        self._is_numbered = False
        self._numbers: list[int] = []
        self._is_unsure = False
        self._is_placed = False
        self._is_placed_beside_files = False
        self.has_file = False
        for name, value in named:
            self.add(name, value)

    @staticmethod
    def are_in(name: str) -> bool:
        """Tell whether a field of this name may mark a piece."""
        letters = letters_of(name)
        patterns = (_COUNT, _PLACE, _NUMBER, _OTHER_COUNT, _OTHER_NUMBER, _LAST)
        is_known = any(pattern.fullmatch(letters) for pattern in patterns)
        is_more = letters == _SPAN or letters.endswith(_IN_JSON)
        return is_known or is_more or letters in _ONLY_BESIDE_FILES

    def add(self, name: str, value: str) -> None:
        """Add a field of a query or a form."""
        letters, number = letters_of(name), number_of(value)
        if letters.endswith(_IN_JSON):
            self._add_json(letters.removesuffix(_IN_JSON), value)
            return
        self._is_numbered |= _OTHER_NUMBER.fullmatch(letters) is not None
        if _COUNT.fullmatch(letters):
            self._counts.append(number)
        elif _OTHER_COUNT.fullmatch(letters):
            self._other_counts.append(number)
        elif letters in _ONLY_BESIDE_FILES:
            self._is_placed_beside_files |= number > 0
        elif _PLACE.fullmatch(letters):
            self._is_placed |= number > 0
        elif _LAST.fullmatch(letters):
            self._is_placed |= value.strip().lower() in _NO
        elif letters == _SPAN:
            self._is_placed |= _is_part_of_span(value)
        elif _NUMBER.fullmatch(letters):
            self._numbers.append(number)
            self._is_unsure |= letters != _PLUPLOAD

    def _add_json(self, what: str, value: str) -> None:
        """Add the values about ``what`` in an object, if there are any."""
        plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        for said in _SAID.finditer(plain):
            if not said[1].lower().endswith(_IN_JSON):
                self.add(what + said[1], said[2])

    def add_file(self, name: str) -> None:
        """Add a field that is a file."""
        self.has_file = True
        if _NUMBER.fullmatch(letters_of(name)):
            self._is_unsure = True

    @property
    def is_piece(self) -> bool:
        """Whether the file has more bytes than this request carries."""
        if self._is_placed or (self.has_file and self._is_placed_beside_files):
            return True
        counts = self._counts + (self._other_counts if self._is_numbered else [])
        if max(counts, default=0) > 1 or max(self._numbers, default=0) > 1:
            return True
        if max(counts, default=0) == 1:
            return False
        return self._is_unsure or max(self._numbers, default=0) > 0


def letters_of(name: str) -> str:
    """Return the letters of a name, in lower case, which alone distinguish names."""
    return _NO_LETTER.sub("", name[:_LONGEST_NAME].lower())


def is_count(name: str) -> bool:
    """Tell whether a name is that of a number of pieces."""
    letters = letters_of(name)
    return any(pattern.fullmatch(letters) for pattern in (_COUNT, _OTHER_COUNT))


_NO_LETTER: Final = re.compile(r"[^a-z]")
_LONGEST_NAME: Final = 64


def number_of(value: str) -> int:
    """Parse a number as PHP does: the digits at its beginning.

    A text that only other languages accept as a number other than 0 counts as more than
    one: ``0x1`` and ``.1e1`` in JavaScript, digits of other scripts and ``0_1`` in
    Python.
    """
    found = _DIGITS.match(value)
    if found is not None and found.end() == len(value):
        return int(found[1])
    is_odd = _ODD_NUMBER.fullmatch(value.strip()) is not None
    if is_odd and any(sign not in _NOTHING for sign in value.strip()):
        return _SOME
    return int(found[1]) if found else 0


_DIGITS: Final = re.compile(r"[ \t\r\n]*\+?([0-9]{1,18})")
_ODD_NUMBER: Final = re.compile(
    r"\+?(?:0[xob][0-9a-f_]{1,20}|[\d_]{1,20}\.?\d{0,20}(?:e\+?\d{1,2})?"
    r"|\.\d{1,20}(?:e\+?\d{1,2})?)",
    re.IGNORECASE,
)
_NOTHING: Final = frozenset("+.0_xXoObB")
_SOME: Final = 2

_ESCAPED: Final = re.compile(r"\\u00([0-9a-fA-F]{2})")
_SAID: Final = re.compile(
    r'"([A-Za-z_]{1,40})"\s{0,9}:\s{0,9}"?([0-9][0-9a-zA-Z_.+]{0,18}|true|false)'
)


def _is_part_of_span(value: str) -> bool:
    """Tell whether begin, length and length of the whole mean less than the whole."""
    found = _THREE.fullmatch(value.strip())
    if found is None:
        return False
    begin, length, whole = map(int, found.groups())
    return begin > 0 or length < whole


_THREE: Final = re.compile(r"([0-9]{1,18}),([0-9]{1,18}),([0-9]{1,18})")
