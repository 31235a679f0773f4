"""What do the signals of one upload cost, beside the peers and beside the floor?

- **ours**: md5, sha1 and sha256, one scaled decode, PDQ in three geometries and eight
  variants, pHash in eight; the quality separately, because it is computed only when
  needed.
- **peer**: full decode, ``pdqhash.compute``, ``imagehash.phash``; no digests, one
  geometry, one variant, so the comparison favours the peer.
- **floor**: the digests and a decode of luma at our scale, which no program can avoid.

All three run in turn in one process on one core, picture by picture, in CPU seconds; a
figure is the median over pictures of the median over rounds. During the measurement
every value is compared with that of the full resolution; too much drift is a failure.
"""

import gc
import io
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image

from benchmarks.corpus import Sample, samples
from benchmarks.harness import Aim, Options, Report, Turns, cpu_ms
from tests.corpus import pictures
from uploadfilter.model import QUALITY_FLOOR, Geometry, SignalType, Variant, View
from uploadfilter.pictures import decoding
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.picture import Picture
from uploadfilter.pictures.showing import showings
from uploadfilter.signals import hashes, pdq
from uploadfilter.signals.exact import Digests
from uploadfilter.signals.views import view_of

SEED = 20_110
PACKAGES = ("numpy", "pillow", "imagehash", "pdqhash", "scikit-image")

ENCODERS: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg": lambda image: pictures.jpeg(image, 85),
    "progressive": lambda image: pictures.jpeg(image, 85, progressive=True),
    "png": pictures.png,
    "webp": pictures.webp,
}

AIMS = {0.3: (6.0, 3.0), 2: (9.0, 2.2), 12: (20.0, 1.4)}
"""For baseline JPEG, by megapixels: least ratio of the peer's time to ours, and
greatest ratio of our time to the floor's."""

DRIFT_P99_BITS = 5
DRIFT_MAX_BITS = 10
"""For PDQ in full geometry against the full resolution, at qualities of 50 and more."""

TURNS: dict[Variant, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    Variant.UPRIGHT: lambda pixels: pixels,
    Variant.R90: lambda pixels: np.rot90(pixels, 1),
    Variant.R180: lambda pixels: np.rot90(pixels, 2),
    Variant.R270: lambda pixels: np.rot90(pixels, 3),
    Variant.MIRROR: np.fliplr,
    Variant.FLIP: np.flipud,
    Variant.TRANSPOSE: lambda pixels: pixels.swapaxes(0, 1),
    Variant.TRANSVERSE: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        generated: Generated pictures by megapixels.
        photographs: Photographs of each size.
        others: Pictures of each size in the formats other than baseline JPEG.
        rounds: Rounds of each picture; the peer runs in at most ``peer_rounds``.
        peer_rounds: Rounds of the peer, which takes half a second at 12 megapixels.
    """

    generated: dict[float, int]
    photographs: int
    others: int
    rounds: int
    peer_rounds: int


FULL = Plan(
    generated={0.3: 40, 2: 24, 12: 12},
    photographs=7,
    others=4,
    rounds=9,
    peer_rounds=3,
)
QUICK = Plan(
    generated={0.3: 2, 2: 1, 12: 1}, photographs=1, others=1, rounds=2, peer_rounds=1
)


@dataclass(slots=True)
class Tally:
    """The measurements of one size and format: milliseconds by contender."""

    milliseconds: dict[str, list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    kilobytes: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the medians over the pictures."""
        taken = self.milliseconds
        return {
            "pictures": len(self.kilobytes),
            "kilobytes": round(statistics.median(self.kilobytes)),
            "peer_over_ours": _ratio(taken["peer"], taken["ours"]),
            "ours_over_floor": _ratio(taken["ours"], taken["floor"]),
            "milliseconds": {
                name: round(statistics.median(values), 3)
                for name, values in taken.items()
            },
        }


def _ratio(ones: list[float], others: list[float]) -> float:
    pairs = zip(ones, others, strict=True)
    return round(statistics.median(one / other for one, other in pairs), 2)


@dataclass(slots=True)
class Drift:
    """Bits that differ between our values and the full resolution's, by comparison."""

    bits: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def rows(self) -> list[dict[str, Any]]:
        """Return median, 99th percentile and maximum."""
        return [
            {
                "compared": name,
                "values": len(values),
                "median": float(np.median(values)),
                "p99": float(np.percentile(values, 99, method="higher")),
                "max": max(values),
            }
            for name, values in sorted(self.bits.items())
        ]


def ours(content: bytes) -> tuple[Picture, View]:
    """Do all work that an upload needs before its signals are looked up."""
    digests = Digests()
    digests.update(content)
    digests.signals()
    picture = decode(content)
    return picture, view_of(picture, name="stored")


def decode(content: bytes) -> Picture:
    """Decode the picture that a viewer shows first."""
    limits = decoding.DecodeLimits()
    frame = next(
        decoding.frames_of(io.BytesIO(content), formats=FORMATS, limits=limits)
    )
    if not isinstance(frame, Frame):
        raise TypeError(f"the benchmark's own picture did not decode: {frame!r}")
    picture = next(showings(frame)).picture
    if not isinstance(picture, Picture):
        raise TypeError(f"an opaque picture is shown as {picture!r}")
    return picture


def peer(content: bytes) -> tuple[NDArray[np.int64], imagehash.ImageHash]:
    """Do the work of the peers."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    vector, _ = pdqhash.compute(np.asarray(image))
    return vector, imagehash.phash(image)


def floor(content: bytes) -> None:
    """Do the unavoidable work: read the bytes three times and decode luma."""
    digests = Digests()
    digests.update(content)
    digests.signals()
    image = Image.open(io.BytesIO(content))
    image.draft("L", (512, 512))
    image.convert("L")


def time_all(content: bytes, plan: Plan, tally: Tally) -> None:
    """Time all contenders on one content, in turn."""
    picture, view = ours(content)
    stages: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(content),
        "floor": lambda: floor(content),
        "decode": lambda: decode(content),
        "view": lambda: view_of(picture, name="stored"),
        "quality": lambda: pdq.quality(view.plane),
        "peer": lambda: peer(content),
    }
    turns = Turns()
    for number in range(plan.rounds):
        for name, work in stages.items():
            if name != "peer" or number < plan.peer_rounds:
                turns.add(name, cpu_ms(work))
    for name in turns.names():
        tally.milliseconds[name].append(turns.median(name))
    tally.kilobytes.append(len(content) / 1000)


def compare(content: bytes, drift: Drift) -> None:
    """Compare our values with those of other tools at the full resolution."""
    _, view = ours(content)
    if pdq.quality(view.plane) < QUALITY_FLOOR:
        return
    image = Image.open(io.BytesIO(content)).convert("RGB")
    pixels = np.asarray(image)
    for variant, turn in TURNS.items():
        vector, _ = pdqhash.compute(np.ascontiguousarray(turn(pixels)))
        name = "pdq full" if variant is Variant.UPRIGHT else "pdq full, other variants"
        drift.bits[name].append(apart(view, pack(vector), variant, Geometry.FULL))
    height, width = pixels.shape[:2]
    grid = np.arange(512)
    squashed = pixels[grid * height // 512][:, grid * width // 512]
    image.thumbnail((512, 512))
    for geometry, shrunk in (
        (Geometry.SQUASH512, squashed),
        (Geometry.THUMB512, np.asarray(image)),
    ):
        vector, _ = pdqhash.compute(np.ascontiguousarray(shrunk))
        bits = apart(view, pack(vector), Variant.UPRIGHT, geometry)
        drift.bits[f"pdq {geometry}"].append(bits)
    phash = bytes.fromhex(str(imagehash.phash(Image.fromarray(pixels))))
    drift.bits["phash"].append(apart(view, phash, Variant.UPRIGHT, None))


def pack(vector: NDArray[np.int64]) -> bytes:
    """Return pdqhash's vector of bits as a value."""
    return np.packbits(vector.astype(np.uint8)).tobytes()


def apart(
    view: View, theirs: bytes, variant: Variant, geometry: Geometry | None
) -> int:
    """Return the distance of our value of a variant and geometry to another one."""
    wanted = SignalType.PHASH if geometry is None else SignalType.PDQ
    (value,) = (
        item.signal.value
        for item in view.signals
        if (item.signal.type, item.variant, item.geometry)
        == (wanted, variant, geometry)
    )
    return (int.from_bytes(value) ^ int.from_bytes(theirs)).bit_count()


def visit(
    sample: Sample, plan: Plan, tallies: dict[str, Tally], drift: Drift, *, every: bool
) -> None:
    """Measure one picture as baseline JPEG, and in every format if asked for."""
    for name, encode in ENCODERS.items():
        tally = tallies[f"{name} {sample.megapixels} MP"]
        if name != "jpeg" and (not every or len(tally.kilobytes) >= plan.others):
            continue
        content = encode(sample.image)
        gc.collect()
        time_all(content, plan, tally)
        if name in {"jpeg", "progressive"}:
            compare(content, drift)


def measure(options: Options, _folder: Path) -> Report:
    """Measure and compare everything, by size and format."""
    decoding.prepare_process()
    hashes.prepare_process()
    plan = QUICK if options.quick else FULL
    tallies: dict[str, Tally] = defaultdict(Tally)
    drift = Drift()
    for megapixels, generated in plan.generated.items():
        corpus = samples(
            megapixels, generated=generated, photographs=plan.photographs, seed=SEED
        )
        for number, sample in enumerate(corpus):
            visit(sample, plan, tallies, drift, every=number % 4 == 0)
    found = {name: it.summary() for name, it in tallies.items() if it.kilobytes}
    drifts = drift.rows()
    return Report(
        rows=[{"format": name, **summary} for name, summary in found.items()],
        figures={"seed": SEED, "drift": drifts},
        aims=list(_aims(found, drifts)),
    )


def _aims(found: dict[str, Any], drifts: list[dict[str, Any]]) -> Iterator[Aim]:
    full = next(row for row in drifts if row["compared"] == "pdq full")
    yield Aim(text="bits of drift, p99", measured=full["p99"], most=DRIFT_P99_BITS)
    yield Aim(text="bits of drift, most", measured=full["max"], most=DRIFT_MAX_BITS)
    for megapixels, (least, most) in AIMS.items():
        summary = found[f"jpeg {megapixels} MP"]
        peers, floors = summary["peer_over_ours"], summary["ours_over_floor"]
        yield Aim(text=f"{megapixels} MP: peer / ours", measured=peers, least=least)
        yield Aim(text=f"{megapixels} MP: ours / floor", measured=floors, most=most)
