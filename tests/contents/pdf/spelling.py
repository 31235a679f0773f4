"""Spell one small document that shows one picture in any legal way.

The standard leaves much open: blanks and comments, escapes, the order and the places of
objects, packing, abbreviations, where on a page a picture is drawn and by what. Some
spellings are not quite legal, and readers take them all the same: a key that stands
twice, a first line that comes late, a type that a stream does not have.
"""

import base64
import random
import zlib
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image
from typing_extensions import override

from tests.corpus.pdfs import Dictionary, Document, Name, Stream, Value, Writer, image
from tests.corpus.pictures import jpeg

_SHORT = {
    "ASCIIHexDecode": "AHx",
    "ASCII85Decode": "A85",
    "FlateDecode": "Fl",
    "RunLengthDecode": "RL",
    "LZWDecode": "LZW",
    "DCTDecode": "DCT",
}
_SHORT_KEYS = {
    "Width": "W",
    "Height": "H",
    "BitsPerComponent": "BPC",
    "ColorSpace": "CS",
    "Filter": "F",
    "DecodeParms": "DP",
    "Decode": "D",
}
_BLANKS = (b" ", b"\n", b"\r", b"\r\n", b"\t", b"\f", b"\0", b"  ", b"% obj\n", b"%\r")


class Speller(Writer):
    """Writes a document as chance says.

    Args:
        rng: Chance.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__(is_compact=rng.random() < 0.3)
        self._rng = rng
        self._wild = rng.choice((0.0, 0.05, 0.3))
        self._doubles = rng.choice(("", "", "same", "before"))

    def _chance(self) -> bool:
        return self._rng.random() < self._wild

    def blank(self, *, needed: bool = True) -> bytes:
        """Return what separates two words, or may stand there."""
        if not self._chance():
            return b" " * needed
        return b"".join(self._rng.choices(_BLANKS, k=self._rng.randint(1, 3)))

    @override
    def name(self, name: str) -> bytes:
        letters = (
            f"#{ord(letter):02x}" if self._chance() else letter for letter in name
        )
        return b"/" + "".join(letters).encode("latin-1")

    @override
    def number(self, number: float) -> bytes:
        plain = super().number(number)
        if number != int(number) or not self._chance():
            return plain
        return self._rng.choice((b"+", b"00", b"")) + plain if number >= 0 else plain

    @override
    def string(self, text: bytes) -> bytes:
        if self._rng.random() < 0.5:
            return super().string(text)
        return b"(" + b"".join(b"\\%03o" % each for each in text) + b")"

    @override
    def array(self, items: Iterable[bytes]) -> bytes:
        inside = self.blank().join([b"", *items, b""])
        return b"[" + inside + b"]"

    @override
    def dictionary(self, entries: Iterable[tuple[str, Value]]) -> bytes:
        parts = list[bytes]()
        for key, value in entries:
            if self._doubles and self._chance():
                twin = value if self._doubles == "same" else Name.Other
                parts.append(self._entry(key, twin))
            parts.append(self._entry(key, value))
        if self._doubles != "before":
            self._rng.shuffle(parts)
        return b"<<" + self.blank(needed=False).join([b"", *parts, b""]) + b">>"

    def _entry(self, key: str, value: Value) -> bytes:
        return self.name(key) + self.blank() + self.value(value)

    @override
    def stream(self, entries: dict[str, Value], data: bytes) -> bytes:
        if self._chance() and entries.get("Type") not in {Name.ObjStm, Name.XRef}:
            entries = entries | {"Type": Name(self._rng.choice(_OTHER_TYPES))}
        line = self._rng.choice((b"\n", b"\r\n"))
        end = self._rng.choice((b"\n", b"\r\n", b"\r"))
        return (
            self.inside(entries)
            + self.blank(needed=False)
            + (b"stream" + line + data + end + b"endstream")
        )

    @override
    def assembled(self, bodies: dict[int, bytes], trailer: Dictionary) -> bytes:
        order = list(bodies)
        if self._chance():
            self._rng.shuffle(order)
        data = super().assembled({each: bodies[each] for each in order}, trailer)
        way = self._rng.randrange(12)
        if way == 0 and not self.is_compact:
            data = self._updated(data, bodies, trailer)
        few = {
            1: bytes(self._rng.choice((9, 900, 5000))) + data,
            2: b"words\n" * self._rng.choice((9, 900)) + data,
            3: data.replace(b"startxref", b"startxref\n1"),
            4: data.replace(b"%PDF-1.7", b"%PDF-1.7 "),
            5: data + bytes(self._rng.choice((1, 2000))),
        }
        return few.get(way, data)

    def _updated(
        self, data: bytes, bodies: dict[int, bytes], trailer: Dictionary
    ) -> bytes:
        """Put one object into an update at the end; before it, it was another."""
        number = self._rng.choice(list(bodies))
        old = b"%d 0 obj\n%s\nendobj\n" % (number, bodies[number])
        other = b"%d 0 obj\nnull" % number
        was = data.replace(old, other.ljust(len(old) - 8) + b"\nendobj\n")
        start = int(was[was.rindex(b"startxref") + 9 :].split()[0])
        at = len(was)
        table = b"xref\n%d 1\n%010d 00000 n \n" % (number, at)
        more = Dictionary(trailer | {"Size": len(bodies) + 1, "Prev": start})
        body = was + old + table + b"trailer\n" + self.value(more)
        return body + b"\nstartxref\n%d\n%%%%EOF\n" % (at + len(old))

    # --- Pictures ----------------------------------------------------------------

    def packed(self, data: bytes, filters: list[str]) -> tuple[bytes, list[str]]:
        """Pack data by up to nine filters more; the last one is applied first."""
        filters = list(filters)
        for _ in range(self._rng.choice((0, 1, 1, 2, self._rng.randint(3, 9)))):
            name, pack = self._rng.choice(_PACKINGS)
            if len(data) < 300_000:
                data, filters = pack(data), [name, *filters]
        return data, filters

    def samples(self, picture: Image.Image) -> Stream:
        """Store a picture in some colours, packed in some way."""
        way = self._rng.choice((*_SPACES, "jpeg"))
        if way == "jpeg":
            made = image("RGB", *picture.size, b"")
            data, filters = self.packed(jpeg(picture, 90), ["DCTDecode"])
        else:
            made, plain = _SPACES[way](picture)
            data, filters = self.packed(plain, [])
        again = Stream(data, **made)
        if filters:
            names = [Name(each) for each in filters]
            is_bare = len(names) == 1 and self._rng.random() < 0.5
            again.Filter = names[0] if is_bare else names
        return again

    def inline(self, picture: Stream, resources: Dictionary) -> bytes:
        """Return a picture among what is drawn, its space perhaps among the page's."""
        words = list[bytes]()
        for key, value in picture.items():
            if key in {"Type", "Subtype"}:
                continue
            is_short = self._rng.random() < 0.5
            entry = self._inline_value(key, value, resources)
            short = _SHORT_KEYS.get(key, key) if is_short else key
            words.append(
                Writer.name(self, short)  # Chromium knows no escapes here: limits.md
                + self.blank()
                + self.inside(entry)
            )
        head = b"BI " + self.blank(needed=False).join(words)
        return head + b" ID " + picture.packed + b"\nEI"

    def _inline_value(self, key: str, value: Value, resources: Dictionary) -> Value:
        if key == "Filter":
            names = value if isinstance(value, list) else [value]
            names = [Name(_SHORT[each]) for each in names]
            return names if len(names) > 1 else names[0]
        if key == "ColorSpace" and (isinstance(value, list) or self._chance()):
            resources.ColorSpace = Dictionary(Space=value)
            return Name.Space
        return value


_OTHER_TYPES = ("XObject", "EmbeddedFile", "Metadata", "Font", "Pattern", "Sig")


def _runs(data: bytes) -> bytes:
    parts = (data[at : at + 128] for at in range(0, len(data), 128))
    return b"".join(bytes([len(part) - 1]) + part for part in parts) + b"\x80"


def _lzw(data: bytes) -> bytes:
    """Pack without any repetition: a clear code before the codes grow longer."""
    codes = list[int]()
    for at in range(0, len(data), 250):
        codes += [256, *data[at : at + 250]]
    bits = "".join(f"{code:09b}" for code in (*codes, 257))
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


_PACKINGS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("ASCIIHexDecode", lambda data: data.hex().encode() + b">"),
    ("ASCII85Decode", lambda data: base64.a85encode(data) + b"~>"),
    ("FlateDecode", zlib.compress),
    ("RunLengthDecode", _runs),
    ("LZWDecode", _lzw),
)

_Stored = tuple[Stream, bytes]


def _stored(mode: str, picture: Image.Image, **more: Value) -> _Stored:
    converted = picture.convert(mode)
    return image(mode, *picture.size, b"", **more), converted.tobytes()


def _inverted(mode: str, picture: Image.Image, **more: Value) -> _Stored:
    made, plain = _stored(mode, picture, **more)
    return made, bytes(255 - each for each in plain)


def _indexed(picture: Image.Image) -> _Stored:
    numbers = picture.convert("L").tobytes()
    palette = bytes(each for grey in range(255, -1, -1) for each in (grey,) * 3)
    made = image("L", *picture.size, b"")
    made.ColorSpace = [Name.Indexed, Name.DeviceRGB, 255, palette]
    return made, bytes(255 - each for each in numbers)


def _inks(picture: Image.Image) -> _Stored:
    tint = Dictionary(FunctionType=2, Domain=[0, 1], N=1, C0=[1], C1=[0])
    space = [Name.Separation, Name.Spot, Name.DeviceGray, tint]
    return _inverted("L", picture, ColorSpace=space)


def _calibrated(picture: Image.Image) -> _Stored:
    white = Dictionary(WhitePoint=[0.9505, 1, 1.089], Gamma=2.2)
    return _stored("L", picture, ColorSpace=[Name.CalGray, white])


def _deep(picture: Image.Image) -> _Stored:
    made, plain = _stored("L", picture, BitsPerComponent=16)
    return made, np.repeat(np.frombuffer(plain, np.uint8), 2).tobytes()


_SPACES: dict[str, Callable[[Image.Image], _Stored]] = {
    "grey": lambda picture: _stored("L", picture),
    "rgb": lambda picture: _stored("RGB", picture),
    "cmyk": lambda picture: _stored("CMYK", picture),
    "decode": lambda picture: _inverted("L", picture, Decode=[1, 0]),
    "indexed": _indexed,
    "inks": _inks,
    "calibrated": _calibrated,
    "deep": _deep,
}


# --- Places --------------------------------------------------------------------------

_FILL = b"q %d 0 0 %d 0 0 cm /Im0 Do Q"


def _drawn(speller: Speller, picture: Image.Image) -> tuple[bytes, Dictionary]:
    """Return operators that draw a picture, and their resources."""
    stored = speller.samples(picture)
    resources = Dictionary()
    size = picture.size
    match speller._rng.randrange(5):  # noqa: SLF001 - of this module
        case 0:
            drawn = speller.inline(stored, resources)
            return b"q %d 0 0 %d 0 0 cm " % size + drawn + b" Q", resources
        case 1:
            dark = Image.fromarray(255 - np.asarray(picture.convert("L")))
            stored = image("L", *size, bytes(size[0] * size[1]))
            stored.SMask = speller.samples(dark.convert("RGB"))
            stored.SMask.ColorSpace = Name.DeviceGray
            made, plain = _stored("L", dark)
            data, filters = speller.packed(plain, [])
            stored.SMask = Stream(data, **made, Filter=[Name(each) for each in filters])
        case _:
            pass
    resources.XObject = Dictionary(Im0=stored)
    return _FILL % size, resources


def document(seed: int, picture: Image.Image) -> bytes:
    """Return a document of one page that shows a picture, spelled by a seed."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    speller = Speller(rng)
    size = picture.size
    content, resources = _drawn(speller, picture)
    made = Document()
    page = made.add_page(size)
    for _ in range(rng.choice((0, 0, 1, 3))):
        form = Stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, *size])
        form.Resources = resources
        content, resources = b"/Fm0 Do", Dictionary(XObject=Dictionary(Fm0=form))
    match rng.randrange(8):
        case 0:
            pattern = Stream(content, PatternType=1, PaintType=1, TilingType=1)
            pattern.update(BBox=[0, 0, *size], XStep=size[0], YStep=size[1])
            pattern.Resources = resources
            content = b"/Pattern cs /P0 scn 0 0 %d %d re f" % size
            resources = Dictionary(Pattern=Dictionary(P0=pattern))
        case 1:
            look = Stream(content, Subtype=Name.Form, BBox=[0, 0, *size])
            look.Resources = resources
            note = Dictionary(Subtype=Name.Stamp, Rect=[0, 0, *size], F=4)
            page.Annots = [Dictionary(note | {"AP": Dictionary(N=look)})]
            content, resources = b"", Dictionary()
        case 2:
            page.Rotate = 90
        case _:
            pass
    holder = made.pages if rng.random() < 0.3 else page
    if holder is made.pages:
        del page["Resources"]
    holder.Resources = resources
    page.Contents = _contents(speller, rng, content)
    return speller.document(made)


def _contents(speller: Speller, rng: random.Random, content: bytes) -> Value:
    """Return the streams of a page, cut between two words."""
    cut = content.find(b" ", rng.randrange(len(content) + 1)) if content else -1
    is_cut = 0 <= cut < content.find(b" ID ") or (cut > 0 and b" ID " not in content)
    parts = [content[:cut], content[cut:]] if is_cut else [content]
    streams = list[Value]()
    for part in parts:
        data, filters = speller.packed(part, [])
        streams.append(Stream(data, Filter=[Name(each) for each in filters]))
    return streams if len(streams) > 1 or rng.random() < 0.5 else streams[0]
