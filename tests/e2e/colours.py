"""Write random colour profiles and signals of colour spaces.

By grammar: a profile of parts that each have a few likely and a few odd forms. By
mutation: the same, with one to three bytes changed where they count. Each number gives
the same file again.
"""

import random
import struct
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import png_chunk, riff_chunks, webp_file, webp_head
from tests.pictures import icc

_SIDE: Final = 24
_RAMPS: Final = np.mgrid[0:_SIDE, 0:_SIDE] * 255 // (_SIDE - 1)
PICTURE: Final = Image.fromarray(
    np.dstack((_RAMPS[0], _RAMPS[1], (_RAMPS[0] + _RAMPS[1]) // 2)).astype(np.uint8)
)
"""Colours evenly over all that are usual."""

_PRIMARIES: Final = (icc.SRGB, icc.DISPLAY_P3, icc.ADOBE, icc.SRGB[::-1])


class Grammar:
    """The parts of a profile, chosen by chance.

    Args:
        rng: Chooses.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def profile(self) -> bytes:
        """Return a profile."""
        rng = self._rng
        samples = rng.choice((b"RGB ",) * 6 + (b"GRAY", b"CMYK", b"Lab ", b"XYZ "))
        tags: dict[bytes, bytes] = {}
        if rng.random() < 0.85:
            tags |= self._curves(samples)
        if rng.random() < 0.35:
            names = (b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"B2A0", b"A2B3")
            tags[rng.choice(names)] = self._table(samples)
        if rng.random() < 0.15:
            tags[b"A2B0"] = self._table(samples)
        if rng.random() < 0.15:
            tags[b"cicp"] = b"cicp" + bytes(4) + self.code_points()
        if rng.random() < 0.1:
            tags[b"chad"] = b"sf32" + bytes(4) + self._numbers(9, -1, 2)
        if rng.random() < 0.1:
            count = rng.choice((85, 92, 100, 300))
            tags |= {b"x%03d" % at: b"text" + bytes(8) for at in range(count)}
        made = self._repeated(icc.profile(self._shuffled(tags), samples=samples))
        return self._headed(made)

    def code_points(self) -> bytes:
        """Return four code points."""
        rng = self._rng
        matrix, reach = rng.choice(((0, 1),) * 5 + ((1, 1), (0, 0), (2, 3)))
        # PQ and HLG have no one way to be shown on a usual screen.
        transfer = rng.choice([at for at in range(20) if at not in {16, 18}])
        return bytes(
            (rng.choice((1, 1, 9, 12, rng.randrange(24))), transfer, matrix, reach)
        )

    def _shuffled(self, tags: dict[bytes, bytes]) -> dict[bytes, bytes]:
        names = list(tags)
        self._rng.shuffle(names)
        return {name: tags[name] for name in names}

    def _numbers(self, count: int, low: float, high: float) -> bytes:
        numbers = (self._rng.uniform(low, high) for _ in range(count))
        return struct.pack(f">{count}i", *(round(number * 65536) for number in numbers))

    def _curves(self, samples: bytes) -> dict[bytes, bytes]:
        rng = self._rng
        if samples == b"GRAY" and rng.random() < 0.9:
            return {b"kTRC": self.curve()}
        one = self.curve()
        tags = {
            name: one if rng.random() < 0.7 else self.curve()
            for name in (b"rTRC", b"gTRC", b"bTRC")
        }
        primaries = [list(column) for column in rng.choice(_PRIMARIES)]
        if rng.random() < 0.3:
            primaries[rng.randrange(3)] = [rng.uniform(-0.5, 1.5) for _ in range(3)]
        if rng.random() < 0.1:
            primaries[0] = primaries[1]
        if rng.random() < 0.1:
            primaries = [[0.0] * 3, [0.0] * 3, [0.9642, 1.0, 0.8249]]
        for name, primary in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
            if rng.random() < 0.98:
                tags[name] = icc.xyz(primary)
        return tags

    def curve(self) -> bytes:
        """Return a tone curve."""
        makers = (self._power, self._formula, self._formula, self._light, self._noisy)
        fixed = (b"curv" + bytes(8), icc.SRGB_FORMULA)
        chosen = self._rng.choice((*makers, *fixed))
        return chosen if isinstance(chosen, bytes) else chosen()

    def _power(self) -> bytes:
        return icc.power(self._rng.uniform(0, 12))

    def _formula(self) -> bytes:
        rng = self._rng
        kind = rng.randrange(6)
        numbers = [rng.uniform(0, 4), rng.uniform(0, 2), rng.uniform(-1, 1)]
        numbers += [rng.uniform(-0.5, 1.5) for _ in range(4)]
        return icc.formula(kind, *numbers[: (1, 3, 4, 5, 7, 7)[kind]])

    def _light(self) -> bytes:
        """Return the light of sRGB or of its negative, in few values or in many."""
        counts = (2, 3, 256, 300, 1024, 4096, 65_530, 70_000)
        light = icc.srgb_light(self._rng.choice(counts))
        return icc.table(light[::-1] if self._rng.random() < 0.3 else light)

    def _noisy(self) -> bytes:
        count = self._rng.choice((2, 5, 17, 256, 300))
        return icc.table(np.array([self._rng.random() for _ in range(count)]))

    def _table(self, samples: bytes) -> bytes:
        rng = self._rng
        usual = {b"GRAY": 1, b"CMYK": 4}.get(samples, 3)
        inputs = usual if rng.random() < 0.95 else rng.randrange(1, 6)
        kind = rng.choice((b"mft1", b"mft2", b"mAB ", b"mAB ", b"mpet"))
        if kind == b"mpet":
            return b"mpet" + rng.randbytes(60)
        if kind == b"mAB ":
            return self._steps(inputs)
        side = rng.choice((2, 3, 5))
        length = 1 if kind == b"mft1" else 2
        head = kind + bytes(4) + bytes((inputs, 3, side, 0)) + self._numbers(9, -1, 1)
        entries = (256, 256)
        if length == 2:
            entries = rng.choice((2, 17, 4096)), rng.choice((2, 17, 256))
            head += struct.pack(">HH", *entries)
        body = self._values(inputs, entries[0], length)
        body += self._noise(3 * side**inputs, length)
        return head + body + self._values(3, entries[1], length)

    def _values(self, channels: int, count: int, length: int) -> bytes:
        """Return curves of values, straight or not."""
        curves = b""
        for _ in range(channels):
            ramp = np.linspace(0, 1, count)
            ramp = ramp[::-1] if self._rng.random() < 0.3 else ramp
            ramp = ramp ** self._rng.choice((1, 1, 0.5, 3))
            largest = (1 << 8 * length) - 1
            curves += np.round(ramp * largest).astype(f">u{length}").tobytes()
        return curves

    def _noise(self, count: int, length: int) -> bytes:
        return self._rng.randbytes(count * length)

    def _steps(self, inputs: int) -> bytes:
        rng = self._rng
        parts = [self._padded(3)]
        if rng.random() < 0.6:
            parts += [self._numbers(9, -0.2, 1.2) + self._numbers(3, -0.1, 0.1)]
            parts += [self._padded(3)]
        else:
            parts += [b"", b""]
        if inputs != 3 or rng.random() < 0.6:
            side, length = rng.choice((2, 3, 4)), rng.choice((1, 2))
            grid = bytes((side,) * inputs).ljust(16, b"\0") + bytes((length, 0, 0, 0))
            noise = self._noise(3 * side**inputs, length)
            parts += [grid + noise + bytes(-len(noise) % 4), self._padded(inputs)]
        else:
            parts += [b"", b""]
        places, body = [], b""
        for part in parts:
            places.append(32 + len(body) if part else 0)
            body += part
        head = b"mAB " + bytes(4) + bytes((inputs, 3, 0, 0))
        return head + struct.pack(">5I", *places) + body

    def _padded(self, count: int) -> bytes:
        curves = (self.curve() for _ in range(count))
        return b"".join(curve + bytes(-len(curve) % 4) for curve in curves)

    def _repeated(self, profile: bytes) -> bytes:
        """Give a tag the name of another."""
        rng = self._rng
        if rng.random() > 0.2:
            return profile
        count = int.from_bytes(profile[128:132], "big")
        one, other = (132 + 12 * rng.randrange(count) for _ in range(2))
        return icc.headed(profile, at=one, to=profile[other : other + 4])

    def _headed(self, profile: bytes) -> bytes:
        """Change the fields of the header."""
        rng = self._rng
        if rng.random() < 0.3:
            profile = icc.headed(
                profile, at=8, to=rng.choice((b"\4\x40", b"\4", b"\5"))
            )
        if rng.random() < 0.1:
            kinds = (b"scnr", b"prtr", b"spac", b"link", b"abst", b"nmcl")
            profile = icc.headed(profile, at=12, to=rng.choice(kinds))
        if rng.random() < 0.2:
            profile = icc.headed(profile, at=20, to=rng.choice((b"Lab ", b"RGB ")))
        if rng.random() < 0.05:
            profile = icc.headed(profile, at=68, to=self._numbers(3, 0.8, 1.1))
        for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 1, 2, 3))):
            end = min(len(profile), 132 + 12 * 12)
            at = rng.randrange(end if rng.random() < 0.7 else len(profile))
            profile = icc.headed(profile, at=at, to=rng.randbytes(1))
        return profile if rng.random() < 0.97 else profile[: -rng.randrange(1, 40)]


def case(number: int) -> tuple[str, bytes]:
    """Return the media type and the bytes of a case.

    Args:
        number: Which; the same one always gives the same bytes.
    """
    rng = random.Random(number)  # noqa: S311 -- nothing here is secret
    grammar = Grammar(rng)
    return rng.choice(_FORMATS)(grammar, rng)


def _image(rng: random.Random) -> Image.Image:
    mode = rng.choice(("RGB",) * 8 + ("L", "L", "RGBA"))
    return PICTURE.convert(mode)


def _png(grammar: Grammar, rng: random.Random) -> tuple[str, bytes]:
    """Return a PNG with chunks of colour in any order, some of them twice."""
    image = _image(rng)
    if rng.random() < 0.15:
        image = image.convert("RGB").quantize(64)
    stored = pictures.encoded(image, "PNG")
    chunks = []
    if rng.random() < 0.7:
        chunks.append(_packed(grammar.profile(), rng))
    if rng.random() < 0.1:
        chunks.append(_packed(grammar.profile(), rng))
    if rng.random() < 0.2:
        chunks.append(png_chunk(b"cICP", grammar.code_points()))
    if rng.random() < 0.2:
        chunks.append(png_chunk(b"sRGB", bytes((rng.randrange(6),))))
    if rng.random() < 0.3:
        gamma = rng.choice((45_455, 100_000, 12_500, 0, 60_000, 500_000))
        chunks.append(png_chunk(b"gAMA", struct.pack(">I", gamma)))
    if rng.random() < 0.3:
        places = rng.choice(_PLACES)
        numbers = struct.pack(">8I", *(round(place * 100_000) for place in places))
        chunks.append(png_chunk(b"cHRM", numbers))
    rng.shuffle(chunks)
    after = chunks.pop() if chunks and rng.random() < 0.1 else b""
    head, end = 33, len(stored) - 12
    between = stored[head:end]
    content = stored[:head] + b"".join(chunks) + between + after + stored[end:]
    return "image/png", content


_PLACES: Final = (
    (0.3127, 0.329, 0.3, 0.6, 0.15, 0.06, 0.64, 0.33),
    (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    (0.3, 0.3, 0.6, 0.3, 0.6, 0.3, 0.1, 0.1),
    (0.0,) * 8,
)


def _packed(profile: bytes, rng: random.Random) -> bytes:
    name = rng.choice((b"x", b"icc", b"", b"a" * 79))
    packed = zlib.compress(profile)
    if rng.random() < 0.1:
        packed = rng.choice(
            (packed[:-4], packed[:-20], b"no" + packed, packed + b"more")
        )
    return png_chunk(
        b"iCCP", name + rng.choice((b"\0\0",) * 20 + (b"\0\1", b"\0")) + packed
    )


def _jpeg(grammar: Grammar, rng: random.Random) -> tuple[str, bytes]:
    """Return a JPEG whose profile stands in one part or several, in any order."""
    image = PICTURE.convert(rng.choice(("RGB",) * 6 + ("L", "CMYK")))
    options = {"quality": 98, "subsampling": 0, "progressive": rng.random() < 0.2}
    if image.mode == "L":
        del options["subsampling"]
    stored = pictures.encoded(image, "JPEG", **options)
    profiles = [grammar.profile() for _ in range(rng.choice((1, 1, 1, 1, 2)))]
    parts: list[bytes] = []
    for profile in profiles:
        count = max(rng.choice((1, 1, 1, 2, 3)), -(-len(profile) // 65_000))
        size = -(-len(profile) // count)
        for at in range(count):
            body = profile[at * size : (at + 1) * size]
            numbers = bytes((at + 1, count))
            if rng.random() < 0.03:
                numbers = bytes((rng.randrange(4), rng.randrange(4)))
            whole = b"ICC_PROFILE\0" + numbers + body
            parts.append(b"\xff\xe2" + struct.pack(">H", len(whole) + 2) + whole)
    if rng.random() < 0.3:
        rng.shuffle(parts)
    for part in parts:
        at = rng.choice(_places(stored)) if rng.random() < 0.4 else 2
        stored = stored[:at] + part + stored[at:]
    return "image/jpeg", stored


def _places(jpeg: bytes) -> list[int]:
    """Return where the segments of a JPEG begin, up to the first scan."""
    at, places = 2, [2]
    while jpeg[at + 1] != 0xDA:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        places.append(at)
    return places


def _webp(grammar: Grammar, rng: random.Random) -> tuple[str, bytes]:
    """Return a WebP whose profile stands before or after the picture."""
    image = PICTURE
    stored = riff_chunks(pictures.webp(image, lossless=True))
    chunks = [(b"ICCP", grammar.profile()), *stored]
    if rng.random() < 0.2:
        chunks.insert(rng.randrange(3), (b"ICCP", grammar.profile()))
    if rng.random() < 0.2:
        chunks.append(chunks.pop(0))
    flags = 0x20 if rng.random() < 0.85 else 0
    return "image/webp", webp_file(webp_head(*image.size, flags=flags), *chunks)


def _avif(grammar: Grammar, rng: random.Random) -> tuple[str, bytes]:
    """Return an AVIF with a profile, or with code points that were changed."""
    image = PICTURE.convert(rng.choice(("RGB", "RGB", "RGB", "L")))
    options: dict[str, object] = {"quality": 100, "speed": 10, "subsampling": "4:4:4"}
    if rng.random() < 0.7:
        options["icc_profile"] = grammar.profile()
    content = pictures.encoded(image, "AVIF", **options)
    at = content.find(b"colrnclx")
    if at > 0 and rng.random() < 0.5:
        points = grammar.code_points()
        body = struct.pack(">HH", points[0], points[1])
        content = content[: at + 8] + body + content[at + 12 :]
    return "image/avif", content


_FORMATS: Final[tuple[Callable[[Grammar, random.Random], tuple[str, bytes]], ...]] = (
    _png,
    _png,
    _jpeg,
    _jpeg,
    _webp,
    _avif,
)
