"""Which videos match although they show nothing listed, and which hide a listed film?

``packages``: the films of packages, against the pictures that ``recall`` lists.
``vpdq``: altered and padded copies of listed films, by our share of the *listed* film
and by the defaults of ``threatexchange[vpdq]`` (80 % of the *upload*). It needs the
package ``vpdq``, which is built with FFmpeg's headers, and is left out without.
"""

import importlib.metadata
import importlib.util
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks import originals, packages
from benchmarks.harness import Aim, Options, Report
from benchmarks.reference import CATEGORY, list_signals
from tests.corpus import pictures
from tests.pictures.films import film
from tests.scanners.scans import scanned
from uploadfilter.hashsets.foreign.films import film_of
from uploadfilter.model import Entry, EntrySignal, Match, Signal, SignalType
from uploadfilter.reference.search.matching import Thresholds, match_scans
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.signals.pdq import quality

SEED = 33
LISTED, SCENES, SCENE_FRAMES, RATE = 6, 10, 20, 10
SIZE = (320, 180)

Frames = list[Image.Image]

COPIES: dict[str, Callable[[Frames, Frames], Frames]] = {
    "as it is": lambda own, _: own,
    "half the size": lambda own, _: [it.resize((160, 90)) for it in own],
    "darker": lambda own, _: [it.point(lambda level: level * 0.6) for it in own],
    "5 % cut off": lambda own, _: [it.crop((8, 4, 312, 176)) for it in own],
    "bars": lambda own, _: [ImageOps.expand(it, (0, 30)) for it in own],
    "mirrored": lambda own, _: [ImageOps.mirror(it) for it in own],
    "a third of it": lambda own, _: own[: len(own) // 3],
    "half of an upload": lambda own, other: own + other,
    "a third of an upload": lambda own, other: other + own + other[::-1],
    "a third of it in an upload": lambda own, other: other + own[: len(own) // 3],
    "another film": lambda _, other: other,
}
"""How an upload is made from a listed film and another film."""


def measure_packages(options: Options, folder: Path) -> Report:
    """Scan the films of packages, and count matches with pictures of others."""
    with ProcessPoolExecutor() as executor:
        listed = originals.make(options.cache, executor)
    values = {SignalType.PDQ: listed.values.tobytes()}
    list_signals(folder / "reference", values, len(listed.values))
    counted = frames = 0
    unseen, found = [], []
    for path in packages.films(options.cache / "packages"):
        views, seen, matches = _search(path.read_bytes(), folder / "reference")
        counted, frames = counted + bool(views), frames + views
        if not views or seen != _ALL_PERCENT:
            unseen.append(f"{path.name}: {seen} %")
        found += [
            f"{path.name} {it.view}: {listed.listed[int(it.entry)].scene}, "
            f"{it.distance} bits"
            for it in matches
        ]
    row = {"films": counted, "frames": frames, "matches": len(found)}
    figures = {"entries": len(listed.values), "unfinished": unseen, "matched": found}
    aim = Aim(text="false matches of packages' films", measured=len(found), most=0)
    return Report(rows=[row], figures=figures, aims=[aim])


def measure_vpdq(options: Options, folder: Path) -> Report:
    """Search altered copies of films by both rules."""
    if importlib.util.find_spec("vpdq") is None:
        return Report(notes=["vpdq is not installed: it needs FFmpeg's headers"])
    scenes = [_scenes(number) for number in range(2 * LISTED)]
    own, others = scenes[:LISTED], scenes[LISTED:]
    listed = [_hash(film(it, rate=RATE), folder) for it in own]
    list_signals(folder / "reference", {}, 0, map(_entry, range(LISTED), listed))
    rows = []
    for name, copy in list(COPIES.items())[:: 4 if options.quick else 1]:
        ours, theirs = [], []
        for number, (frames, other) in enumerate(zip(own, others, strict=True)):
            content = film(copy(frames, other), codec="libx264", group=50, rate=RATE)
            _, _, matches = _search(content, folder / "reference")
            ours.append(str(number) in {it.entry for it in matches})
            theirs.append(_is_theirs(_hash(content, folder), listed[number]))
        rows.append(
            {"upload": name, "of": LISTED, "found": sum(ours), "vpdq": sum(theirs)}
        )
    peers = {it: importlib.metadata.version(it) for it in ("vpdq", "threatexchange")}
    return Report(rows=rows, figures=peers)


def _search(content: bytes, reference: Path) -> tuple[int, int | None, Sequence[Match]]:
    """Return how many views a video has, the percent seen, and what matches."""
    budgets = Budgets()
    scan = scanned(
        content, cpu_s=budgets.content_cpu_s + budgets.allowance(len(content))
    )
    with ReferenceReader(reference) as reader:
        matches = match_scans(
            reader.current(), [scan], thresholds=Thresholds(), quality_of=quality
        )
    return len(scan.views), scan.seen_percent, matches


def _scenes(number: int) -> Frames:
    """Return the frames of a film: a camera pans over one photograph after another."""
    rng = random.Random(SEED + number)  # noqa: S311 - the same films every time
    width, height = SIZE
    frames = []
    for _ in range(SCENES):
        seed = rng.randrange(1 << 30)
        scene = pictures.photograph(seed, width=width + 40, height=height + 20)
        frames += [
            scene.crop((at, at // 2, at + width, at // 2 + height))
            for at in range(SCENE_FRAMES)
        ]
    return frames


def _hash(content: bytes, folder: Path) -> str:
    """Return the JSON of vPDQ for a film, made by its own package."""
    from threatexchange.extensions.vpdq import vpdq_util  # noqa: PLC0415 - a peer

    path = folder / "film.mp4"
    path.write_bytes(content)
    made: str = vpdq_util.vpdq_to_json(vpdq_util.hash_file_compact(str(path)))
    return made


def _is_theirs(upload: str, listed: str) -> bool:
    """Return whether the defaults of threatexchange call it a match."""
    from threatexchange.extensions.vpdq import (  # noqa: PLC0415 - a peer
        vpdq_brute_matcher,
        vpdq_util,
    )

    share = vpdq_brute_matcher.match_VPDQ_hash_brute(
        vpdq_util.json_to_vpdq(upload),
        vpdq_util.json_to_vpdq(listed),
        vpdq_util.VPDQ_QUALITY_THRESHOLD,
        vpdq_util.VPDQ_DISTANCE_THRESHOLD,
    )
    least = vpdq_util.VPDQ_QUERY_MATCH_THRESHOLD_PERCENT
    return bool(share.query_match_percent >= least)


def _entry(number: int, listed: str) -> Entry:
    made = film_of(listed)
    if not isinstance(made, list):
        raise TypeError(f"film {number} has no frames: {made!r}")
    signals = tuple(
        EntrySignal(
            signal=Signal(type=SignalType.PDQ, value=bytes.fromhex(it["value"])),
            quality=it["quality"],
            window=it["window"],
        )
        for it in made
    )
    return Entry(id=str(number), category=CATEGORY, signals=signals)


_ALL_PERCENT = 100
