"""Turn the counts of logs into cells, on which queries are carried out.

A cell is a class of uploads that agree in every column. Decisions without a match come
from the uploads of a day less those that were found; so each upload is in one cell, and
figures that overlap are sums over the same cells.

Rules this module keeps: it is pure; an upload is in one cell, except where retention
left only a total: then the uploads by hash set are cells of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from uploadfilter.reporting.counting import labels_in
from uploadfilter.reporting.gathered import (
    GatheredLog,
)
from uploadfilter.reporting.queries import CountedCell, RecordSource
from uploadfilter.reporting.scanning import ChangeFact
from uploadfilter.reporting.tables import (
    COLUMNS,
    UPLOAD_COLUMNS,
    Cell,
    CountTable,
    Key,
    way_of,
)

OBJECTION: Final = "objection"
"""The kind of change that an event of an objection is recorded as."""

_Row = tuple[tuple[str, Cell], ...]
_Amounts = dict[str, int]


class Periods:
    """The periods of a report.

    Args:
        starts: First day of each period, in order.
        end: The day after the last period.
    """

    def __init__(self, starts: Sequence[date], end: date) -> None:
        self.starts = tuple(starts)
        self.end = end
        self._days: dict[str, int] = {}
        for number, start in enumerate(self.starts):
            following = (*self.starts, end)[number + 1]
            for ordinal in range(start.toordinal(), following.toordinal()):
                self._days[date.fromordinal(ordinal).isoformat()] = number

    def __len__(self) -> int:
        """Return the number of periods."""
        return len(self.starts)

    def days(self) -> Iterator[tuple[str, int]]:
        """Yield each day with the number of its period."""
        yield from self._days.items()

    def of(self, day: str) -> int | None:
        """Return the number of a day's period; ``None`` outside of the report."""
        return self._days.get(day)


class _Cells:
    """Collects cells."""

    def __init__(self, periods: Periods) -> None:
        self._periods = periods
        self._found: dict[tuple[RecordSource, _Row, str], list[_Amounts]] = {}

    def add(
        self,
        source: RecordSource,
        day: str,
        row: Mapping[str, Cell],
        amounts: Mapping[str, int],
        labels: str = "",
    ) -> None:
        """Add numbers of a day."""
        period = self._periods.of(day)
        if period is None:
            return
        key = source, tuple(row.items()), labels
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = [{} for _ in range(len(self._periods))]
        for name, amount in amounts.items():
            found[period][name] = found[period].get(name, 0) + amount

    def all(self) -> list[CountedCell]:
        """Return the cells."""
        return [
            CountedCell(number, source, dict(row), _labels(labels), tuple(amounts))
            for number, ((source, row, labels), amounts) in enumerate(
                self._found.items()
            )
        ]


def _labels(text: str) -> tuple[Mapping[str, Cell], ...]:
    names = ("set", "category", "state", "ways")
    return tuple(
        dict(zip(names, row, strict=True)) for row in (labels_in(text) if text else ())
    )


def cells_of(logs: Iterable[GatheredLog], periods: Periods) -> list[CountedCell]:
    """Return the cells of some logs."""
    cells = _Cells(periods)
    for log in logs:
        _add_uploads(cells, log)
        _add_simple(cells, log)
        _add_clients(cells, log)
        for change in log.changes:
            if change.change == OBJECTION:
                _add_objection(cells, log, change)
    return cells.all()


def _add_uploads(cells: _Cells, log: GatheredLog) -> None:
    uploads = log.part.tables[CountTable.UPLOADS]
    rest = {key: list(amounts) for key, amounts in uploads.items()}
    width = 1 + len(UPLOAD_COLUMNS)
    for key, (number, chance, unjudged) in log.part.rows(CountTable.FOUND):
        of_totals = key[0] in log.from_totals
        row = {"log": log.label, **_named(CountTable.FOUND, key)}
        labels = "" if of_totals else str(row.pop("labels"))
        row.pop("labels", None)
        amounts = {"uploads": number, "chance": chance, "unjudged": unjudged}
        cells.add(RecordSource.DECISIONS, str(key[0]), row, amounts, labels)
        left = rest.get(key[:width])
        if left is not None:
            left[0] -= number
    for key, (number, size, cpu) in sorted(rest.items(), key=str):
        row = {"log": log.label, **_named(CountTable.UPLOADS, key)}
        amounts = {"uploads": max(number, 0), "bytes": size, "cpu_us": cpu}
        cells.add(RecordSource.DECISIONS, str(key[0]), row, amounts)
    for key, (number,) in log.part.rows(CountTable.MATCHES):
        if key[0] in log.from_totals:
            row = {"log": log.label, "of": "totals"}
            labels = _label(key)
            cells.add(
                RecordSource.DECISIONS, str(key[0]), row, {"listed": number}, labels
            )


def _label(key: Key) -> str:
    cells = [str(cell).replace("\\", "\\\\").replace('"', '\\"') for cell in key[1:4]]
    return '[["' + '","'.join(cells) + '",""]]'


def _named(table: CountTable, key: Key) -> dict[str, Cell]:
    return dict(zip(COLUMNS[table][1:], key[1:], strict=True))


def _add_simple(cells: _Cells, log: GatheredLog) -> None:
    for table, source in (
        (CountTable.OUTCOMES, RecordSource.OUTCOMES),
        (CountTable.SHEDS, RecordSource.SHEDS),
        (CountTable.LATENCY, RecordSource.LATENCY),
        (CountTable.COPIES, RecordSource.COPIES),
        (CountTable.REASONS, RecordSource.REASONS),
    ):
        for key, (number,) in log.part.rows(table):
            row = {"log": log.label, **_named(table, key)}
            cells.add(source, str(key[0]), row, {"uploads": number})


def _add_clients(cells: _Cells, log: GatheredLog) -> None:
    """Add the clients of each day, by whether they were rejected again."""
    for key, (number,) in log.part.rows(CountTable.REPEATS):
        row: dict[str, Cell] = {
            "log": log.label,
            "rejections": "1" if number == 1 else "2 or more",
        }
        amounts = {"clients": 1, "later rejections": number - 1}
        cells.add(RecordSource.CLIENTS, str(key[0]), row, amounts)


def _add_objection(cells: _Cells, log: GatheredLog, change: ChangeFact) -> None:
    details = change.details
    row: dict[str, Cell] = {
        "log": log.label,
        "state": str(details.get("state", "")),
        "means": _means(details),
    }
    cells.add(RecordSource.OBJECTIONS, change.at[:10], row, {"events": 1})


def _means(details: Mapping[str, object]) -> str:
    if "signal_type" not in details:
        return "unknown"
    kind = str(details.get("kind", "within"))
    return way_of(str(details["signal_type"]), kind)


def silent_minutes(
    logs: Sequence[GatheredLog], periods: Periods
) -> Iterator[tuple[str, list[int], list[int], list[int]]]:
    """Yield for each log, by period: known, silent, and minutes when all were silent.

    A running proxy writes a record each minute. A minute without a record is silent:
    the proxy did not run or could not write, and forwarded nothing. Days whose records
    are gone are not known.
    """
    whole = (1 << 24 * 60) - 1
    for log in logs:
        known = [0] * len(periods)
        silent = [0] * len(periods)
        alone = [0] * len(periods)
        gone = {*log.from_totals, *log.unknown}
        for day, number in periods.days():
            if not log.since[:10] <= day <= log.until[:10] or day in gone:
                continue
            asked = _asked(log, day, whole)
            missing = asked & ~log.part.minutes.get(day, 0)
            others = 0
            for other in logs:
                if other is not log:
                    others |= other.part.minutes.get(day, 0)
            known[number] += asked.bit_count()
            silent[number] += missing.bit_count()
            alone[number] += (missing & ~others).bit_count()
        yield log.label, known, silent, alone


def _asked(log: GatheredLog, day: str, whole: int) -> int:
    """Return the minutes of a day from the log's first record to its last."""
    asked = whole
    if day == log.since[:10]:
        asked &= whole << _minute(log.since) & whole
    if day == log.until[:10]:
        asked &= (1 << _minute(log.until) + 1) - 1
    return asked


def _minute(time: str) -> int:
    return int(time[11:13]) * 60 + int(time[14:16])
