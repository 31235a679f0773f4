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

One look over each text says which of all these steps can find anything (``signs.py``).
Most texts hold nothing, and the look is all that they cost.

Rules this module keeps: linear time whatever the bytes, at most ``held_bytes`` of text
at a time; what there may be many of is counted (``effort.py``). Binary content is
passed over at a GiB a second.
"""

from binascii import b2a_base64
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from uploadfilter.contents import escaped
from uploadfilter.contents.base64s import TEXT, claim_of, packed
from uploadfilter.contents.beginnings import URL_LETTERS
from uploadfilter.contents.carving import TooMany, Unfinished
from uploadfilter.contents.codings import (
    ALL_CODINGS,
    HEX,
    coded,
    holds_characters,
)
from uploadfilter.contents.effort import Effort, Efforts, SpentError
from uploadfilter.contents.entities import expanded
from uploadfilter.contents.found import (
    Encoded,
    in_bytes,
    is_printed,
    is_text,
    is_zlib,
    kind_of,
)
from uploadfilter.contents.layers import (
    unreferenced,
)
from uploadfilter.contents.magic import HEAD_BYTES, STRINGS, Kind, sniff
from uploadfilter.contents.readings import (
    Reading,
    Readings,
    gives_bytes,
    is_changed,
    is_encoded,
)
from uploadfilter.contents.rewritings import (
    REWRITINGS,
    Rewriting,
)
from uploadfilter.contents.signs import ENTITIES, PACKED, signs_in
from uploadfilter.contents.source import Source
from uploadfilter.contents.stretches import charsets, texts

_SHORTEST = 80
"""Characters of text that may encode a picture: 60 bytes are fewer than any has that
shows anything."""

_MOST_HELD_BYTES = 16 * 1024 * 1024
"""Bytes of text that are looked at together, whatever may be held: there are up to six
copies of them. The largest photos are shorter in base64."""

_STEPS = 80_000
_BYTES_PER_PLAIN_STEP = 32
_DEEP_STEPS = 60_000
_BYTES_PER_DEEP_STEP = 32
"""Microseconds that beginnings, and all other readings, may take in any text, and for
its length. Most programs take a tenth of that; bundles of five megabytes with their
fonts and source maps (plotly, bokeh, pdf.js) take 130,000 to 180,000 for beginnings."""

_BYTES_PER_LATER_STEP = 64
"""Of a text that waited, which is looked at once more."""

_MOST_UNDONE = 40
"""Readings of one text in which a single layer is undone: those of four layers, each of
which could be another one as well."""

_URL_LETTERS = tuple(bytes((letter,)) for letter in URL_LETTERS)

_BYTES_PER_REREADING = 512
"""Of what is done to a whole text, and costs two nanoseconds for each byte."""

_NESTED_BYTES_PER_STEP = 256
"""The same for what was unpacked, of which a bomb has two hundred times as much."""


def effort_for(size: int) -> Efforts:
    """Return what looking at a content of so many bytes may cost, nested ones included.

    Each nested one adds a little, by its length.
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
    """Yield what the strings in a content encode.

    Args:
        source: The content.
        kind: What ``magic.sniff`` made of it; what is not read as text is only
            searched where it has long strings without a space.
        most: Strings that are yielded at most, 0 or more.
        held_bytes: Bytes of text that are looked at together, at least 1; a string
            that is longer is cut. A few times as much is in memory.
        effort: What it may cost, together with others; by itself if none is given.
        is_thorough: If true, each step is tried on each text as a whole, whether there
            is a sign of it or not. The tests hold the quick search to that.

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
        search = _Search(text, effort, as_text=kind in STRINGS, is_thorough=is_thorough)
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
        effort: The budget of steps.
        as_text: If true, somebody reads it as text, and all its readings count.
        is_thorough: See ``encoded``.

    Attributes:
        is_deep: Whether all that begins like a picture in the text was given, and what
            comes now are other readings.
    """

    def __init__(
        self, text: bytes, effort: Efforts, *, as_text: bool, is_thorough: bool
    ) -> None:
        self._as_text = as_text
        self._effort = effort
        self._read = partial(Readings, is_thorough=is_thorough)
        self._item = Waiting(text=text, ways=REWRITINGS if as_text else ())
        self._waiting = deque[Waiting]()
        self._known = dict[int, int]()
        self._undone = 0
        self._whole = set[Waiting]()
        self._parts = dict[int, bool]()
        self._complete = set[int]()
        self.is_deep = False

    def strings(self) -> Iterator[Encoded]:
        """Yield what strings encode, under names without a number.

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

    def _holds_something(self, part: "Waiting") -> bool:
        """Return whether anything is found in a part; readings have most in common."""
        known = hash((part.text, len(part.ways)))
        if known not in self._parts:
            found = (hash(each.data) for each in self._later())
            self._parts[known] = any(each not in self._complete for each in found)
        return self._parts[known]

    def _later(self) -> Iterator[Encoded]:
        """Yield what is in a text that was waiting."""
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
        """Let a text be searched later, from the start, unless it was.

        Args:
            text: The text.
            ways: In which it may be rewritten: of two that undo different things, the
                order says nothing.
            is_guess: Whether strings that were sound may be broken in it.
            is_next: Whether it comes before those that wait already.

        Returns:
            Whether it waits.
        """
        if b"\0" in text:
            text = text.translate(None, b"\0")
        known = hash(text)
        # Bytes that only begin like a text have the signs of all ways by chance.
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
        """Let bytes that are text be searched later, in each charset."""
        waits = [
            self._wait(text, is_guess=is_guess) for text in charsets(data, is_text=True)
        ]
        return any(waits)

    def _wait_for_parts(self, reading: Reading) -> None:
        """Let what looks encoded be searched by itself before the text is.

        To read a megabyte in every way for two kilobytes of it would cost a second.
        """
        for part in reading.parts():
            self._waiting.append(
                replace(self._item, text=part, is_whole=True, part_of=self._item)
            )

    def _deeper(self, readings: Readings) -> Iterator[Encoded]:
        """Yield what a text holds besides what begins in it; note what to search."""
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
        """Let a text be searched once a single layer is undone, in each way."""
        if not self._item.ways or self._undone > _MOST_UNDONE:
            return
        if not is_printed(reading.text):
            # Bytes that only begin like a text: each layer is there by chance.
            return
        for plain in escaped.undone(reading.text, reading.told, self._effort.deep):
            if plain.isascii() or not is_text(plain):
                self._undone += self._wait(plain, is_guess=True)
            else:
                self._undone += self._wait_for_text(plain, is_guess=True)

    def _reread(self, reading: Reading, effort: Effort) -> None:
        """Let a text be searched as the decoders do that skip two letters for URLs.

        Those of PHP and Python are such, also where nothing else stands in the way.
        """
        text = reading.text
        if b"&" in text and reading.hot:
            # What a reference leaves may look like another one.
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
        """Yield what stands in other codings than base64, or is packed."""
        codings = signs & (ALL_CODINGS if self._as_text else HEX)
        for name, data in coded(text, effort, codings, is_something=_is_something):
            yield from self._bytes(name, data, effort)
        for item in packed(text, effort) if PACKED in signs else ():
            if item.claim == TEXT:
                self._wait_for_text(item.data)
            else:
                yield item

    def _bytes(self, name: str, data: bytes, effort: Effort) -> Iterator[Encoded]:
        """Yield what is in bytes; a text in them is searched later."""
        # The name of a field before it may end in a digit.
        for start in (0, 1):
            claim = claim_of(data[start:])
            if claim:
                yield Encoded(name=name, data=data[start:], claim=claim)
        # Where among characters a file begins is not known.
        beside = b"" if name == "characters" else None
        yield from in_bytes(name, data, effort, beside=beside)
        if is_printed(data) or is_text(data) or holds_characters(data):
            self._wait_for_text(data)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """A text that is searched later, as ``_Search._wait`` describes it.

    Attributes:
        text: The text.
        ways: In which it may be rewritten.
        is_guess: Whether strings that were sound may be broken in it.
        is_whole: Whether it is read as a whole in every way that would change what
            looks encoded in it. If not, its parts that look so are searched first.
        part_of: The text of which it is such a part, if it is one, or what a part says.
            That text is read as a whole if anything is found in the part.
    """

    text: bytes
    ways: tuple[Rewriting, ...]
    is_guess: bool = False
    is_whole: bool = False
    part_of: "Waiting | None" = None


def _is_standard(data: bytes) -> bool:
    """Return whether base64 of bytes has a letter that the alphabet for URLs lacks.

    All of the standard alphabet has, unless it is short; without its two letters, the
    alphabet for URLs has not.
    """
    letters = b2a_base64(data[:_TOLD_BYTES])
    return b"+" in letters or b"/" in letters


_TOLD_BYTES = 64 * 1024
"""Bytes by which alphabets are told apart."""


def _is_something(head: bytes) -> bool:
    """Return whether bytes begin like what a scan can look into, packed or not."""
    return kind_of(head) is not None or is_zlib(head)
