"""Write PDF documents: plain values of Python become the objects of a document.

A ``Dictionary`` is set by its attributes, as in ``picture.Width = 9``. A ``Stream``,
and what ``Document.make_indirect`` was told, becomes an object of its own. ``Writer``
spells everything in the plainest way; ``tests/contents/pdf/spelling.py`` has others.

Source:
    ISO 32000-2:2020, 7.2 to 7.6.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

Value = Any
"""A value in a document: a name, number, string (bytes), list or dictionary."""


class _Names(type):
    def __getattr__(cls, name: str) -> "Name":
        return Name(name)


class Name(str, metaclass=_Names):
    """A name, without its slash: ``Name.Image`` or ``Name("Image")``."""

    __slots__ = ()


class Dictionary(dict[str, Value]):
    """A dictionary, whose entries are also attributes."""

    def __getattr__(self, name: str) -> Value:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @override
    def __setattr__(self, name: str, value: Value) -> None:
        self[name] = value


class Stream(Dictionary):
    """A dictionary with data, as they are packed."""

    def __init__(self, data: bytes, **entries: Value) -> None:
        super().__init__(**entries)
        dict.__setattr__(self, "data", data)

    @property
    def packed(self) -> bytes:
        """Return the data."""
        data: bytes = self.__dict__["data"]
        return data


class Document:
    """A document that is put together, and then written."""

    def __init__(self) -> None:
        self.pages = Dictionary(Type=Name.Pages, Kids=[], Count=0)
        self.root = Dictionary(Type=Name.Catalog, Pages=self.pages)
        self.indirect: list[Value] = []
        for each in (self.root, self.pages):
            self.make_indirect(each)

    def make_indirect(self, value: Value) -> Value:
        """Write a list or dictionary as an object of its own."""
        self.indirect.append(value)
        return value

    def add_page(self, size: tuple[float, float], content: bytes = b"") -> Dictionary:
        """Add a page that shows something; return it."""
        page = Dictionary(
            Type=Name.Page, Parent=self.pages, MediaBox=[0, 0, *size], Resources={}
        )
        page.Contents = Stream(content)
        self.pages.Kids.append(self.make_indirect(page))
        self.pages.Count += 1
        return page

    def show(self, image: Value, size: tuple[int, int]) -> Dictionary:
        """Add a page of a size that one picture fills; return it."""
        page = self.add_page(size, b"q %d 0 0 %d 0 0 cm /Im0 Do Q" % size)
        page.Resources = Dictionary(XObject=Dictionary(Im0=image))
        return page

    def save(self, **options: Value) -> bytes:
        """Return the bytes of the document; see ``Writer``."""
        return Writer(**options).document(self)


@dataclass
class Writer:
    """Writes a document in the plainest way.

    Attributes:
        is_compact: Whether objects stand in packed streams.
        password: Encrypts it, with 40 bits of RC4; not at all if ``None``.
    """

    is_compact: bool = False
    password: bytes | None = None
    _numbers: dict[int, int] = field(default_factory=dict)
    _objects: list[Value] = field(default_factory=list)
    _key: bytes = b""
    _number: int = 0

    def document(self, document: Document) -> bytes:
        """Return the bytes of a document."""
        for each in document.indirect:
            self._number_of(each)
        trailer = Dictionary(Root=document.root)
        if self.password is not None:
            trailer |= self._encryption(self.password)
        bodies: dict[int, bytes] = {}
        while len(bodies) < len(self._objects):  # writing one may find another
            self._number = len(bodies) + 1
            bodies[self._number] = self.body(self._objects[self._number - 1])
        self._key = b""
        return self.assembled(bodies, trailer)

    def assembled(self, bodies: dict[int, bytes], trailer: Dictionary) -> bytes:
        """Return a file of numbered objects."""
        if self.is_compact:
            bodies = self.compacted(bodies)
        data, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), {}
        for number, body in bodies.items():
            offsets[number] = len(data)
            data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(data)
        count = max([*offsets, *self._places]) + 1 + self.is_compact
        trailer = Dictionary(trailer | {"Size": count})
        if self.is_compact:
            data += self._packed_table(count, {**offsets, count - 1: start}, trailer)
        else:
            data += b"xref\n0 %d\n0000000000 65535 f \n" % count
            data += b"".join(
                b"%010d 00000 n \n" % offsets[number] for number in range(1, count)
            )
            data += b"trailer\n%s\n" % self.value(trailer)
        return bytes(data + b"startxref\n%d\n%%%%EOF\n" % start)

    _places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def compacted(self, bodies: dict[int, bytes]) -> dict[int, bytes]:
        """Put all objects that are no streams into one packed stream."""
        plain = {
            number: body
            for number, body in bodies.items()
            if not isinstance(self._objects[number - 1], Stream)
        }
        at, head = 0, b""
        for number, body in plain.items():
            head += b"%d %d " % (number, at)
            at += len(body) + 1
        holder = len(bodies) + 1
        self._places = {number: (holder, at) for at, number in enumerate(plain)}
        stream = Stream(
            zlib.compress(head + b" ".join(plain.values())),
            Type=Name.ObjStm,
            N=len(plain),
            First=len(head),
            Filter=Name.FlateDecode,
        )
        rest = {each: bodies[each] for each in bodies if each not in plain}
        return {**rest, holder: self.body(stream)}

    def _packed_table(
        self, count: int, offsets: dict[int, int], trailer: Dictionary
    ) -> bytes:
        rows = bytearray(7)
        for number in range(1, count):
            kind, second, third = 1, offsets.get(number, 0), 0
            if number in self._places:
                kind, (second, third) = 2, self._places[number]
            rows += bytes([kind]) + second.to_bytes(4, "big") + third.to_bytes(2, "big")
        table = Stream(bytes(rows), Type=Name.XRef, W=[1, 4, 2], **trailer)
        return b"%d 0 obj\n%s\nendobj\n" % (count - 1, self.body(table))

    # --- Values ------------------------------------------------------------------

    def value(self, value: Value) -> bytes:
        """Return a value, or a reference to it if it is an object of its own."""
        if id(value) in self._numbers or isinstance(value, Stream):
            return b"%d 0 R" % self._number_of(value)
        return self.inside(value)

    def inside(self, value: Value) -> bytes:
        """Return a value as it stands inside another one."""
        match value:
            case Name():
                return self.name(value)
            case bool() | None:
                return {True: b"true", False: b"false", None: b"null"}[value]
            case int() | float():
                return self.number(value)
            case str() | bytes():
                return self.string(
                    value if isinstance(value, bytes) else value.encode("latin-1")
                )
            case dict():
                return self.dictionary(value.items())
            case _:
                return self.array(map(self.value, value))

    def body(self, value: Value) -> bytes:
        """Return an object without its number."""
        if not isinstance(value, Stream):
            return self.inside(value)
        data = self._encrypted(value.packed)
        return self.stream({**value, "Length": len(data)}, data)

    def stream(self, entries: dict[str, Value], data: bytes) -> bytes:
        """Return a stream."""
        return b"%s\nstream\n%s\nendstream" % (self.inside(entries), data)

    def name(self, name: str) -> bytes:
        """Return a name."""
        return b"/" + name.encode("latin-1")

    def number(self, number: float) -> bytes:
        """Return a number."""
        whole = number == int(number)
        return b"%d" % number if whole else f"{number:.6f}".encode()

    def string(self, text: bytes) -> bytes:
        """Return a string."""
        return b"<%s>" % self._encrypted(text).hex().encode()

    def array(self, items: Iterable[bytes]) -> bytes:
        """Return an array of what was written already."""
        return b"[%s]" % b" ".join(items)

    def dictionary(self, entries: Iterable[tuple[str, Value]]) -> bytes:
        """Return a dictionary."""
        parts = (self.name(key) + b" " + self.value(each) for key, each in entries)
        return b"<<%s>>" % b" ".join(parts)

    def _number_of(self, value: Value) -> int:
        if id(value) not in self._numbers:
            self._objects.append(value)  # kept, so that no other value gets its id
            self._numbers[id(value)] = len(self._objects)
        return self._numbers[id(value)]

    # --- Encryption --------------------------------------------------------------

    def _encryption(self, password: bytes) -> dict[str, Value]:
        """Set a key up: revision 2 of the standard handler (7.6.4)."""
        owner = _rc4(_md5((b"owner" + _PAD)[:32])[:5], _padded(password))
        identity = b"0123456789abcdef"
        seed = _padded(password) + owner + b"\xff" * 4 + identity
        key = _md5(seed)[:5]
        entries = Dictionary(Filter=Name.Standard, V=1, R=2, O=owner, P=-1)
        entries.U = _rc4(key, _PAD)
        written = {"Encrypt": entries, "ID": [identity, identity]}
        self._key = key
        return written

    def _encrypted(self, data: bytes) -> bytes:
        if not self._key:
            return data
        salt = self._number.to_bytes(3, "little") + bytes(2)
        return _rc4(_md5(self._key + salt)[:10], data)


_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _padded(password: bytes) -> bytes:
    return (password + _PAD)[:32]


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    return bytes(byte ^ pad for byte, pad in zip(data, _pads(state), strict=False))


def _pads(state: list[int]) -> Iterator[int]:
    i = j = 0
    while True:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        yield state[(state[i] + state[j]) % 256]


def image(mode: str, width: int, height: int, data: bytes, **more: Value) -> Stream:
    """Return a picture of samples as packed; ``more`` overrides any of its keys."""
    spaces = {"1": "Gray", "L": "Gray", "RGB": "RGB", "CMYK": "CMYK"}
    made = Stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        BitsPerComponent=1 if mode == "1" else 8,
        ColorSpace=Name("Device" + spaces[mode]),
    )
    made.update(more)
    return made
