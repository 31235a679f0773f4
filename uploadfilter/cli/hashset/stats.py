"""``hashset list --stats``: the parts of the reference set, and their costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct, field
from rich.table import Table
from rich.text import Text

from uploadfilter.cli.hashset.generations import (
    megabytes,
    reference_directory,
    say_pinned,
)
from uploadfilter.cli.output import document_of, print_json, print_text, rows_of, table
from uploadfilter.model import EXACT_TYPES, Geometry, SignalType
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.stats import TableStats
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.reference.search.planning import text_of

BASE, OVERLAY = "base", "overlay"


class TypeNumbersJSON(Struct, kw_only=True):
    """The signals of one type in one set.

    Attributes:
        entries: Number of entries of the set, of all types, without revoked ones.
        bytes: Their share of the stored bytes: values and index, or digests.
    """

    set: str
    entries: int
    signal_type: SignalType
    signals: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The output of ``hashset list --stats``."""

    generation: LayeredGeneration
    halves: dict[str, tuple[TableStats, ...]]
    counts: tuple[TypeNumbersJSON, ...]


class BaseNumbersJSON(Struct):
    """The numbers of a base."""

    bytes: int
    entries: int
    hidden_entries: int


class OverlayNumbersJSON(Struct):
    """The numbers of an overlay."""

    bytes: int
    entries: int
    revoked: int
    suppressed: int


class ChunkJSON(Struct):
    """A part of a value that is looked up."""

    bits: int
    radius: int


class TableNumbersJSON(Struct):
    """A table, and how it is searched."""

    half: str
    signal_type: SignalType
    geometry: Geometry | None
    values: int
    by_set: dict[str, int] = field(name="sets")
    value_bytes: int
    index_bytes: int
    threshold: int
    kind: str = field(name="plan")
    chunks: list[ChunkJSON]
    probes: int
    candidates: float
    skew: float
    largest_bucket: int
    query_us: float


class StatsJSON(Struct):
    """The parts of the reference set, and the costs of a query."""

    generation: int
    pinned: bool
    entries: int
    base: BaseNumbersJSON
    overlay: OverlayNumbersJSON
    sets: list[TypeNumbersJSON]
    tables: list[TableNumbersJSON]
    query_us: dict[str, float]


def show_stats(base: Path, *, json: bool) -> None:
    """Show the parts of the reference set, how they are searched, and the costs.

    The plan and the expected cost of a query are for the usual thresholds.
    """
    with reference_directory(base).reader() as reader:
        stats = stats_of(reader.current())
        if json:
            print_json(_document(stats))
            return
        print_text(*lines(stats))
        if stats.generation.pinned:
            say_pinned(stats.generation.number)


def stats_of(generation: LayeredGeneration) -> Stats:
    """Return the statistics of a generation."""
    halves = {BASE: generation.base.table_stats(Thresholds()), OVERLAY: ()}
    if generation.additions is not None:
        halves[OVERLAY] = generation.additions.table_stats(Thresholds())
    per_signal = _bytes_a_signal(generation, halves)
    counts = tuple(
        count for info in generation.sets for count in _counts(info, per_signal)
    )
    return Stats(generation=generation, halves=halves, counts=counts)


def _counts(
    info: SetInfo, per_signal: dict[SignalType, float]
) -> Iterator[TypeNumbersJSON]:
    for kind in SignalType:
        signals = sum(counts.get(kind.value, 0) for counts in info.counts.values())
        if signals:
            yield TypeNumbersJSON(
                set=info.name,
                entries=info.entries - info.revoked,
                signal_type=kind,
                signals=signals,
                bytes=round(signals * per_signal.get(kind, 0.0)),
            )


def _bytes_a_signal(
    generation: LayeredGeneration, halves: dict[str, tuple[TableStats, ...]]
) -> dict[SignalType, float]:
    """Return the average number of bytes of a signal, by type.

    Digests of all types are in one tree; its size is that of the files without the
    columns, and includes the ids.
    """
    tables = [item for half in halves.values() for item in half]
    found: dict[SignalType, float] = {}
    for kind in {item.signal_type for item in tables}:
        own = [item for item in tables if item.signal_type is kind]
        found[kind] = sum(map(_bytes, own)) / sum(item.values for item in own)
    rest = sum(generation.bytes) - sum(map(_bytes, tables))
    stored = generation.base.sets + (
        generation.additions.sets if generation.additions else ()
    )
    digests = sum(
        counts.get(kind.value, 0)
        for info in stored
        for counts in info.counts.values()
        for kind in EXACT_TYPES
    )
    for kind in EXACT_TYPES if digests else ():
        found[kind] = rest / digests
    return found


def _document(stats: Stats) -> StatsJSON:
    generation = stats.generation
    base_bytes, overlay_bytes = generation.bytes
    return StatsJSON(
        generation=generation.number,
        pinned=generation.pinned,
        entries=generation.entry_count,
        base=BaseNumbersJSON(
            base_bytes, generation.base.entry_count, generation.hidden_entries
        ),
        overlay=OverlayNumbersJSON(
            bytes=overlay_bytes,
            entries=_added(generation),
            revoked=len(generation.off_by(Party.ISSUER)),
            suppressed=len(generation.off_by(Party.OPERATOR)),
        ),
        sets=list(stats.counts),
        tables=[
            document_of(
                TableNumbersJSON,
                item,
                half=half,
                chunks=[chunk for chunk in item.chunks if chunk.probes],
                candidates=round(item.candidates, 1),
                skew=round(item.skew, 2),
                query_us=_microseconds(item.cost_ns),
            )
            for half, tables in stats.halves.items()
            for item in tables
        ],
        query_us={kind.value: cost for kind, cost in _costs(stats).items()},
    )


def _costs(stats: Stats) -> dict[SignalType, float]:
    costs: dict[SignalType, float] = {}
    for tables in stats.halves.values():
        for item in tables:
            known = costs.get(item.signal_type, 0.0)
            costs[item.signal_type] = known + item.cost_ns
    return {kind: _microseconds(cost) for kind, cost in costs.items()}


def lines(stats: Stats) -> Iterator[Text | Table]:
    """Yield the statistics as lines and tables."""
    generation = stats.generation
    base_bytes, overlay_bytes = generation.bytes
    yield Text(f"generation {generation.number}: {generation.entry_count:,} entries")
    yield Text(
        f"base     {megabytes(base_bytes)} MB, {generation.base.entry_count:,} entries,"
        f" {generation.hidden_entries:,} of them hidden"
    )
    yield Text(
        f"overlay  {megabytes(overlay_bytes)} MB, {_added(generation):,} entries,"
        f" {len(generation.off_by(Party.OPERATOR)):,} suppressed,"
        f" {len(generation.off_by(Party.ISSUER)):,} revoked"
    )
    if stats.counts:
        yield Text()
        columns = {it: it for it in ("set", "type", "entries", "signals", "bytes")}
        columns["type"] = "signal_type"
        yield rows_of(stats.counts, columns, numeric=3)
    if any(stats.halves.values()):
        yield Text()
        yield _plans_table(stats.halves)
        yield Text()
        costs = [f"{kind.value} {cost:,.0f}" for kind, cost in _costs(stats).items()]
        yield Text(f"one query, in every table, µs: {', '.join(costs)}")


def _plans_table(halves: dict[str, tuple[TableStats, ...]]) -> Table:
    rows = [
        (
            half,
            "/".join(word for word in (item.signal_type, item.geometry) if word),
            text_of([chunk for chunk in item.chunks if chunk.probes]) or "linear",
            f"{item.values:,}",
            megabytes(_bytes(item)),
            f"{item.candidates:,.0f}",
            f"{item.skew:.2f}",
            f"{item.largest_bucket:,}",
            f"{_microseconds(item.cost_ns):,.0f}",
        )
        for half, tables in halves.items()
        for item in tables
    ]
    columns = ("in", "type", "plan", "values", "MB", "candidates", "skew")
    return table(*columns, "largest bucket", "µs a query", rows=rows, numeric=6)


def _added(generation: LayeredGeneration) -> int:
    return generation.additions.entry_count if generation.additions else 0


def _bytes(item: TableStats) -> int:
    return item.value_bytes + item.index_bytes


def _microseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1000, 1)
