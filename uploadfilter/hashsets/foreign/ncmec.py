"""Read answers of NCMEC's hash-sharing service, version 2, in XML.

::

    <queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>
      <image><member id="42">…</member><id>i1</id><classification>A1</classification>
        <fingerprints><md5>…</md5><pdq>…</pdq><pdna>…</pdna></fingerprints></image>
    </images></queryResult>

Read by Python's own expat, piece by piece (ADR 0024). A document type is refused, and
with it every entity (bombs of entities, other files); so is a tag or a comment longer
than a record may be, which expat would keep in memory. Clauses:
``hashsets/FORMAT.md``, section 8.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Final, NoReturn
from xml.parsers import expat

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.foreign.documents import MOST_RECORD_CHARACTERS
from uploadfilter.hashsets.foreign.form import ForeignFormat
from uploadfilter.hashsets.lines.columns import label_of
from uploadfilter.hashsets.lines.items import Item
from uploadfilter.hashsets.tally import Problem, Tally

_CHUNK_BYTES: Final = 64 << 10
_MOST_SILENT_CHUNKS: Final = MOST_RECORD_CHARACTERS // _CHUNK_BYTES
"""Most chunks without an event of expat, because one tag or comment fills them."""

_MOST_DEPTH: Final = 64
"""Deepest nesting: the service nests eight levels."""

_MOST_TEXT_CHARACTERS: Final = 4096
"""Longest text of a field: the longest fingerprints come as links."""

_MOST_FINGERPRINTS: Final = 1000
_BETWEEN: Final = " "
_IMAGE: Final = "image"
_WITHDRAWN: Final = frozenset({"deletedImage", "deletedVideo"})
_KINDS: Final = frozenset({_IMAGE, "video", *_WITHDRAWN})
"""Elements that hold an entry."""

_DISPUTED: Final = "negativeFeedback"
_OWN_TEXTS: Final = frozenset({"id", "classification"})
_FINGERPRINTS: Final = "fingerprints"
_EXACT: Final = frozenset({"md5", "sha1", "sha256"})
_PDQ: Final = "pdq"


@dataclass(slots=True)
class _Element:
    """An entry of the file.

    Attributes:
        kind: Name of its element.
        member: Number of the member who made it.
        id: Its own id.
        classification: The member's classification; empty if there is none.
        is_disputed: Whether another member marks it as wrong.
        fingerprints: Texts by the names of their elements; of long ones there is only
            a link, and the text is empty.
    """

    kind: str
    member: str = ""
    id: str = ""
    classification: str = ""
    is_disputed: bool = False
    fingerprints: dict[str, list[str]] = field(default_factory=dict)


def _records(file: BufferedReader) -> Iterator[_Element]:
    """Yield the pictures and videos, including deleted ones."""
    elements = _Elements()
    silent, events = 0, 0
    while True:
        data = file.read(_CHUNK_BYTES)
        try:
            elements.feed(data)
        except (expat.ExpatError, LookupError, ValueError) as exc:
            raise _broken("it is no XML, or cut off") from exc
        yield from elements.taken()
        if not data:
            return
        silent = silent + 1 if elements.events == events else 0
        events = elements.events
        if silent > _MOST_SILENT_CHUNKS:
            raise _broken("a tag or comment is too long")


def _item_of(record: _Element, tally: Tally) -> Item | Problem:
    if record.kind in _WITHDRAWN:
        return Problem.WITHDRAWN
    if record.is_disputed:
        return Problem.DISPUTED
    is_whole = record.member and record.id
    item: Item = {
        # Members number their entries by themselves.
        "id": f"{record.member}-{record.id}" if is_whole else "",
        "category": record.classification or None,
    }
    others = 0
    for name, values in record.fingerprints.items():
        if name in _EXACT or (name == _PDQ and record.kind == _IMAGE):
            _add(item, name, values)
        else:
            tally.not_comparable(label_of(name))
            others += 1
    has_signal = len(item) > _FIELDS_WITHOUT_SIGNAL
    return Problem.NOT_COMPARED if others and not has_signal else item


_FIELDS_WITHOUT_SIGNAL: Final = 2
"""Id and category."""


def _add(item: Item, name: str, values: list[str]) -> None:
    """Add signals of a type; an entry may have several of it."""
    texts = [text for text in values if text]
    if texts:
        item[name] = texts[0]
    if texts[1:]:
        signals = item.setdefault("signals", [])
        signals += [{"type": name, "value": text} for text in texts[1:]]


def _broken(how: str) -> HashSetFormatError:
    return HashSetFormatError(
        f"the XML of the file is broken ({how})",
        hint="Nothing was imported. Have it saved anew, and compare its size.",
    )


class _Elements:
    """Collects entries from the events of expat."""

    def __init__(self) -> None:
        parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.CommentHandler = self._other
        parser.ProcessingInstructionHandler = self._other
        self._parser = parser
        self._path: list[str] = []
        self._done: list[_Element] = []
        self._element: _Element | None = None
        self._parts: list[str] | None = None
        self._characters = 0
        self._depth = 0
        self.events = 0

    def feed(self, data: bytes) -> None:
        """Parse more bytes; no bytes mean the end of the file.

        Raises:
            expat.ExpatError: The file is not XML.
            HashSetFormatError: The XML has forbidden parts.
        """
        self._parser.Parse(data, not data)

    def taken(self) -> list[_Element]:
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.events += 1
        name = name.rpartition(_BETWEEN)[2]
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if len(self._path) > _MOST_DEPTH:
            raise _broken("nested too deep")
        element = self._element
        if element is None:
            if name in _KINDS:
                self._element = _Element(kind=name)
            return
        if name == "member":
            element.member = attributes.get("id", "")
        elif name == _DISPUTED:
            element.is_disputed = True
        is_own = parent == element.kind and name in _OWN_TEXTS
        if is_own or parent == _FINGERPRINTS:
            self._parts, self._characters = [], 0
            self._depth = len(self._path)

    def _text(self, text: str) -> None:
        self.events += 1
        if self._parts is not None and self._characters < _MOST_TEXT_CHARACTERS:
            self._parts.append(text)
            self._characters += len(text)

    def _end(self, _name: str) -> None:
        self.events += 1
        name = self._path.pop()
        element = self._element
        if element is None:
            return
        if self._parts is not None:
            # Elements inside a text mean nothing.
            if len(self._path) < self._depth:
                self._take(element, name, "".join(self._parts).strip())
                self._parts = None
        elif name == element.kind and name not in self._path:
            self._done.append(element)
            self._element = None

    def _take(self, element: _Element, name: str, text: str) -> None:
        if self._path[-1] != _FINGERPRINTS:
            setattr(element, name, text)
            return
        element.fingerprints.setdefault(name, []).append(text)
        if sum(map(len, element.fingerprints.values())) > _MOST_FINGERPRINTS:
            raise _broken("an entry has too many fingerprints")

    def _other(self, *_: str) -> None:
        self.events += 1

    def _refuse_doctype(self, *_: object) -> NoReturn:
        raise HashSetFormatError(
            "the XML of the file has a document type, which may hide what it says",
            hint="Nothing was imported. NCMEC's answers have none: have it saved anew.",
        )


NCMEC: Final = ForeignFormat(
    name="ncmec",
    title="an answer of NCMEC's hash-sharing service, in XML",
    has_categories=True,
    # The address of its namespace.
    beginning=re.compile("<.*hashsharing", re.DOTALL),
    records=_records,
    item=_item_of,
)
"""Version 2 of NCMEC's hash-sharing service."""
