r"""Find the pictures that are encoded in a text: base64, ``data:`` URIs, digits, ...

Programs unwrap a string in layers: JSON's escapes, a form's percent signs, HTML's
references, a mail's quoted-printable lines, white space. All of them are undone here,
whatever the declared type of the text is, until nothing changes. None of their
characters belongs to the alphabets of base64, so that undoing a layer that is not there
loses little; and the unchanged text is searched as well.

The search is in two parts. The first part looks for the beginnings of pictures and
containers, in the unchanged text and in the text without its layers. The second part,
with its own account, searches the other readings: encoded texts, other codings
(``codings.py``), and the text as other programs read it (``rewritings.py``). Each of
these is searched from the start.

One search of each text for signs tells which of these steps can find anything
(``signs.py``). Most texts hold nothing and cost only this search.

Rules this module keeps: linear time for any bytes; at most ``held_bytes`` of text at a
time; every step that may occur often is counted (``effort.py``); binary content is
skipped at a GiB a second.
"""

from binascii import b2a_base64
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from uploadfilter.contents.carving import TooMany, Unfinished
from uploadfilter.contents.kinds.magic import HEAD_BYTES, STRINGS, Kind, sniff
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts import escaped
from uploadfilter.contents.texts.base64s import TEXT, claim_of, packed
from uploadfilter.contents.texts.beginnings import URL_LETTERS
from uploadfilter.contents.texts.codings import (
    ALL_CODINGS,
    HEX,
    coded,
    holds_characters,
)
from uploadfilter.contents.texts.effort import Effort, Efforts, SpentError
from uploadfilter.contents.texts.entities import expanded
from uploadfilter.contents.texts.found import (
    Encoded,
    in_bytes,
    is_printed,
    is_text,
    is_zlib,
    kind_of,
)
from uploadfilter.contents.texts.layers import (
    unreferenced,
)
from uploadfilter.contents.texts.readings import (
    Reading,
    Readings,
    gives_bytes,
    is_changed,
    is_encoded,
)
from uploadfilter.contents.texts.rewritings import (
    REWRITINGS,
    Rewriting,
)
from uploadfilter.contents.texts.signs import ENTITIES, PACKED, signs_in
from uploadfilter.contents.texts.stretches import charsets, texts

_SHORTEST = 80
"""Fewest characters of text that may encode a picture: every picture that shows
anything has more than 60 bytes."""

_MOST_HELD_BYTES = 16 * 1024 * 1024
"""Most bytes of text that are searched together, even if more may be held: there are up
to six copies of them. The largest photos are shorter in base64."""

_STEPS = 80_000
_BYTES_PER_PLAIN_STEP = 32
_DEEP_STEPS = 60_000
_BYTES_PER_DEEP_STEP = 32
"""Budgets in steps (microseconds) for beginnings, and for all other readings: a fixed
part for any text, and a part by its length. Most programs take a tenth of that; bundles
of five megabytes with their fonts and source maps (plotly, bokeh, pdf.js) take 130,000
to 180,000 for beginnings."""

_BYTES_PER_LATER_STEP = 64
"""Bytes for each step of a text that waited, and is searched once more."""

_MOST_UNDONE = 40
"""Most readings of one text in which a single layer is undone: enough for four layers,
each of which could also be another one."""

_URL_LETTERS = tuple(bytes((letter,)) for letter in URL_LETTERS)

_BYTES_PER_REREADING = 512
"""Bytes for each step of rereading a whole text, at two nanoseconds a byte."""

_NESTED_BYTES_PER_STEP = 256
"""Bytes for each step of an unpacked text; a bomb unpacks to two hundred times its
length."""


def effort_for(size: int) -> Efforts:
    """Return the budgets for searching a content and the contents nested in it.

    Each nested content adds a little to them, by its length.
    """
    return Efforts(
        plain=Effort(_STEPS + size // _BYTES_PER_PLAIN_STEP),
        deep=Effort(_DEEP_STEPS + size // _BYTES_PER_DEEP_STEP),
    )


def encoded(
    source: Source,
    *,
    kind: Kind,
    most: int,
    held_bytes: int,
    effort: Efforts | None = None,
    is_thorough: bool = False,
) -> Iterator[Encoded | TooMany | Unfinished]:
    """Yield the files that the strings in a content encode.

    Args:
        source: The content.
        kind: Its kind by ``magic.sniff``; a kind that is not read as text is only
            searched in long strings without a space.
        most: Most files that are yielded, 0 or more.
        held_bytes: Bytes of text that are searched together, at least 1; longer strings
            are cut. A few times as many bytes are held in memory.
        effort: The budgets, which may be shared with other contents; by default its
            own.
        is_thorough: Whether each step is tried on each whole text, even without its
            sign. The tests compare the quick search with this.

    Yields:
        Files; then ``Unfinished`` if the search is not complete, or ``TooMany`` if not
        even all beginnings were yielded.
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
        search = _Search(text, effort, as_text=kind in STRINGS, is_thorough=is_thorough)
        try:
            for found in search.strings():
                # Most strings are found twice, in two readings of a text.
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
        effort: The budget of steps.
        as_text: Whether programs read it as text, so that all its readings count.
        is_thorough: See ``encoded``.

    Attributes:
        is_deep: Whether all beginnings of pictures in the text were yielded, so that
            the other readings come now.
    """

    def __init__(
        self, text: bytes, effort: Efforts, *, as_text: bool, is_thorough: bool
    ) -> None:
        self._as_text = as_text
        self._effort = effort
        self._read = partial(Readings, is_thorough=is_thorough)
        self._item = WaitingText(text=text, ways=REWRITINGS if as_text else ())
        self._waiting = deque[WaitingText]()
        self._known = dict[int, int]()
        self._undone = 0
        self._whole = set[WaitingText]()
        self._parts = dict[int, bool]()
        self._complete = set[int]()
        self.is_deep = False

    def strings(self) -> Iterator[Encoded]:
        """Yield the files that strings encode, with names without a number.

        Raises:
            SpentError: The budget of steps is used up.
        """
        text = self._item.text
        if len(text) < _SHORTEST:
            return
        readings = self._read(
            text, self._effort.plain, as_text=self._as_text, is_whole=False
        )
        if not readings.all[0].may_hold:
            return
        yield from readings.found()
        self._complete.update(*(reading.complete for reading in readings.all))
        self.is_deep = True
        yield from self._deeper(readings)
        while self._waiting:
            self._item = self._waiting.popleft()
            part_of = self._item.part_of
            if part_of is None:
                yield from self._later()
            elif part_of not in self._whole and self._holds_something(self._item):
                self._whole.add(part_of)
                self._waiting.append(replace(part_of, is_whole=True))

    def _holds_something(self, part: "WaitingText") -> bool:
        """Return whether anything is found in a part; its readings are nearly equal."""
        known = hash((part.text, len(part.ways)))
        if known not in self._parts:
            found = (hash(each.data) for each in self._later())
            self._parts[known] = any(each not in self._complete for each in found)
        return self._parts[known]

    def _later(self) -> Iterator[Encoded]:
        """Yield the files in a text that was waiting."""
        item = self._item
        self._effort.deep.take(1 + len(item.text) // _BYTES_PER_LATER_STEP)
        readings = self._read(
            item.text, self._effort.deep, as_text=True, is_whole=item.is_whole
        )
        if not readings.all[0].may_hold:
            return
        for found in readings.found():
            if not item.is_guess:
                yield found
            elif _is_standard(found.data):
                yield replace(found, is_carved=True)
        yield from self._deeper(readings)

    def _wait(
        self,
        text: bytes,
        *,
        ways: tuple[Rewriting, ...] = REWRITINGS,
        is_guess: bool = False,
        is_next: bool = False,
    ) -> bool:
        """Queue a text to be searched from the start, unless it was searched before.

        Args:
            text: The text.
            ways: The ways in which it may be rewritten. The order of two ways that undo
                different codings does not matter.
            is_guess: Whether strings that were sound may be broken in it.
            is_next: Whether it comes before the texts that wait already.

        Returns:
            Whether it waits.
        """
        if b"\0" in text:
            text = text.translate(None, b"\0")
        known = hash(text)
        # Bytes that only begin like a text have all signs by chance.
        before = self._known.get(known, -1)
        is_new = before < 0 or (before < len(ways) and is_printed(text))
        if len(text) < _SHORTEST or not is_new:
            return False
        self._known[known] = len(ways)
        item = replace(self._item, text=text, ways=ways, is_guess=is_guess)
        if is_next:
            self._waiting.appendleft(item)
        else:
            self._waiting.append(item)
        return True

    def _wait_for_text(self, data: bytes, *, is_guess: bool = False) -> bool:
        """Queue bytes that are text, in each charset."""
        waits = [
            self._wait(text, is_guess=is_guess) for text in charsets(data, is_text=True)
        ]
        return any(waits)

    def _wait_for_parts(self, reading: Reading) -> None:
        """Queue the parts that look encoded before the text itself.

        Reading a megabyte in every way for two kilobytes of it would cost a second.
        """
        for part in reading.parts():
            self._waiting.append(
                replace(self._item, text=part, is_whole=True, part_of=self._item)
            )

    def _deeper(self, readings: Readings) -> Iterator[Encoded]:
        """Yield the other files of a text, not its beginnings; queue its readings."""
        effort, ways = self._effort.deep, self._item.ways
        for text, is_given in readings.nested(effort):
            if not is_given and sniff(text[:HEAD_BYTES]) is Kind.SVG:
                yield Encoded(name="base64", data=text)
            self._wait(text)
        for reading in readings.all:
            text, signs = reading.text, reading.signs
            whole = expanded(text, effort.take) if ENTITIES in signs else None
            if whole is not None:
                self._wait(whole)
            for number, way in enumerate(ways, start=1):
                if is_changed(way, reading, effort):
                    whole = way.whole(text, effort)
                    self._wait(whole, ways=ways[number:], is_next=way.is_certain)
                if way.bytes_name in signs and gives_bytes(way, text):
                    yield from in_bytes(way.name, way.whole(text, effort), effort)
            yield from self._coded(text, signs, effort)
            self._undo(reading)
        yield from readings.as_bytes(effort)
        for reading in readings.all if self._as_text else ():
            self._reread(reading, effort)
            self._wait_for_parts(reading)

    def _undo(self, reading: Reading) -> None:
        """Queue a text with a single layer undone, for each layer."""
        if not self._item.ways or self._undone > _MOST_UNDONE:
            return
        if not is_printed(reading.text):
            # Bytes that only begin like a text have each layer by chance.
            return
        for plain in escaped.undone(reading.text, reading.told, self._effort.deep):
            if plain.isascii() or not is_text(plain):
                self._undone += self._wait(plain, is_guess=True)
            else:
                self._undone += self._wait_for_text(plain, is_guess=True)

    def _reread(self, reading: Reading, effort: Effort) -> None:
        """Queue a text without the two letters for URLs, as some decoders read it.

        The decoders of PHP and Python skip these letters, even in a text without
        layers.
        """
        text = reading.text
        if b"&" in text and reading.hot:
            # The result of a reference may look like another reference.
            self._wait(unreferenced(text, effort))
        if escaped.is_form(text):
            self._wait(text.replace(b"+", b" "))
        if any(letter in text for letter in _URL_LETTERS):
            effort.take(1 + len(text) // _BYTES_PER_REREADING)
            plain = text.translate(None, URL_LETTERS)
            is_read = bool(reading.hot) and (
                reading.may_change(self._item.ways) or bool(signs_in(plain))
            )
            if is_read or is_encoded(plain, effort):
                self._wait(plain, is_guess=True)

    def _coded(
        self, text: bytes, signs: frozenset[str], effort: Effort
    ) -> Iterator[Encoded]:
        """Yield the files in other codings than base64, and packed ones."""
        codings = signs & (ALL_CODINGS if self._as_text else HEX)
        for name, data in coded(text, effort, codings, is_something=_is_something):
            yield from self._bytes(name, data, effort)
        for item in packed(text, effort) if PACKED in signs else ():
            if item.claim == TEXT:
                self._wait_for_text(item.data)
            else:
                yield item

    def _bytes(self, name: str, data: bytes, effort: Effort) -> Iterator[Encoded]:
        """Yield the files in bytes; queue a text in them."""
        # The name of a field before the digits may itself end in a digit.
        for start in (0, 1):
            claim = claim_of(data[start:])
            if claim:
                yield Encoded(name=name, data=data[start:], claim=claim)
        # A file may begin anywhere among characters.
        beside = b"" if name == "characters" else None
        yield from in_bytes(name, data, effort, beside=beside)
        if is_printed(data) or is_text(data) or holds_characters(data):
            self._wait_for_text(data)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaitingText:
    """A text in the queue of ``_Search``.

    Attributes:
        text: The text.
        ways: The ways in which it may be rewritten.
        is_guess: Whether strings that were sound may be broken in it.
        is_whole: Whether the whole text is read in every way that would change bytes in
            it which look encoded. If not, its parts that look encoded are searched
            first.
        part_of: The whole text, if this text is such a part or a reading of one. The
            whole text is read if anything is found in the part.
    """

    text: bytes
    ways: tuple[Rewriting, ...]
    is_guess: bool = False
    is_whole: bool = False
    part_of: "WaitingText | None" = None


def _is_standard(data: bytes) -> bool:
    """Return whether base64 of bytes has a letter that the alphabet for URLs lacks.

    Strings in the standard alphabet have one, unless they are short; strings in the
    alphabet for URLs, without its two letters, have none.
    """
    letters = b2a_base64(data[:_TOLD_BYTES])
    return b"+" in letters or b"/" in letters


_TOLD_BYTES = 64 * 1024
"""Bytes by which the two alphabets are told apart."""


def _is_something(head: bytes) -> bool:
    """Return whether bytes begin like a kind that a scan looks into, packed or not."""
    return kind_of(head) is not None or is_zlib(head)
