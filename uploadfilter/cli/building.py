"""``uploadfilter issuer build``: the signals of a folder of pictures.

The pictures stay where they are: they are read by the scanners of the filter itself, in
their sandbox, and nothing but signals comes out. Rules this module keeps: the order is
that of the names; memory does not grow with the number of files; an interrupted build
goes on where it was.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Annotated, Final

import typer

from uploadfilter.cli.files import Found, find, open_regular, type_guesser
from uploadfilter.cli.options import JobsOption, JSONOption
from uploadfilter.cli.output import print_json, say
from uploadfilter.cli.progress import Board, board, counted_aside
from uploadfilter.cli.scan import WINDOW_PER_JOB, in_order
from uploadfilter.errors import UsageError
from uploadfilter.issuing.building import (
    TYPES,
    WORDS,
    BuildFile,
    Naming,
    Refusal,
    entry_of,
    mark_of,
    read_table,
)
from uploadfilter.model import Entry, Scan
from uploadfilter.scanners.messages import ContentSpan
from uploadfilter.scanners.pool import ScannerPool
from uploadfilter.scanners.settings import ScannerSettings
from uploadfilter.signals import pdq

_CONTENT: Final = "0"
"""What a file is called on its way to a scanner: nothing of its own name."""


def build_command(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder of pictures.")
    ],
    to: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to be made: JSON lines.")
    ],
    *,
    category: Annotated[
        str | None,
        typer.Option(
            metavar="C",
            help="The category of all of them.  [default: the first folder below "
            "FOLDER]",
            show_default=False,
        ),
    ] = None,
    names: Annotated[
        bool,
        typer.Option(
            "--names", help="The name of a file is its id; else its SHA-256 is."
        ),
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            metavar="CSV",
            help="Ids and categories, in a file with the columns path, id, category.",
            show_default=False,
        ),
    ] = None,
    jobs: JobsOption = None,
    json: JSONOption = False,
) -> None:
    """Compute the signals of all pictures of a folder, for a hash set.

    Copies and names nothing of a picture. If it is interrupted, the same command goes
    on where it was.

    **Example**

        uploadfilter issuer build pictures built.jsonl
    """
    if not source.is_dir():
        raise UsageError(
            f"{str(source)!r} is no folder", hint="Name the folder of the pictures."
        )
    naming = Naming(
        category=category,
        by_name=names,
        table=None if table is None else read_table(table),
    )
    out = BuildFile(to)
    settings = ScannerSettings() if jobs is None else ScannerSettings(workers=jobs)
    arguments = [str(source)]
    try:
        with board("building") as shown, counted_aside(shown, lambda: find(arguments)):
            asyncio.run(_build(source, out, naming, settings, shown))
        out.finish()
    finally:
        out.close()
    built = out.built
    refused = {reason.value: count for reason, count in built.refused.items()}
    if json:
        shape = {"entries": built.entries, "categories": built.categories}
        print_json({**shape, "refused": refused, "resumed": built.resumed})
        return
    say(f"built {built.entries:,} entries into {str(to)!r}", style="green")
    for name, count in sorted(built.categories.items()):
        say(f"  category {name}: {count:,}")
    for reason, count in built.refused.items():
        say(f"  left out: {count:,}, {WORDS[reason]}", style="yellow")
    say(f"next: uploadfilter issuer stage {to}", style="dim")


async def _build(
    source: Path,
    out: BuildFile,
    naming: Naming,
    settings: ScannerSettings,
    shown: Board,
) -> None:
    async with ScannerPool.open(settings) as pool:
        builder = _Builder(pool, source, naming, workers=settings.workers)

        def report(done: tuple[str, Entry | Refusal]) -> None:
            out.add(*done)
            shown.advance()

        work = (builder.make(mark, found) for mark, found in _to_do(source, out, shown))
        await in_order(work, report, window=settings.workers * WINDOW_PER_JOB)


def _to_do(source: Path, out: BuildFile, shown: Board) -> Iterator[tuple[str, Found]]:
    for found in find([str(source)]):
        try:
            mark = mark_of(
                os.path.relpath(found.path, source),
                os.stat(found.path),  # noqa: PTH116 - names stay as given
            )
        except OSError:
            mark = "unreadable"
        if out.is_done(mark):
            shown.advance()
        else:
            yield mark, found


def _below(source: Path, path: str) -> PurePath:
    return PurePath(os.path.relpath(path, source))


class _Builder:
    """Makes one entry after the other; several files may be in work at a time."""

    def __init__(
        self, pool: ScannerPool, source: Path, naming: Naming, *, workers: int
    ) -> None:
        self._pool = pool
        self._source = source
        self._naming = naming
        self._declared_type = type_guesser()
        self._free = asyncio.Semaphore(workers)

    async def make(self, mark: str, found: Found) -> tuple[str, Entry | Refusal]:
        if found.problem is not None:
            return mark, Refusal.UNREADABLE
        named = self._naming.of(_below(self._source, found.path))
        if isinstance(named, Refusal):
            return mark, named
        try:
            scan = await self._scan(found.path)
        except OSError:
            return mark, Refusal.UNREADABLE
        entry_id, category = named
        made = entry_of(
            scan, entry_id=entry_id, category=category, quality_of=pdq.quality
        )
        return mark, made

    async def _scan(self, name: str) -> Scan:
        async with self._free:
            handle = open_regular(name)
            try:
                span = ContentSpan(
                    path=_CONTENT,
                    offset=0,
                    length=os.fstat(handle).st_size,
                    declared_type=self._declared_type(name),
                )
                scans = await self._pool.scan(
                    handle, (span,), types=TYPES, digests=True
                )
            finally:
                os.close(handle)
        return scans[0]
