r"""Find the pictures that stand encoded in text: base64, ``data:`` URIs, percent bytes.

Programs unwrap a string in layers: JSON's escapes, a form's percent signs, HTML's
references, a mail's quoted-printable lines, white space. All of them are undone at
once here, whatever the text says that it is: none of their characters belongs to the
alphabets of base64, so that undoing a layer that is not there loses nothing.

Rules this module keeps: linear time whatever the bytes, at most ``held_bytes`` of text
at a time, and of a string only its beginning is decoded until that looks like
something; what there may be many of is counted (``effort.py``). Binary content is
passed over at a GiB a second.

To add a layer: see ``layers.py``. To add an alphabet: a reader in ``_Search``.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from uploadfilter.contents import jxl
from uploadfilter.contents.carving import TooMany, Unfinished
from uploadfilter.contents.effort import Effort, SpentError
from uploadfilter.contents.entities import expanded
from uploadfilter.contents.layers import unescaped, unquoted, unwrapped
from uploadfilter.contents.magic import (
    HEAD_BYTES,
    STRINGS,
    Kind,
    is_container,
    is_data,
    is_picture,
    sniff,
)
from uploadfilter.contents.piles import (
    ALL_SPACE,
    STANDARD,
    Pile,
    from_base64,
    joined,
    pictures,
)
from uploadfilter.contents.source import Source
from uploadfilter.contents.uris import DATA, Closings, uris

_SHORTEST = 80
"""Characters of base64 that may hold a picture: 60 bytes are fewer than any has that
shows anything, and SHA-256 has 64 digits. Only ``data:`` URIs may be shorter."""

_SHORTEST_URI = 32
"""Characters behind a ``data:`` that may hold a picture, or markup with one in it."""

_SHORTEST_WORD = 32
"""Characters without a space that such a string has somewhere; no prose has."""

_SHORTEST_SEARCHED = 256
"""Characters from which on a string is also searched for a picture behind junk."""

_MOST_HELD_BYTES = 16 * 1024 * 1024
"""Bytes of text that are looked at together, whatever may be held: there are up to six
copies of them. The largest photos are shorter in base64."""

_STEPS = 30_000
_BYTES_PER_STEP = 32
"""Microseconds that words, URIs and signs may take, in any text and for its length.
Books take a tenth of that, programs and lists of checksums a half."""

_NESTED_BYTES_PER_STEP = 128
"""The same for what was unpacked, of which a bomb has two hundred times as much."""

_STRETCH_BYTES = 1 << 20
_OVERLAP_BYTES = 256
"""Binary content is tested in stretches, which overlap by more than a short string."""

_SAMPLING = 4
"""Of binary content, every fourth byte is looked at: a string has 20 in a row."""


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
        known_by: How its first reading begins, kept by all others; empty if carved.
    """

    name: str
    data: bytes
    is_carved: bool = False
    known_by: bytes = b""


def effort_for(size: int) -> Effort:
    """Return what looking at a content of so many bytes may cost, nested ones included.

    Each nested one adds a little, by its length.
    """
    return Effort(_STEPS + size // _BYTES_PER_STEP)


def encoded(
    source: Source,
    *,
    kind: Kind,
    most: int,
    held_bytes: int,
    effort: Effort | None = None,
) -> Iterator[Encoded | TooMany | Unfinished]:
    """Yield what the strings in a content encode.

    Args:
        source: The content.
        kind: What ``magic.sniff`` made of it; what is not read as text is only
            searched where it has long strings without a space.
        most: Strings that are yielded at most, 0 or more.
        held_bytes: Bytes of text that are looked at together, at least 1; a string
            that is longer is cut. A few times as much is in memory.
        effort: What it may cost, together with others; by itself if none is given.

    Yields:
        Strings; then ``Unfinished``, or ``TooMany`` if not even all beginnings were.
    """
    if effort is None:
        effort = effort_for(source.size)
    else:
        effort.give(source.size // _NESTED_BYTES_PER_STEP)
    seen: set[int] = set()
    try:
        for text in _texts(source, kind, min(held_bytes, _MOST_HELD_BYTES)):
            for found in _Search(text, effort, as_text=kind in STRINGS).strings():
                # Two readings of a text find most strings twice.
                if hash(found.data) in seen:
                    continue
                if len(seen) == most:
                    yield TooMany()
                    return
                seen.add(hash(found.data))
                yield replace(found, name=f"{found.name}:{len(seen)}")
    except SpentError:
        yield TooMany()


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
            # The rest of a string may be too short to be seen by itself.
            yield start, min(at + _OVERLAP_BYTES, source.size)
            start = None
    if start is not None:
        yield start, source.size


# --- The search ----------------------------------------------------------------------

_HEX = re.compile(rb"[0-9a-fA-F\s]+\Z")

_HEAD_CHARACTERS = 2048
"""How much of a string is decoded to see what it is: it gives ``HEAD_BYTES`` also where
a quarter of it is white space, and half of them where it is hexadecimal."""

_WORD_STEPS, _TRY_STEPS, _LOOK_STEPS = 1, 1, 10
"""What it takes to find a word, to tell one that holds nothing by its first letters,
and to see what it begins with."""

_SOFT_BREAK = re.compile(rb"=\r?\n|=(?:3D|2B|2F|0D|0A)")
"""What tells that lines are quoted-printable."""


class _Search:
    """The search of one piece of text.

    Args:
        text: The piece.
        effort: What it may cost.
        as_text: If true, somebody reads it as text, and all layers count.
    """

    def __init__(self, text: bytes, effort: Effort, *, as_text: bool) -> None:
        # Without its zeros, UTF-16 is ASCII, as far as we are concerned.
        is_wide = as_text and b"\0" in text
        self._text = text.translate(None, b"\0") if is_wide else text
        self._effort = effort
        self._as_text = as_text

    def strings(self) -> Iterator[Encoded]:
        """Yield what strings encode, under names without a number.

        Raises:
            SpentError: It would cost more than it may.
        """
        yield from _plain_uris(self._text, self._effort)
        plain = unwrapped(self._text, self._effort)
        if self._as_text:
            yield from _percent(self._text, plain, self._effort)
        yield from self._in_reading(plain)
        whole = expanded(self._text, self._effort.take) if self._as_text else None
        if whole is not None:
            yield from self._in_reading(unwrapped(whole, self._effort))
        if _SOFT_BREAK.search(self._text):
            lines = binascii.a2b_qp(self._text)
            yield from self._in_reading(unwrapped(lines, self._effort))

    def _in_reading(self, reading: bytes) -> Iterator[Encoded]:
        """Yield what strings encode in the text without its layers."""
        if self._as_text and reading != self._text:
            yield from _plain_uris(reading, self._effort)
        known = set()
        for start, end in _uri_spans(reading, self._effort):
            known.add(start)
            yield from _decoded("data", reading, start, end, self._effort)
        yield from _Words(reading, known, self._effort).strings()


# --- URIs ----------------------------------------------------------------------------


def _plain_uris(text: bytes, effort: Effort) -> Iterator[Encoded]:
    """Yield what ``data:`` URIs hold that are not base64."""
    closings = Closings(text)
    passed = 0
    for uri in uris(text, effort, is_base64=False):
        if uri.at < passed:
            continue
        end = closings.end_of(uri)
        if end - uri.at < _SHORTEST_URI:
            continue
        effort.take(_LOOK_STEPS)
        head = text[uri.at : min(end, uri.at + _HEAD_CHARACTERS)]
        if _is_something(unquoted(head, effort)):
            yield from _something("data", unquoted(text[uri.at : end], effort))
            # What stands in it is found in it, or there is nothing.
            passed = end


def _uri_spans(text: bytes, effort: Effort) -> Iterator[tuple[int, int]]:
    """Yield where the base64 of ``data:`` URIs stands."""
    members: bytes | None = None
    for uri in uris(text, effort, is_base64=True):
        if members is None:
            members = text.translate(_IN_STRING)
        end = members.find(_OTHER, uri.at)
        end = len(text) if end < 0 else end
        if end - uri.at >= _SHORTEST_URI:
            yield uri.at, end


# --- Bytes as they are ---------------------------------------------------------------


def _percent(text: bytes, plain: bytes, effort: Effort) -> Iterator[Encoded]:
    """Yield from the first picture on that stands in a text once it is unwrapped.

    Args:
        text: As it came.
        plain: Without its layers.
        effort: What it may cost.
    """
    if plain == text or _first_picture(text, effort) is not None:
        # What stands there as it is, is carved.
        return
    # Of bytes, unlike of base64, one layer too many makes something else.
    readings = [unquoted(text, effort), unescaped(text, effort), plain]
    if b"+" in text:
        # A form's spaces.
        readings.append(unquoted(text.replace(b"+", b" "), effort))
    for reading in dict.fromkeys(readings):
        offset = _first_picture(reading, effort)
        if offset is not None:
            yield Encoded(name="percent", data=reading[offset:], is_carved=True)


def _first_picture(data: bytes, effort: Effort) -> int | None:
    """Return where the first picture begins in bytes."""
    return next(pictures(data, effort), None)


# --- Words ---------------------------------------------------------------------------

_MOST_BEFORE = 256
"""Characters before the first long word that may belong to a string: a form turns a
``+`` into a space."""

_MOST_BEGINNINGS = 16
"""Words and lines at which a string may begin: a heading or two stand before it."""

_WORD_START = re.compile(rb"\s+(?=\S)")


class _Words:
    """The search for bare strings in a text.

    Args:
        text: Without layers.
        known: Where strings begin that were looked at already.
        effort: What it may cost.
    """

    def __init__(self, text: bytes, known: set[int], effort: Effort) -> None:
        self._text = text
        self._known = known
        self._effort = effort
        self._pile = Pile(effort)

    def strings(self) -> Iterator[Encoded]:
        """Yield what bare strings hold."""
        text, words = self._text, self._text.translate(_IN_WORD)
        start = words.find(_LONG_WORD)
        if start < 0:
            return
        strings = text.translate(_IN_STRING)
        while start >= 0:
            end = strings.find(_OTHER, start)
            end = len(text) if end < 0 else end
            first = max(strings.rfind(_OTHER, 0, start) + 1, start - _MOST_BEFORE)
            self._effort.take(_WORD_STEPS)
            if end - start >= _SHORTEST and self._known.isdisjoint((start, first)):
                yield from self._word(first, start, end)
                yield from map(_carved, self._pile.searched())
            start = words.find(_LONG_WORD, end)
        yield from map(_carved, self._pile.searched(is_last=True))

    def _word(self, first: int, start: int, end: int) -> Iterator[Encoded]:
        """Yield what a string holds that begins at ``start``, or before or behind."""
        text = self._text
        for at in _beginnings(text, first, start, end):
            self._effort.take(_TRY_STEPS)
            found = list(_decoded("base64", text, at, end, self._effort))
            if found:
                yield from found
                if _is_spaced(text[at:end]):
                    # The next one may stand behind it, in another alignment.
                    self._pile.add(text[at:end], is_known=True)
                return
        if end - first >= _SHORTEST_SEARCHED:
            self._pile.add(text[first:end], is_known=False)


def _is_spaced(string: bytes) -> bool:
    """Say whether there is white space between letters."""
    string = string.strip()
    return any(space in string for space in _SPACES)


_SPACES = tuple(bytes((byte,)) for byte in ALL_SPACE)


def _carved(data: bytes) -> Encoded:
    return Encoded(name="base64", data=data, is_carved=True)


def _beginnings(text: bytes, first: int, start: int, end: int) -> Iterator[int]:
    """Yield where in a string the encoded part may begin."""
    yield start
    limit = min(start + _MOST_BEFORE, end)
    for match in islice(_WORD_START.finditer(text, first, limit), _MOST_BEGINNINGS):
        if match.end() != start:
            yield match.end()
    if first != start:
        yield first


def _decoded(
    form: str, text: bytes, start: int, end: int, effort: Effort
) -> Iterator[Encoded]:
    """Yield what a string of base64 or hexadecimal digits is, if it is anything."""
    told_by = text[start : min(end, start + _TOLD_BY)]
    if end - start < _LONGEST_TOLD and _is_nothing(told_by):
        return
    head = text[start : min(end, start + _HEAD_CHARACTERS)]
    effort.take(2 * _LOOK_STEPS if _is_hex(head) else _LOOK_STEPS)
    if _is_hex(head) and _is_something(_from_hex(head)):
        yield from _something("hex", _from_hex(text[start:end]))
    for spelling in _SPELLINGS:
        if _is_something(from_base64(spelling(head))):
            known_by = from_base64(joined(head))[:_KNOWN_BYTES]
            for found in _something(form, from_base64(spelling(text[start:end]))):
                yield replace(found, known_by=known_by)
        if _SPACE not in head.strip():
            return


_KNOWN_BYTES = 48
"""Bytes by which readings of one string are known to be that."""

_LONGEST_TOLD = 340
"""Characters of a string that holds no tar file, which begins with any name."""

_TOLD_BY = 64


def _is_nothing(head: bytes) -> bool:
    """Say whether a short string surely decodes to no text and no picture."""
    if _SPACE in head:
        return False
    return is_data(from_base64(joined(head))) and not _is_picture_in_hex(head)


def _is_picture_in_hex(head: bytes) -> bool:
    return bool(_HEX.match(head)) and not is_data(_from_hex(head))


def _is_hex(head: bytes) -> bool:
    """Say whether there are enough hexadecimal digits and nothing else."""
    return len(head) >= 2 * _SHORTEST and bool(_HEX.match(head[:_SHORTEST]))


def _with_plus(string: bytes) -> bytes:
    """Take spaces for what a form made of ``+``."""
    string = string.translate(STANDARD, _WRAPS).strip()
    return string.replace(b" ", b"+")


_SPELLINGS = (joined, _with_plus)


def _from_hex(string: bytes) -> bytes:
    """Decode hexadecimal digits, as far as they go."""
    string = string.translate(None, ALL_SPACE)
    digits = len(string) - len(string.lstrip(b"0123456789abcdefABCDEF"))
    return binascii.a2b_hex(string[: digits & ~1])


def _something(form: str, data: bytes) -> Iterator[Encoded]:
    """Yield decoded bytes in which a scan could find more than that they are bytes."""
    kind = sniff(data[:HEAD_BYTES])
    if kind not in STRINGS or kind in {Kind.SVG, Kind.HTML} or _holds_strings(data):
        yield Encoded(name=form, data=data, known_by=data[:_KNOWN_BYTES])


def _is_something(head: bytes) -> bool:
    """Say whether decoded bytes begin like a picture, a container or a text."""
    kind = sniff(head[:HEAD_BYTES])
    if kind is Kind.JXL and head.startswith(jxl.MAGIC):
        # Two bytes of magic would be found in every 65,536th string.
        return jxl.is_plausible(head)
    return is_picture(kind) or is_container(kind) or kind in STRINGS


def _holds_strings(text: bytes) -> bool:
    """Say whether a text may hold encoded pictures itself."""
    return _LONG_WORD in text.translate(_IN_ESCAPED) or DATA in text.lower()
