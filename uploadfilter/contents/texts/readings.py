"""Search one text both unchanged and with its layers undone.

Rules this module keeps: a layer is first undone only around its signs; it is undone in
the whole text only if a file begins there.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from itertools import islice

import numpy as np

from uploadfilter.contents.kinds.magic import HEAD_BYTES
from uploadfilter.contents.texts import escaped
from uploadfilter.contents.texts.base64s import Base64Search, ends_as_it_says
from uploadfilter.contents.texts.codings import CHARACTERS, ROWS, are_characters
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.found import KNOWN_BYTES, Encoded, in_bytes, kind_of
from uploadfilter.contents.texts.hot import Hot
from uploadfilter.contents.texts.layers import (
    SIGNS_OF_LAYERS,
    is_layered,
    unescaped,
    unquoted,
    unreferenced,
    unwrapped,
    wrapped,
)
from uploadfilter.contents.texts.rewritings import Rewriting, around, joined_spans
from uploadfilter.contents.texts.signs import ALL_SIGNS, URI, signs_in
from uploadfilter.contents.texts.uris import base64_uris, may_have_uris, plain_uris


class Reading:
    """One reading of a text.

    Args:
        text: The reading.
        effort: The budget of steps of its search.
        as_text: Whether somebody reads it as text.
        is_whole: See ``strings.WaitingText``.
        is_thorough: See ``strings.encoded``.

    Attributes:
        search: The search for base64 in it.
        told: The signs that stand in it (``signs.py``).
        signs: The signs that count: all of them in a thorough search.
        complete: Hashes of the files that were found and end with their string. Nothing
            follows from them for the rest of the text.
    """

    def __init__(
        self,
        text: bytes,
        effort: Effort,
        *,
        as_text: bool,
        is_whole: bool,
        is_thorough: bool,
    ) -> None:
        self.text = text
        self.search = Base64Search(text, effort)
        self.told = signs_in(text)
        self.signs = ALL_SIGNS if is_thorough else self.told
        self.complete = set[int]()
        self._effort = effort
        self._as_text = as_text
        self._is_whole = is_whole or is_thorough

    @cached_property
    def _dense(self) -> list[Hot]:
        """Return the stretches that look encoded."""
        return self.search.dense() if self._as_text else []

    @cached_property
    def may_hold(self) -> bool:
        """Return whether any step may find anything; in most texts, none does."""
        return bool(self.signs or self._dense) or self.search.may_find()

    @cached_property
    def hot(self) -> list[Hot]:
        """Return the stretches that hold a file, or look so and have no own search."""
        length = sum(span.last - span.first for span in self._dense)
        is_whole = self._is_whole or length > len(self.text) // 2
        return list(self._dense) if is_whole else []

    def parts(self) -> Iterator[bytes]:
        """Yield the stretches that look encoded, with the bytes around them."""
        if self.hot or not self._dense:
            return
        spans = [(span.first, span.last) for span in self._dense]
        for start, end in joined_spans(np.array(spans, dtype=np.intp), _AROUND_PART):
            yield self.text[start:end]

    def found(self) -> Iterator[Encoded]:
        """Yield the beginnings of pictures and containers."""
        known, complete = set[int](), set[int]()
        if URI in self.signs:
            for each in plain_uris(self.text, self._effort):
                yield each
                if kind_of(each.data[:HEAD_BYTES]):
                    self._heat(0)
            for at, data in base64_uris(self.text, self._effort):
                known.add(at)
                if ends_as_it_says(data):
                    complete.add(at)
                    self.complete.add(hash(data))
                yield Encoded(name="data", data=data, known_by=data[:KNOWN_BYTES])
        for each in self.search.found(known, frozenset(complete)):
            if self.search.is_complete:
                self.complete.add(hash(each.data))
            else:
                self._heat(self.search.last_found)
            yield each

    def _heat(self, at: int) -> None:
        """Note that something begins at an offset.

        The file may go on after any other bytes, at any distance.
        """
        start = min((at, *(span.first for span in self._dense)))
        end = len(self.text)
        self.hot[:] = [Hot(start=start, end=end, first=start, last=end)]

    def may_change(self, ways: Iterable[Rewriting]) -> bool:
        """Return whether undoing layers, or one of the ways, may change the text."""
        has_signs = any(sign in self.text for sign in SIGNS_OF_LAYERS)
        return has_signs or any(way.changes(self.text) for way in ways)

    def is_layered_where_hot(self) -> bool:
        """Return whether a layer would change bytes that are or may be encoded."""
        has_signs = any(sign in self.text for sign in SIGNS_OF_LAYERS)
        return has_signs and any(is_layered(self.text, span) for span in self.hot)

    def is_worth_unwrapping(self) -> bool:
        """Return whether anything stands where layers are."""
        signs = wrapped(self.text, self.signs)
        if not len(signs):
            return False
        before = around(self.text, signs)
        after = unwrapped(before, self._effort)
        return after != before and (
            _has_more_bytes(after, before) or _begins_anew(after, before, self._effort)
        )

    def has_characters(self) -> bool:
        """Return whether characters stand for bytes, and may have a layer over them."""
        return (
            CHARACTERS in self.signs
            and b"\\" in self.text
            and are_characters(self.text)
        )


class Readings:
    """A text unchanged, and with its layers undone.

    Args:
        text: The text.
        effort: The budget of steps of its search.
        as_text: Whether somebody reads it as text.
        is_whole: See ``strings.WaitingText``.
        is_thorough: See ``strings.encoded``.

    Attributes:
        all: The text, and the text without layers if that may hold anything.
    """

    def __init__(
        self,
        text: bytes,
        effort: Effort,
        *,
        as_text: bool,
        is_whole: bool,
        is_thorough: bool,
    ) -> None:
        self._effort = effort
        self._read = partial(
            Reading, as_text=as_text, is_whole=is_whole, is_thorough=is_thorough
        )
        self.all = [self._read(text, effort)]

    def found(self) -> Iterator[Encoded]:
        """Yield the beginnings of pictures and containers."""
        first = self.all[0]
        yield from first.found()
        if (
            first.is_layered_where_hot()
            or first.is_worth_unwrapping()
            or first.has_characters()
        ):
            plain = unwrapped(first.text, self._effort)
            if plain != first.text:
                second = self._read(plain, self._effort)
                self.all.append(second)
                yield from second.found()

    def nested(self, effort: Effort) -> Iterator[tuple[bytes, bool]]:
        """Yield the texts that are encoded in it, and whether each came before."""
        for reading in self.all:
            yield from reading.search.texts(effort)

    def as_bytes(self, effort: Effort) -> Iterator[Encoded]:
        """Yield the files that stand in the text as bytes after a layer is undone.

        Undoing one layer too many changes bytes, but not base64.
        """
        text, plain = self.all[0].text, self.all[-1].text
        if plain is text or not _has_more_bytes(plain, text):
            return
        for reading in dict.fromkeys((*_steps(text, effort), plain)):
            if _has_more_bytes(reading, text):
                yield from in_bytes("percent", reading, effort, beside=text)


def is_changed(way: Rewriting, reading: Reading, effort: Effort) -> bool:
    """Return whether a way changes a text where anything is or may be encoded."""
    text, is_told = reading.text, way.name in reading.signs
    if not (is_told or reading.hot) or not way.changes(text):
        return False
    if way.is_format and is_told:
        return True
    if any(way.touches(text, span) for span in reading.hot):
        return True
    after, before = way.parts(text, effort) if is_told else (b"", b"")
    return bool(after) and (
        bool((signs_in(after) - signs_in(before)) & _ROWS)
        or _begins_anew(after, before, effort)
    )


_ROWS = ROWS | frozenset(escaped.SIGNS) | {"sections"}
"""Signs that are rare outside of encoded bytes and of layers over them."""


_AROUND_PART = 1024
"""Bytes before and after a part that looks encoded, which are searched with it."""


def gives_bytes(way: Rewriting, text: bytes) -> bool:
    """Return whether a text, read so, may be the bytes of a file."""
    if way.gives_bytes is None:
        return False
    found = way.gives_bytes.finditer(text)
    return sum(1 for _ in islice(found, _FEW_CONTROLS)) == _FEW_CONTROLS


_URI_BEGINS = re.compile(rb"[dD][aA][tT][aA]:[\w/+.=-]{0,64}[;,][^\s;,]{8}")
"""The beginning of a URI, and not a name in a program."""

_FEW_CONTROLS = 4
"""Control characters that no text has; each picture has more of them, and different
ones."""

_FEW_HIGH_BYTES = 16
"""Bytes outside of ASCII; each picture has more of them."""

_NO_CONTROLS = bytes(sorted({*range(256)} - {*range(32)} | {*b"\t\n\f\r"}))


def _has_more_bytes(text: bytes, before: bytes) -> bool:
    """Return whether a text has more of the bytes that only files have many of.

    Names and words have letters outside of ASCII, but hardly any control characters.
    """
    if _high_bytes(text) < _high_bytes(before) + _FEW_HIGH_BYTES:
        return False
    controls, others = (each.translate(None, _NO_CONTROLS) for each in (text, before))
    more = sum(controls.count(each) > others.count(each) for each in set(controls))
    return more >= _FEW_CONTROLS


def _high_bytes(text: bytes) -> int:
    """Count the bytes outside of ASCII."""
    if text.isascii():
        return 0
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.int8) < 0))


def is_encoded(text: bytes, effort: Effort) -> bool:
    """Return whether anything in a text is in base64."""
    search = Base64Search(text, effort)
    return any(True for _ in search.found(set())) or any(
        True for _ in search.texts(effort)
    )


def _begins_anew(text: bytes, before: bytes, effort: Effort) -> bool:
    """Return whether a file begins or is encoded in a text, and did not before."""
    found = _begun(text, effort) if text else set()
    return bool(found) and not found <= _begun(before, effort)


def _begun(text: bytes, effort: Effort) -> set[bytes]:
    """Return the first bytes of all files that begin or are encoded in a text."""
    search = Base64Search(text, effort)
    return {
        *(_URI_BEGINS.findall(text) if may_have_uris(text) else ()),
        *(each.data[:KNOWN_BYTES] for each in search.found(set())),
        *(each for each, _ in search.texts(effort)),
    }


def _steps(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield a text with one layer undone, then two layers, and so on."""
    for undone in (unquoted, unescaped, unreferenced):
        reading = text
        for _ in range(_MOST_STEPS):
            before, reading = reading, undone(reading, effort)
            if reading == before:
                break
            yield reading
    if b"+" in text and b"%" in text:
        # The spaces of a form.
        yield unquoted(text.replace(b"+", b" "), effort)


_MOST_STEPS = 4
"""Most times that one layer may lie over bytes."""
