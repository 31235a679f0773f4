r"""Find the pictures that stand encoded in text: base64, ``data:`` URIs, percent bytes.

Programs unwrap a string in layers: JSON's escapes, a form's percent signs, HTML's
references, a mail's quoted-printable lines, white space. All of them are undone at
once here, whatever the text says that it is: none of their characters belongs to the
alphabets of base64, so that undoing a layer that is not there loses nothing.

Rules this module keeps: linear time whatever the bytes, at most ``held_bytes`` of text
at a time, and of a string only its beginning is decoded until that looks like
something. Binary content is passed over at a GiB a second.

To add a layer: a step in ``_unwrapped``. To add an alphabet: a reader in ``_Search``.
"""

import binascii
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import unquote_to_bytes

from uploadfilter.contents import carving, jxl
from uploadfilter.contents.carving import Candidate, TooMany
from uploadfilter.contents.magic import (
    HEAD_BYTES,
    STRINGS,
    Kind,
    is_container,
    is_picture,
    sniff,
)
from uploadfilter.contents.source import MemorySource, Source

_SHORTEST = 64
"""Characters of base64 that may hold a picture: 48 bytes are fewer than any has that
shows anything. Only ``data:`` URIs may be shorter."""

_SHORTEST_WORD = 32
"""Characters without a space that such a string has somewhere; no prose has."""

_SHORTEST_SEARCHED = 256
"""Characters from which on a string is also searched for a picture behind junk."""

_STRETCH_BYTES = 1 << 20
_OVERLAP_BYTES = 256
"""Binary content is tested in stretches, which overlap by more than a short string."""

_SAMPLING = 4
"""Of binary content, every fourth byte is looked at: a string has 16 in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What a string in a text encodes.

    Attributes:
        name: How, and the how-manieth: ``data:1``, ``base64:2``, ``percent:3``,
            ``hex:4``.
        data: Decoded; it begins with the magic of a picture, a container or markup, or
            has a picture in it, or is a text with such strings.
        is_carved: If true, the data begin where a picture was found in the middle of
            a string: it may be chance, and is dropped if it does not decode.
    """

    name: str
    data: bytes
    is_carved: bool = False


def encoded(
    source: Source, *, kind: Kind, most: int, held_bytes: int
) -> Iterator[Encoded | TooMany]:
    """Yield what the strings in a content encode.

    Args:
        source: The content.
        kind: What ``magic.sniff`` made of it; what is not read as text is only
            searched where it has long strings without a space.
        most: Strings that are yielded at most, 0 or more.
        held_bytes: Bytes of text that are looked at together, at least 1; a string
            that is longer is cut. A few times as much is in memory.

    Yields:
        Strings, and ``TooMany`` if there are more.
    """
    seen: set[int] = set()
    for text in _texts(source, kind, held_bytes):
        for found in _Search(text, as_text=kind in STRINGS).strings():
            # Two readings of a text find most strings twice.
            if hash(found.data) in seen:
                continue
            if len(seen) == most:
                yield TooMany()
                return
            seen.add(hash(found.data))
            yield replace(found, name=f"{found.name}:{len(seen)}")


# --- Pieces of text ------------------------------------------------------------------

_SPACE = b" "
_WRAPS = b"\r\n\t\f"
_WORD = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    b"+/-_"  # the standard and the URL alphabet
)
_ESCAPES = b"%\\&#;="
_MEMBER, _OTHER = b"\1", b"\0"


def _table(members: bytes) -> bytes:
    return bytes(byte in members for byte in range(256))


_IN_WORD = _table(_WORD + _WRAPS)
_IN_STRING = _table(_WORD + _WRAPS + _SPACE)
_IN_ESCAPED = _table(_WORD + _WRAPS + _ESCAPES)
_LONG_WORD = _MEMBER * _SHORTEST_WORD
_SAMPLED_STRING = _MEMBER * (_SHORTEST // _SAMPLING)

_DATA = re.compile(rb"data:", re.IGNORECASE)

_BREAKS = (b'"', b"<", b"\n\n", b"\r\n\r\n", b"&", b",")
"""Where a text is cut best, if it must be: no string goes across these."""


def _texts(source: Source, kind: Kind, held_bytes: int) -> Iterator[bytes]:
    """Yield what is to be searched, in pieces of at most ``held_bytes``."""
    spans = [(0, source.size)] if kind in STRINGS else _wordy(source)
    for start, end in spans:
        at = start
        while at < end:
            piece = source.read(at, min(held_bytes, end - at))
            if at + len(piece) < end:
                piece = piece[: _cut(piece)]
            yield piece
            at += len(piece)


def _cut(piece: bytes) -> int:
    """Return where to cut a piece that is not the last, in its second half."""
    half = len(piece) // 2
    return next(
        (at for mark in _BREAKS if (at := piece.rfind(mark, half)) > 0), len(piece)
    )


def _wordy(source: Source) -> Iterator[tuple[int, int]]:
    """Yield the spans of binary content that may have strings in them."""
    start: int | None = None
    for at in range(0, source.size, _STRETCH_BYTES):
        piece = source.read(at, _STRETCH_BYTES + _OVERLAP_BYTES)
        if _SAMPLED_STRING in piece[::_SAMPLING].translate(_IN_ESCAPED):
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, source.size


# --- Layers --------------------------------------------------------------------------

_REFERENCE = re.compile(rb"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z]{2,8});?")
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([/nrtfb\"'\\]))")
_PERCENT_SIGN = b"%"
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"b": b"\b"}

_MOST_LAYERS = 3
"""Times that layers are undone: a data URI in an attribute in a JSON string in a form
has one of each kind, and two of percent signs."""

_SOFT_BREAK = re.compile(rb"=\r?\n|=(?:3D|2B|2F|0D|0A)")
"""What tells that lines are quoted-printable."""


def _readings(text: bytes) -> Iterator[bytes]:
    """Yield a text without its layers, and once more as quoted-printable."""
    yield _unwrapped(text)
    if _SOFT_BREAK.search(text):
        yield _unwrapped(binascii.a2b_qp(text))


def _unwrapped(text: bytes) -> bytes:
    """Undo every layer."""
    for _ in range(_MOST_LAYERS):
        before = text
        if b"&" in text:
            text = _REFERENCE.sub(_referenced, text)
        if b"\\" in text:
            text = _ESCAPE.sub(_escaped, text)
        if _PERCENT_SIGN in text:
            text = unquote_to_bytes(text)
        if text == before:
            break
    return text


def _referenced(match: re.Match[bytes]) -> bytes:
    """Return the character of a reference, or the reference if it is none of ours."""
    character = html.unescape(match[0].decode("ascii"))
    return character.encode("latin-1") if character <= "\xff" else match[0]


def _escaped(match: re.Match[bytes]) -> bytes:
    """Return the byte of an escape in a string of JSON or JavaScript."""
    code = match[1] or match[2]
    return bytes((int(code, 16),)) if code else _CONTROLS.get(match[3], match[3])


# --- The search ----------------------------------------------------------------------

_URI = re.compile(rb"data:([^,\"'<>(){}]{0,256}),", re.IGNORECASE)
_BASE64 = re.compile(rb";\s*base64\s*$", re.IGNORECASE)
_URI_ENDS = {b'"': b'"', b"'": b"'", b"(": b")"}
_NO_URI_END = re.compile(rb"[\s\"<>]")
_LONGEST_BARE_URI = 1 << 20
"""Bytes of a URI that stands without quotes: longer ones are cut."""

_STANDARD = bytes.maketrans(b"-_", b"+/")
_ALL_SPACE = _WRAPS + _SPACE
_HEX = re.compile(rb"[0-9a-fA-F\s]+\Z")

_HEAD_CHARACTERS = 2048
"""How much of a string is decoded to see what it is: it gives ``HEAD_BYTES`` also where
a quarter of it is white space, and half of them where it is hexadecimal."""


class _Search:
    """The search of one piece of text.

    Args:
        text: The piece.
        as_text: If true, somebody reads it as text, and all layers count.
    """

    def __init__(self, text: bytes, *, as_text: bool) -> None:
        # Without its zeros, UTF-16 is ASCII, as far as we are concerned.
        self._text = text.translate(None, b"\0") if as_text else text
        self._as_text = as_text

    def strings(self) -> Iterator[Encoded]:
        """Yield what strings encode, under names without a number."""
        yield from _plain_uris(self._text)
        if self._as_text:
            yield from _percent(self._text)
        for reading in _readings(self._text):
            if self._as_text and reading != self._text:
                yield from _plain_uris(reading)
            known = set()
            for start, end in _uri_spans(reading):
                known.add(start)
                yield from _decoded("data", reading, start, end)
            yield from _words(reading, known)


def _plain_uris(text: bytes) -> Iterator[Encoded]:
    """Yield what ``data:`` URIs hold that are not base64."""
    closings = _Closings(text)
    match = _URI.search(text)
    while match:
        at = match.end()
        if not _BASE64.search(match[1]):
            end = closings.end_of(match)
            if _is_something(
                unquote_to_bytes(text[at : min(end, at + _HEAD_CHARACTERS)])
            ):
                yield from _something("data", unquote_to_bytes(text[at:end]))
                # What stands in it is found in it, or there is nothing.
                at = end
        match = _URI.search(text, at)


class _Closings:
    """Where quoted strings end; asked from left to right, it looks at no byte twice."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._next = dict.fromkeys(_URI_ENDS.values(), -1)

    def end_of(self, match: re.Match[bytes]) -> int:
        """Return where the string ends that a URI stands in."""
        before = self._text[max(match.start() - 1, 0) : match.start()]
        mark = _URI_ENDS.get(before)
        if mark is None:
            limit = min(match.end() + _LONGEST_BARE_URI, len(self._text))
            found = _NO_URI_END.search(self._text, match.end(), limit)
            return found.start() if found else limit
        if self._next[mark] < match.end():
            end = self._text.find(mark, match.end())
            self._next[mark] = len(self._text) if end < 0 else end
        return self._next[mark]


def _percent(text: bytes) -> Iterator[Encoded]:
    """Yield from the first picture on that stands in a text once it is unwrapped."""
    # Of bytes, unlike of base64, one layer too many makes something else.
    readings = [
        unquote_to_bytes(text),
        _ESCAPE.sub(_escaped, text),
        _unwrapped(text),
    ]
    if readings[-1] == text or _first_picture(text) is not None:
        # What stands there as it is, is carved.
        return
    if b"+" in text:
        # A form's spaces.
        readings.append(unquote_to_bytes(text.replace(b"+", b" ")))
    for reading in readings:
        offset = _first_picture(reading)
        if offset is not None:
            yield Encoded(name="percent", data=reading[offset:], is_carved=True)


def _first_picture(data: bytes) -> int | None:
    """Return where the first picture begins in bytes."""
    for found in carving.candidates(MemorySource(data), most=_MOST_CARVED):
        # The shortest magic is too common in four alignments of long strings.
        if isinstance(found, Candidate) and not data.startswith(
            jxl.MAGIC, found.offset
        ):
            return found.offset
    return None


_MOST_CARVED = 100
"""Candidates looked at until one has more than two bytes of magic."""


def _uri_spans(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the base64 of ``data:`` URIs stands."""
    if not _DATA.search(text):
        return
    members = text.translate(_IN_STRING)
    for match in _URI.finditer(text):
        if _BASE64.search(match[1]):
            end = members.find(_OTHER, match.end())
            yield match.end(), len(text) if end < 0 else end


def _words(text: bytes, known: set[int]) -> Iterator[Encoded]:
    """Yield what bare strings hold.

    Args:
        text: Without layers.
        known: Where strings begin that were looked at already.
    """
    words = text.translate(_IN_WORD)
    start = words.find(_LONG_WORD)
    if start < 0:
        return
    strings = text.translate(_IN_STRING)
    while start >= 0:
        end = strings.find(_OTHER, start)
        end = len(text) if end < 0 else end
        first = max(strings.rfind(_OTHER, 0, start) + 1, start - _MOST_BEFORE)
        if end - start >= _SHORTEST and known.isdisjoint((start, first)):
            yield from _word(text, first, start, end)
        start = words.find(_LONG_WORD, end)


_MOST_BEFORE = 256
"""Characters before the first long word that may belong to a string: a form turns a
``+`` into a space."""

_MOST_BEGINNINGS = 16
"""Words and lines at which a string may begin: a heading or two stand before it."""

_WORD_START = re.compile(rb"\s+(?=\S)")


def _word(text: bytes, first: int, start: int, end: int) -> Iterator[Encoded]:
    """Yield what a string holds that begins at ``start``, or before or behind it."""
    for at in _beginnings(text, first, start, end):
        found = list(_decoded("base64", text, at, end))
        if found:
            yield from found
            if _WORD_START.search(text, at, end):
                # The next one may stand behind it, in another alignment.
                yield from _behind_junk(text[at:end], alignments=(1, 2, 3))
            return
    if end - first >= _SHORTEST_SEARCHED:
        yield from _behind_junk(text[first:end], alignments=(0, 1, 2, 3))


def _beginnings(text: bytes, first: int, start: int, end: int) -> Iterator[int]:
    """Yield where in a string the encoded part may begin."""
    yield start
    limit = min(start + _MOST_BEFORE, end)
    for match in islice(_WORD_START.finditer(text, first, limit), _MOST_BEGINNINGS):
        if match.end() != start:
            yield match.end()
    if first != start:
        yield first


def _decoded(form: str, text: bytes, start: int, end: int) -> Iterator[Encoded]:
    """Yield what a string of base64 or hexadecimal digits is, if it is anything."""
    head = text[start : min(end, start + _HEAD_CHARACTERS)]
    if _is_hex(head) and _is_something(_from_hex(head)):
        yield from _something("hex", _from_hex(text[start:end]))
    for spelling in _SPELLINGS:
        if _is_something(_from_base64(spelling(head))):
            yield from _something(form, _from_base64(spelling(text[start:end])))
        if _SPACE not in head.strip():
            return


def _is_hex(head: bytes) -> bool:
    """Say whether there are enough hexadecimal digits and nothing else."""
    return len(head) >= 2 * _SHORTEST and bool(_HEX.match(head[:_SHORTEST]))


def _joined(string: bytes) -> bytes:
    """Leave white space out."""
    return string.translate(_STANDARD, _ALL_SPACE)


def _with_plus(string: bytes) -> bytes:
    """Take spaces for what a form made of ``+``."""
    string = string.translate(_STANDARD, _WRAPS).strip()
    return string.replace(b" ", b"+")


_SPELLINGS = (_joined, _with_plus)


def _from_base64(string: bytes) -> bytes:
    """Decode the standard alphabet, whatever its padding."""
    whole = len(string) - (len(string) % 4 == 1)
    return binascii.a2b_base64(string[:whole] + b"==")


def _from_hex(string: bytes) -> bytes:
    """Decode hexadecimal digits, as far as they go."""
    string = string.translate(None, _ALL_SPACE)
    digits = len(string) - len(string.lstrip(b"0123456789abcdefABCDEF"))
    return binascii.a2b_hex(string[: digits & ~1])


def _behind_junk(string: bytes, *, alignments: tuple[int, ...]) -> Iterator[Encoded]:
    """Yield from the first picture on that a string holds in other alignments."""
    compact = _joined(string)
    for skipped in alignments:
        data = _from_base64(compact[skipped:])
        offset = _first_picture(data)
        if offset is not None:
            yield Encoded(name="base64", data=data[offset:], is_carved=True)


def _something(form: str, data: bytes) -> Iterator[Encoded]:
    """Yield decoded bytes in which a scan could find more than that they are bytes."""
    kind = sniff(data[:HEAD_BYTES])
    if kind not in STRINGS or kind in {Kind.SVG, Kind.HTML} or _holds_strings(data):
        yield Encoded(name=form, data=data)


def _is_something(head: bytes) -> bool:
    """Say whether decoded bytes begin like a picture, a container or a text."""
    kind = sniff(head[:HEAD_BYTES])
    if kind is Kind.JXL and head.startswith(jxl.MAGIC):
        # Two bytes of magic would be found in every 65,536th string.
        return jxl.is_plausible(head)
    return is_picture(kind) or is_container(kind) or kind in STRINGS


def _holds_strings(text: bytes) -> bool:
    """Say whether a text may hold encoded pictures itself."""
    return _LONG_WORD in text.translate(_IN_ESCAPED) or bool(_DATA.search(text))
