r"""Find the pictures that stand encoded in text: base64, ``data:`` URIs, digits, ...

Programs unwrap a string in layers: JSON's escapes, a form's percent signs, HTML's
references, a mail's quoted-printable lines, white space. All of them are undone here,
whatever the text says that it is, until nothing changes: none of their characters
belongs to the alphabets of base64, so that undoing a layer that is not there loses
little, and the text is searched as it stands as well.

The search is in two parts. First comes what begins like a picture or a container in the
text as it stands and without its layers. Then, from an account of its own, come the
other readings: texts that are encoded themselves, other codings (``codings.py``), the
text as other programs read it (``rewritings.py``); and each of these from the start.

Rules this module keeps: linear time whatever the bytes, at most ``held_bytes`` of text
at a time; what there may be many of is counted (``effort.py``). Binary content is
passed over at a GiB a second.
"""

import re
from binascii import b2a_base64
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from uploadfilter.contents.base64s import Base64Search, is_zlib, packed
from uploadfilter.contents.beginnings import URL_LETTERS
from uploadfilter.contents.carving import TooMany, Unfinished
from uploadfilter.contents.codings import ALL_CODINGS, HEX, are_characters, coded
from uploadfilter.contents.effort import Effort, Efforts, SpentError
from uploadfilter.contents.entities import expanded
from uploadfilter.contents.found import (
    KNOWN_BYTES,
    Encoded,
    in_bytes,
    is_printed,
    kind_of,
)
from uploadfilter.contents.hot import Hot
from uploadfilter.contents.layers import (
    is_layered,
    unescaped,
    unquoted,
    unreferenced,
    unwrapped,
    wrapped,
)
from uploadfilter.contents.magic import HEAD_BYTES, STRINGS, Kind, sniff
from uploadfilter.contents.rewritings import REWRITINGS, Rewriting, around
from uploadfilter.contents.source import Source
from uploadfilter.contents.stretches import texts
from uploadfilter.contents.uris import base64_uris, may_have_uris, plain_uris

_SHORTEST = 80
"""Characters of text that may encode a picture: 60 bytes are fewer than any has that
shows anything."""

_MOST_HELD_BYTES = 16 * 1024 * 1024
"""Bytes of text that are looked at together, whatever may be held: there are up to six
copies of them. The largest photos are shorter in base64."""

_STEPS = 30_000
_BYTES_PER_STEP = 64
_DEEP_STEPS = 60_000
_BYTES_PER_DEEP_STEP = 32
"""Microseconds that beginnings, and all other readings, may take in any text, and for
its length. Programs take a tenth of that."""

_BYTES_PER_REREADING = 512
"""Of what is done to a whole text, and costs two nanoseconds for each byte."""

_NESTED_BYTES_PER_STEP = 256
"""The same for what was unpacked, of which a bomb has two hundred times as much."""


def effort_for(size: int) -> Efforts:
    """Return what looking at a content of so many bytes may cost, nested ones included.

    Each nested one adds a little, by its length.
    """
    return Efforts(
        plain=Effort(_STEPS + size // _BYTES_PER_STEP),
        deep=Effort(_DEEP_STEPS + size // _BYTES_PER_DEEP_STEP),
    )


def encoded(
    source: Source,
    *,
    kind: Kind,
    most: int,
    held_bytes: int,
    effort: Efforts | None = None,
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
        effort.plain.give(source.size // _NESTED_BYTES_PER_STEP)
        effort.deep.give(source.size // _NESTED_BYTES_PER_STEP)
    seen: set[int] = set()
    carved: set[int] = set()
    lack: Unfinished | None = None
    for text in texts(source, kind, min(held_bytes, _MOST_HELD_BYTES)):
        search = _Search(text, effort, as_text=kind in STRINGS)
        try:
            for found in search.strings():
                # Two readings of a text find most strings twice.
                known = hash(found.data)
                if known in seen or (found.is_carved and known in carved):
                    continue
                if len(seen) + len(carved) == most:
                    yield TooMany()
                    return
                (carved if found.is_carved else seen).add(known)
                yield replace(found, name=f"{found.name}:{len(seen) + len(carved)}")
        except SpentError:
            if not search.is_deep:
                yield TooMany()
                return
            lack = Unfinished()
    if lack is not None:
        yield lack


class _Search:
    """The search of one piece of text.

    Args:
        text: The piece.
        effort: What it may cost.
        as_text: If true, somebody reads it as text, and all its readings count.

    Attributes:
        is_deep: Whether all that begins like a picture in the text was given, and what
            comes now are other readings.
    """

    def __init__(self, text: bytes, effort: Efforts, *, as_text: bool) -> None:
        self._as_text = as_text
        self._text = text
        self._effort = effort
        self._waiting = deque[_Waiting]()
        self._known = set[int]()
        self.is_deep = False

    def strings(self) -> Iterator[Encoded]:
        """Yield what strings encode, under names without a number.

        Raises:
            SpentError: It would cost more than it may.
        """
        if len(self._text) < _SHORTEST:
            return
        readings = _Readings(self._text, self._effort.plain, as_text=self._as_text)
        yield from readings.found()
        self.is_deep = True
        yield from self._deeper(readings, REWRITINGS if self._as_text else ())
        while self._waiting:
            text, ways, is_guess = self._waiting.popleft()
            self._effort.deep.take(1 + len(text) // _BYTES_PER_STEP)
            readings = _Readings(text, self._effort.deep, as_text=True)
            for found in readings.found():
                if not is_guess:
                    yield found
                elif _is_standard(found.data):
                    yield replace(found, is_carved=True)
            yield from self._deeper(readings, ways)

    def _wait(
        self,
        text: bytes,
        *,
        ways: tuple[Rewriting, ...] = REWRITINGS,
        is_guess: bool = False,
    ) -> None:
        """Let a text be searched later, from the start, unless it was.

        Args:
            text: The text.
            ways: In which it may be rewritten: of two that undo different things, the
                order says nothing.
            is_guess: Whether strings that were sound may be broken in it.
        """
        if b"\0" in text:
            text = text.translate(None, b"\0")
        if len(text) >= _SHORTEST and hash(text) not in self._known:
            self._known.add(hash(text))
            self._waiting.append(_Waiting(text, ways, is_guess))

    def _deeper(
        self, readings: "_Readings", ways: tuple[Rewriting, ...]
    ) -> Iterator[Encoded]:
        """Yield what a text holds besides what begins in it; note what to search."""
        effort = self._effort.deep
        for text, is_given in readings.nested(effort):
            if not is_given and sniff(text[:HEAD_BYTES]) is Kind.SVG:
                yield Encoded(name="base64", data=text)
            self._wait(text)
        for text in readings.texts:
            whole = expanded(text, effort.take)
            if whole is not None:
                self._wait(whole)
            for number, way in enumerate(ways, start=1):
                if way.changes(text) and (
                    any(way.touches(text, span) for span in readings.hot(text))
                    or _begins(way.parts(text, effort), effort)
                ):
                    self._wait(way.whole(text, effort), ways=ways[number:])
                if _gives_bytes(way, text):
                    yield from in_bytes(way.name, way.whole(text, effort), effort)
            yield from self._coded(text, effort)
        yield from readings.as_bytes(effort)
        for text in readings.texts if self._as_text else ():
            self._reread(text, effort, is_hot=bool(readings.hot(text)))

    def _reread(self, text: bytes, effort: Effort, *, is_hot: bool) -> None:
        """Let a text be searched as the decoders do that skip two letters for URLs.

        Those of PHP and Python are such, also where nothing else stands in the way.
        """
        if is_hot and b"&" in text:
            # What a reference leaves may look like another one.
            self._wait(unreferenced(text, effort))
        plain = text.translate(None, URL_LETTERS)
        if plain != text:
            effort.take(1 + len(text) // _BYTES_PER_REREADING)
            search = Base64Search(plain, effort)
            if is_hot or any(True for _ in search.found(set())):
                self._wait(plain, is_guess=True)

    def _coded(self, text: bytes, effort: Effort) -> Iterator[Encoded]:
        """Yield what stands in other codings than base64, or is packed."""
        codings = ALL_CODINGS if self._as_text else HEX
        for name, data in coded(text, effort, codings, is_something=_is_something):
            yield from self._bytes(name, data, effort)
        yield from packed(text, effort)

    def _bytes(self, name: str, data: bytes, effort: Effort) -> Iterator[Encoded]:
        """Yield what is in bytes; a text in them is searched later."""
        if is_zlib(data[:HEAD_BYTES]):
            yield Encoded(name=name, data=data, claim="zlib")
        # Where among characters a file begins is not known.
        beside = b"" if name == "characters" else None
        yield from in_bytes(name, data, effort, beside=beside)
        if is_printed(data):
            self._wait(data)


class _Waiting(NamedTuple):
    """A text that is searched later, as ``_Search._wait`` describes it."""

    text: bytes
    ways: tuple[Rewriting, ...]
    is_guess: bool


class _Readings:
    """A text as it stands, and once its layers are undone.

    Args:
        text: The text.
        effort: What its search may cost.
        as_text: Whether somebody reads it as text.

    Attributes:
        texts: The text, and the one without layers if anything may be in that.
    """

    def __init__(self, text: bytes, effort: Effort, *, as_text: bool) -> None:
        self.texts = [text]
        self._effort = effort
        self._as_text = as_text
        self._searches = [Base64Search(text, effort)]
        self._hot: list[list[Hot]] = []
        self._begin_reading()

    def found(self) -> Iterator[Encoded]:
        """Yield what begins like a picture or a container."""
        yield from self._found(self.texts[0], self._searches[0])
        text = self.texts[0]
        if (
            self._is_layered_where_hot()
            or self._is_worth_unwrapping()
            or self._has_characters()
        ):
            plain = unwrapped(text, self._effort)
            if plain != text:
                self.texts.append(plain)
                self._searches.append(Base64Search(plain, self._effort))
                self._begin_reading()
                yield from self._found(plain, self._searches[1])

    def _has_characters(self) -> bool:
        """Say whether characters stand for bytes, and a layer may lie over them."""
        return b"\\" in self.texts[0] and are_characters(self.texts[0])

    def _begin_reading(self) -> None:
        """Note where the latest text looks as if something were encoded."""
        self._hot.append(self._searches[-1].dense() if self._as_text else [])

    def hot(self, text: bytes) -> list[Hot]:
        """Return where there is anything in one of both, or looks as if there were."""
        return self._hot[self.texts.index(text)]

    def _is_layered_where_hot(self) -> bool:
        """Say whether a layer would change what is, or may be, encoded."""
        return any(is_layered(self.texts[0], span) for span in self._hot[0])

    def _is_worth_unwrapping(self) -> bool:
        """Say whether anything is where layers are."""
        signs = wrapped(self.texts[0])
        if not len(signs):
            return False
        before = around(self.texts[0], signs)
        after = unwrapped(before, self._effort)
        return after != before and (
            _high_bytes(after) > _high_bytes(before) + _FEW_HIGH_BYTES
            or _begins(after, self._effort)
        )

    def _found(self, text: bytes, search: Base64Search) -> Iterator[Encoded]:
        """Yield what begins so in one of both."""
        yield from plain_uris(text, self._effort)
        known = set[int]()
        for at, data in base64_uris(text, self._effort):
            known.add(at)
            yield Encoded(name="data", data=data, known_by=data[:KNOWN_BYTES])
        hot = self.hot(text)
        for each in search.found(known):
            # It may go on after anything, however far.
            start = min((search.last_found, *(span.first for span in hot)))
            hot[:] = [Hot(start=start, end=len(text), first=start, last=len(text))]
            yield each

    def nested(self, effort: Effort) -> Iterator[tuple[bytes, bool]]:
        """Yield the texts that are encoded in it, and whether they were given."""
        for search in self._searches:
            yield from search.texts(effort)

    def as_bytes(self, effort: Effort) -> Iterator[Encoded]:
        """Yield what stands as bytes in the text once a layer is undone.

        Of bytes, unlike of base64, one layer too many makes something else.
        """
        text, plain = self.texts[0], self.texts[-1]
        if _high_bytes(plain) < _high_bytes(text) + _FEW_HIGH_BYTES:
            return
        least = _high_bytes(text) + _FEW_HIGH_BYTES
        for reading in dict.fromkeys((*_steps(text, effort), plain)):
            if _high_bytes(reading) >= least:
                yield from in_bytes("percent", reading, effort, beside=text)


def _gives_bytes(way: Rewriting, text: bytes) -> bool:
    """Say whether a text, read so, may be the bytes of a file."""
    if way.gives_bytes is None:
        return False
    found = way.gives_bytes.finditer(text)
    return sum(1 for _ in islice(found, _FEW_CONTROLS)) == _FEW_CONTROLS


_URI_BEGINS = re.compile(rb"[dD][aA][tT][aA]:[\w/+.=-]{0,64}[;,][^\s;,]{8}")
"""The beginning of a URI, and not a name in a program."""

_FEW_CONTROLS = 4
"""Controls that no text has, and each picture has more of."""

_FEW_HIGH_BYTES = 16
"""Bytes outside of ASCII that no picture makes do with."""


def _high_bytes(text: bytes) -> int:
    """Count the bytes outside of ASCII."""
    if text.isascii():
        return 0
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.int8) < 0))


def _begins(text: bytes, effort: Effort) -> bool:
    """Say whether anything begins in a text, or is encoded."""
    if not text:
        return False
    search = Base64Search(text, effort)
    return (
        (may_have_uris(text) and bool(_URI_BEGINS.search(text)))
        or any(True for _ in search.found(set()))
        or any(True for _ in search.texts(effort))
    )


def _steps(text: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield a text with one layer of one kind after another undone."""
    for undone in (unquoted, unescaped, unreferenced):
        reading = text
        for _ in range(_MOST_STEPS):
            before, reading = reading, undone(reading, effort)
            if reading == before:
                break
            yield reading
    if b"+" in text and b"%" in text:
        # A form's spaces.
        yield unquoted(text.replace(b"+", b" "), effort)


_MOST_STEPS = 4
"""Times that one layer is written over bytes."""


def _is_standard(data: bytes) -> bool:
    """Say whether base64 of bytes has a letter that the alphabet for URLs lacks.

    All of the standard alphabet has, unless it is short; without its two letters, the
    alphabet for URLs has not.
    """
    letters = b2a_base64(data[:_TOLD_BYTES])
    return b"+" in letters or b"/" in letters


_TOLD_BYTES = 64 * 1024
"""Bytes by which alphabets are told apart."""


def _is_something(head: bytes) -> bool:
    """Say whether bytes begin like what a scan can look into, packed or not."""
    return kind_of(head) is not None or is_zlib(head)
