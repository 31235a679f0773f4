"""Try uploads in a process of its own: alter, scan, match, decide, and count.

The functions are those of a scanner process and a proxy, but in one process, because
the benchmark measures evidence and not isolation. The reference set is a real one.
"""

import dataclasses
import io
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from benchmarks.recall import flat
from benchmarks.recall.alterations import ALTERATIONS, Alteration
from benchmarks.recall.corpus import Original
from benchmarks.recall.counting import EXAMPLES, MOST_BITS, Row, Tally, class_of
from benchmarks.recall.packages import Sort
from uploadfilter.decisions.policy import verdict_of
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.model import (
    QUALITY_FLOOR,
    Entry,
    EntrySignal,
    Match,
    Scan,
    Signal,
    SignalType,
    Verdict,
)
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.matching import Generation, Thresholds, match_scans
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader
from uploadfilter.scanners.inside.scanning import prepare, scan_content
from uploadfilter.scanners.pool.merging import MergedContent
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ContentSpan
from uploadfilter.signals.pdq import quality
from uploadfilter.signals.views import ALWAYS

SET = "originals"
_CATEGORY = "benchmark"
_PEER_BITS = 31
_VALUE_BYTES = 32
_VALUE_BITS = 8 * _VALUE_BYTES
_GENEROUS = dataclasses.replace(Budgets(), content_cpu_s=60.0, content_wall_s=120.0)

Lanes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Trial:
    """One upload.

    Attributes:
        alteration: Its index in ``ALTERATIONS``; -1 for a flat picture.
        picture: Index of the original, of the weak original, or of the flat picture.
        seed: Seed of the random generator.
    """

    alteration: int
    picture: int
    seed: int


@dataclass(frozen=True, slots=True)
class Bench:
    """The data of a process: the listed pictures, and their reference set."""

    originals: tuple[Original, ...]
    flat: tuple[flat.Flat, ...]
    generation: Generation
    lanes: Lanes
    sorts: NDArray[np.str_]


def list_originals(originals: Sequence[Original], path: Path) -> None:
    """Make the reference set; an entry's id is the index of its original."""
    with ReferenceDirectory(path).writer() as writer:
        collected = writer.collect()
        for place, original in enumerate(originals):
            collected.add(_entry(str(place), original))
        info = SetInfo(
            name=SET,
            issuer=LOCAL_ISSUER,
            categories=(_CATEGORY,),
            enforced=True,
            imported_at=0,
        )
        writer.replace_set(collected, info)


def _entry(name: str, original: Original) -> Entry:
    """Return an entry as an import leaves it, without the way its values were made."""
    pdq = Signal(type=SignalType.PDQ, value=bytes.fromhex(original.pdq))
    phash = Signal(type=SignalType.PHASH, value=bytes.fromhex(original.phash))
    signals = (
        EntrySignal(signal=pdq, quality=original.quality),
        EntrySignal(signal=phash),
    )
    kept = tuple(
        item
        for item in signals
        if problem_of(item.signal.type, item.signal.value) is None
    )
    return Entry(id=name, category=_CATEGORY, signals=kept)


_bench: list[Bench] = []


def begin(
    originals: tuple[Original, ...], flats: tuple[flat.Flat, ...], path: str
) -> None:
    """Set up a process of the pool."""
    warnings.simplefilter("ignore")  # of Pillow, about files that are odd on purpose
    prepare()
    reader = ReferenceReader(Path(path)).__enter__()  # until the process ends
    values = b"".join(bytes.fromhex(original.pdq) for original in originals)
    lanes = np.stack(lanes_of(values, _VALUE_BYTES), axis=1)
    sorts = np.array([original.sort for original in originals])
    _bench.append(Bench(originals, flats, reader.current(), lanes, sorts))


def try_all(trials: Sequence[Trial]) -> Tally:
    """Try some uploads, in a process of the pool."""
    tally = Tally()
    for trial in trials:
        if trial.alteration < 0:
            _try_flat(_bench[0], trial, tally)
        else:
            _try_altered(_bench[0], trial, tally)
    return tally


def _try_altered(bench: Bench, trial: Trial, tally: Tally) -> None:
    alteration = ALTERATIONS[trial.alteration]
    original = bench.originals[trial.picture]
    content = _file(alteration, original, trial.seed)
    found, scan = _looked_up(bench, content)
    own = [match for match in found if match.entry == str(trial.picture)]
    row = tally.row(alteration.name, original.sort)
    _judge(row, scan, own)
    peer = _peer_bits(bench, content)
    row.peer += int(peer is not None and peer[trial.picture] <= _PEER_BITS)
    others = [match for match in found if match.entry != str(trial.picture)]
    _note_others(
        bench, tally, scan, others, own=trial.picture, what=alteration.name, peer=peer
    )


def _file(alteration: Alteration, original: Original, seed: int) -> bytes:
    if alteration.make is None:
        return Path(original.source).read_bytes()
    return alteration.make(original.image(), np.random.default_rng(seed))


def _try_flat(bench: Bench, trial: Trial, tally: Tally) -> None:
    """Upload a picture with little content that is not listed."""
    picture = bench.flat[trial.picture]
    found, scan = _looked_up(bench, picture.content())
    row = tally.row(picture.name, "flat")
    _judge(row, scan, found)
    _note_others(bench, tally, scan, found, own=None, what=picture.name, peer=None)


def _judge(row: Row, scan: Scan, matches: Sequence[Match]) -> None:
    verdict, reason = verdict_of([scan], matches)
    row.tries += 1
    row.found += int(verdict is Verdict.MATCH)
    if verdict is Verdict.INCONCLUSIVE and reason is not None:
        row.inconclusive[reason.value] += 1
    for inner in scan.walk():
        if inner.reason is not None:
            row.unscanned[inner.reason.value] += 1


def _looked_up(bench: Bench, content: bytes) -> tuple[Sequence[Match], Scan]:
    scan = scanned(content)
    matches = match_scans(
        bench.generation, [scan], thresholds=Thresholds(), quality_of=quality
    )
    return matches, scan


def scanned(content: bytes) -> Scan:
    """Scan bytes as an upload of nothing else."""
    fd = os.memfd_create("upload")
    try:
        os.write(fd, content)
        span = ContentSpan(path="0", offset=0, length=len(content))
        gathered = MergedContent(_GENEROUS)
        for part in scan_content(fd, span, types=ALWAYS, budgets=_GENEROUS):
            gathered.add(part.scan)
        scan = gathered.scan()
        assert scan is not None  # noqa: S101 - a scan has at least one part
        return scan
    finally:
        os.close(fd)


def _peer_bits(bench: Bench, content: bytes) -> NDArray[np.int64] | None:
    """Return the distances of the signals of plain tools, if they open the file."""
    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError):
        return None
    bits, _ = pdqhash.compute(np.asarray(image))
    value = np.packbits(bits.astype(np.uint8)).tobytes()
    bits_apart: NDArray[np.int64] = _distances(bench, [value])[0]
    return bits_apart


def _distances(bench: Bench, values: Sequence[bytes]) -> NDArray[np.int64]:
    asked = np.stack(lanes_of(b"".join(values), _VALUE_BYTES), axis=1)
    differ = np.bitwise_count(asked[:, None] ^ bench.lanes[None])
    bits: NDArray[np.int64] = differ.sum(axis=2, dtype=np.int64)
    return bits


def _note_others(
    bench: Bench,
    tally: Tally,
    scan: Scan,
    others: Sequence[Match],
    *,
    own: int | None,
    what: str,
    peer: NDArray[np.int64] | None,
) -> None:
    """Count the distances to the entries of other pictures."""
    other = np.ones(len(bench.originals), bool)
    sort = "flat"
    if own is not None:
        other[own] = False
        sort = bench.originals[own].sort
    groups = {
        _pair(sort, kind): other & (bench.sorts == kind) for kind in dict.fromkeys(Sort)
    }
    for name, chosen in groups.items():
        tally.pairs[name] += int(chosen.sum())
        if peer is not None and (peer[chosen] <= _PEER_BITS).any():
            tally.peer_false[name] += 1
    nearest = MOST_BITS
    for group, values in _values_by_class(scan).items():
        bits = _distances(bench, values)
        tally.compared += bits.size
        for complement, least in (
            (False, bits.min(axis=0)),
            (True, _VALUE_BITS - bits.max(axis=0)),
        ):
            for name, chosen in groups.items():
                tally.note((group, complement, name), least[chosen])
            nearest = min(nearest, int(least[other].min(initial=MOST_BITS)))
    if _is_weak(scan):
        tally.note_weak(sort, nearest)
    _note_false(bench, tally, others, sort=sort, what=what, own=own)


def _pair(sort: str, other: str) -> str:
    return f"{sort} / {other}"


def _values_by_class(scan: Scan) -> dict[str, list[bytes]]:
    """Return the different PDQ values of an upload by class of views."""
    values: dict[str, dict[bytes, None]] = {}
    for content in scan.walk():
        for view in content.views:
            group = values.setdefault(class_of(view.name, content.path), {})
            for item in view.signals:
                if item.signal.type is SignalType.PDQ:
                    group[item.signal.value] = None
    return {name: list(group) for name, group in values.items()}


def _is_weak(scan: Scan) -> bool:
    """Tell whether no view of an upload reaches the quality floor."""
    planes = [view.plane for content in scan.walk() for view in content.views]
    return bool(planes) and all(quality(plane) < QUALITY_FLOOR for plane in planes)


def _note_false(
    bench: Bench,
    tally: Tally,
    others: Sequence[Match],
    *,
    sort: str,
    what: str,
    own: int | None,
) -> None:
    """Count the verdicts from the entries of other pictures alone."""
    for kind in dict.fromkeys(Sort):
        of_kind = [
            match for match in others if bench.originals[int(match.entry)].sort is kind
        ]
        verdict, reason = verdict_of([], of_kind)
        if verdict is Verdict.NO_MATCH:
            continue
        tally.false[reason or "match", _pair(sort, kind)] += 1
        if verdict is Verdict.MATCH and len(tally.examples) < EXAMPLES:
            tally.examples.append(_example(bench, of_kind, what, own))


def _example(
    bench: Bench, matches: Iterable[Match], what: str, own: int | None
) -> dict[str, object]:
    match = min(matches, key=lambda item: (item.signal_type, item.distance))
    return {
        "upload": what,
        "of": None if own is None else bench.originals[own].name,
        "entry": bench.originals[int(match.entry)].name,
        "signal_type": match.signal_type,
        "distance": match.distance,
        "view": match.view,
        "variant": match.variant,
        "complement": match.complement,
        "quality": match.quality,
    }
