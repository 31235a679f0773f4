"""Carry out the queries of a report, by DuckDB.

Rules this module keeps: a line that DuckDB does not count is said, so no figure is
smaller in silence; large logs are counted some files at a time, in bounded memory.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from uploadfilter.reporting.document import ReportChoices, periods_of
from uploadfilter.reporting.gathered import GatheredLog, LogLack, Said
from uploadfilter.reporting.sql import (
    FigureQuery,
    files_of,
    queries,
    settings_of,
    step_texts,
)

BATCH_BYTES: Final = 128 * 1024 * 1024
"""Bytes of files that are counted at once: DuckDB takes twice as much memory."""

Number = int | float
Key = tuple[str, ...]


@dataclass(slots=True)
class CountedRow:
    """The numbers of one figure and key.

    Attributes:
        cells: The cells that were added up; only of counts.
    """

    periods: list[Number]
    total: Number = 0
    cells: set[str] = field(default_factory=set)


Counted = Mapping[str, Mapping[Key, CountedRow]]
"""The numbers of each figure, by the figure's name and the key of a row."""


def count_figures(
    logs: Sequence[GatheredLog],
    chosen: ReportChoices,
    *,
    jobs: int = 1,
    batch_bytes: int = BATCH_BYTES,
) -> Counted:
    """Count the records of some logs; the others are added to their lacks."""
    periods = len(periods_of(chosen.first, chosen.last, chosen.by))
    with _connected(jobs) as connection:
        connection.execute(settings_of(logs, chosen))
        connection.execute(step_texts()["tables"])
        for batch in _batches([it for log in logs for it in log.files], batch_bytes):
            connection.execute(files_of(batch))
            connection.execute(step_texts()["records"])
        connection.execute(step_texts()["cells"])
        _say_uncounted(logs, connection)
        return {
            name: _rows(query, connection, periods)
            for name, query in queries().items()
            if chosen.price is not None or "price" not in query.text
        }


@contextmanager
def _connected(jobs: int) -> Iterator[Any]:
    """Yield a connection to tables in memory, which loads nothing from elsewhere."""
    # It takes as long to load as the rest of a small command.
    import duckdb  # noqa: PLC0415 -- see above

    with (
        tempfile.TemporaryDirectory(prefix="uploadfilter-report-") as folder,
        duckdb.connect(
            config={
                "threads": jobs,
                "temp_directory": folder,
                "autoinstall_known_extensions": "false",
            }
        ) as connection,
    ):
        yield connection


def _batches(paths: Sequence[Path], most_bytes: int) -> Iterator[list[Path]]:
    """Divide files into batches; a larger file is one of its own."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        of_file = path.stat().st_size
        if batch and size + of_file > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += of_file
    if batch:
        yield batch


def _say_uncounted(logs: Sequence[GatheredLog], connection: Any) -> None:  # noqa: ANN401 - a module without types
    fit = dict(
        connection.execute("SELECT log, sum(fit) FROM lines GROUP BY log").fetchall()
    )
    for log in logs:
        uncounted = log.records - int(fit.get(log.label, 0))
        if uncounted > 0:
            log.said = sorted([*log.said, Said(LogLack.UNREADABLE, uncounted)])


def _rows(query: FigureQuery, connection: Any, periods: int) -> dict[Key, CountedRow]:  # noqa: ANN401 - as above
    found = {key: CountedRow([0] * periods) for key in query.keys}
    for key, period, value, *cells in connection.execute(query.script).fetchall():
        name = tuple("" if it is None else str(it) for it in key)
        row = found.setdefault(name, CountedRow([0] * periods))
        if period is None:
            row.total = _number(value)
            row.cells = set(cells[1]) if cells else set()
        else:
            row.periods[period] = _number(value)
    return dict(sorted(found.items()))


def _number(value: Any) -> Number:  # noqa: ANN401 - whatever DuckDB gives
    """Return a number; a fraction with six digits, the same on every machine."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return 0 if value is None else int(value)
