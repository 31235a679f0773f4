"""Try uploads in a process of its own: alter, scan, match and decide.

The functions are those of a scanner process and a proxy, but in one process, because
the benchmark measures evidence and not isolation. The reference set is a real one; its
values are computed by the reference implementations (``pdqhash``, ``imagehash``).
"""

import dataclasses
import io
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from benchmarks.originals import Original
from benchmarks.recall.alterations import ALTERATIONS
from benchmarks.reference import CATEGORY, list_signals
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
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.matching import Generation, Thresholds, match_scans
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.scanners.inside.scanning import prepare, scan_content
from uploadfilter.scanners.pool.merging import MergedContent
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ContentSpan
from uploadfilter.signals.pdq import quality
from uploadfilter.signals.views import ALWAYS

PLAIN_BITS = 31
"""Threshold of plain PDQ, the peer."""

_PDQ_BYTES = 32
_GENEROUS = dataclasses.replace(Budgets(), content_cpu_s=60.0, content_wall_s=120.0)


class Listed(NamedTuple):
    """An original as it is listed, by the reference implementations.

    Attributes:
        number: Its number among the originals, which is the id of its entry.
        path: Its PNG.
        sort: Its sort.
        pdq: Its PDQ.
        phash: Its pHash.
    """

    number: int
    path: str
    sort: str
    pdq: bytes
    phash: bytes


class Trial(NamedTuple):
    """One upload.

    Attributes:
        alteration: Its index in ``ALTERATIONS``.
        place: Its original, by the place in the list.
        seed: Seed of the random generator.
    """

    alteration: int
    place: int
    seed: int


class Outcome(NamedTuple):
    """The result of one upload.

    Attributes:
        alteration: Its index in ``ALTERATIONS``.
        sort: Sort of the original.
        is_found: Whether the verdict is ``MATCH`` with its own entry.
        is_found_plainly: The same by plain PDQ at 31 bits.
        inconclusive: The reason, if there is no verdict.
        false: Verdicts by the entries of other pictures alone: ``match`` or the reason,
            the sort of these pictures, and the match.
        plain_false: Sorts of other pictures that plain PDQ finds.
    """

    alteration: int
    sort: str
    is_found: bool
    is_found_plainly: bool
    inconclusive: str
    false: tuple[tuple[str, str, str], ...]
    plain_false: tuple[str, ...]


def list_original(folder: Path, job: tuple[int, Original]) -> Listed | None:
    """Compute the values of an original; ``None`` if an import would refuse them."""
    number, original = job
    path = folder / "pictures" / original.file
    image = Image.open(path).convert("RGB")
    bits, its_quality = pdqhash.compute(np.asarray(image))
    pdq = np.packbits(bits.astype(np.uint8)).tobytes()
    if its_quality < QUALITY_FLOOR or problem_of(SignalType.PDQ, pdq) is not None:
        return None
    phash = bytes.fromhex(str(imagehash.phash(image)))
    return Listed(number, str(path), original.sort, pdq, phash)


def write_reference(listed: Sequence[Listed], path: Path) -> None:
    """Make the reference set; an entry's id is the number of its original."""
    list_signals(path, {}, 0, map(_entry, listed))


def _entry(item: Listed) -> Entry:
    signals = (
        EntrySignal(signal=Signal(type=SignalType.PDQ, value=item.pdq), quality=100),
        EntrySignal(signal=Signal(type=SignalType.PHASH, value=item.phash)),
    )
    kept = tuple(
        it for it in signals if problem_of(it.signal.type, it.signal.value) is None
    )
    return Entry(id=str(item.number), category=CATEGORY, signals=kept)


@dataclass(frozen=True, slots=True)
class _Bench:
    """The data of a process."""

    listed: tuple[Listed, ...]
    sorts: dict[str, str]
    generation: Generation
    lanes: NDArray[np.uint64]


_bench: list[_Bench] = []


def begin(listed: tuple[Listed, ...], path: str) -> None:
    """Set up a process of the pool."""
    warnings.simplefilter("ignore")  # of Pillow, about files that are odd on purpose
    prepare()
    reader = ReferenceReader(Path(path)).__enter__()  # until the process ends
    lanes = np.stack(lanes_of(b"".join(it.pdq for it in listed), _PDQ_BYTES), axis=1)
    sorts = {str(it.number): it.sort for it in listed}
    _bench.append(_Bench(listed, sorts, reader.current(), lanes))


def try_one(trial: Trial) -> Outcome:
    """Try an upload, in a process of the pool."""
    bench = _bench[0]
    own = bench.listed[trial.place]
    image = Image.open(own.path).convert("RGB")
    rng = np.random.default_rng(trial.seed)
    content = ALTERATIONS[trial.alteration].make(image, rng)
    scan = scan_upload(content)
    matches = match_scans(
        bench.generation, [scan], thresholds=Thresholds(), quality_of=quality
    )
    ours = [match for match in matches if match.entry == str(own.number)]
    verdict, reason = verdict_of([scan], ours)
    is_near = _plain_bits(bench, content) <= PLAIN_BITS
    others = np.flatnonzero(is_near)
    return Outcome(
        alteration=trial.alteration,
        sort=own.sort,
        is_found=verdict is Verdict.MATCH,
        is_found_plainly=bool(is_near[trial.place]),
        inconclusive=str(reason or "") if verdict is Verdict.INCONCLUSIVE else "",
        false=tuple(_false(bench, matches, str(own.number))),
        plain_false=tuple(
            {bench.listed[at].sort for at in others.tolist() if at != trial.place}
        ),
    )


def _false(
    bench: _Bench, matches: Sequence[Match], own: str
) -> list[tuple[str, str, str]]:
    """Return the verdicts by the entries of other pictures alone, by their sort."""
    found = []
    others = [match for match in matches if match.entry != own]
    for sort in sorted({bench.sorts[match.entry] for match in others}):
        of_sort = [match for match in others if bench.sorts[match.entry] == sort]
        verdict, reason = verdict_of([], of_sort)
        if verdict is not Verdict.NO_MATCH:
            best = min(of_sort, key=lambda it: (it.signal_type, it.distance))
            text = f"{best.signal_type} {best.distance}: {own} / {best.entry}"
            found.append((str(reason or "match"), sort, text))
    return found


def scan_upload(content: bytes) -> Scan:
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


def _plain_bits(bench: _Bench, content: bytes) -> NDArray[np.int64]:
    """Return the distances of plain PDQ; all far if no plain tool opens the file."""
    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError):
        return np.full(len(bench.lanes), 8 * _PDQ_BYTES)
    bits, _ = pdqhash.compute(np.asarray(image))
    value = np.packbits(bits.astype(np.uint8)).tobytes()
    asked = np.stack(lanes_of(value, _PDQ_BYTES), axis=1)
    apart: NDArray[np.int64] = np.bitwise_count(asked ^ bench.lanes).sum(1, np.int64)
    return apart
