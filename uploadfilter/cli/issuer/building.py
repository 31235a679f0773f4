"""``uploadfilter issuer build``: the signals of a folder of pictures.

The work itself is done in ``issuing/picturing.py``.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from msgspec import UNSET, Struct, UnsetType

from uploadfilter.cli.options import JobsOption, JSONOption
from uploadfilter.cli.output import document_of, harmless, print_json, say
from uploadfilter.cli.progress import board, counted_aside
from uploadfilter.errors import UsageError
from uploadfilter.issuing.building import WORDS, BuildFile, Built, LeftOut, Naming
from uploadfilter.issuing.generic import KnownGoodCheck, known_good_check
from uploadfilter.issuing.picturing import build
from uploadfilter.issuing.tables import read_table
from uploadfilter.scanners.files import find
from uploadfilter.scanners.pool.settings import ScannerSettings


class BuiltJSON(Struct):
    """The numbers of a folder of pictures."""

    entries: int
    categories: dict[str, int]
    refused: dict[str, int]
    doubtful: dict[str, int]
    files: str | None
    resumed: int
    rows_without_file: int
    generic: list[str] | UnsetType = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGoodOptions:
    """The options that compare pictures with known-good corpora."""

    known_good: Annotated[
        list[Path] | None,
        typer.Option(
            "--known-good",
            metavar="CORPUS",
            help="Name entries that look like pictures of this known-good corpus; may "
            "be given several times.",
        ),
    ] = None
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out-known-good",
            help="Leave such entries out. Without --known-good, the corpus that comes "
            "with the program is compared.",
        ),
    ] = False

    @property
    def is_given(self) -> bool:
        """True if pictures are to be compared."""
        return bool(self.known_good) or self.leave_out

    def check(self) -> KnownGoodCheck | None:
        """Return the check; ``None`` if nothing is to be compared."""
        return known_good_check(self.known_good or (), leaves_out=self.leave_out)


CategoryOption = Annotated[
    str | None,
    typer.Option(
        metavar="C",
        help="The category of all of them.  [default: the first folder below FOLDER]",
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="Ids and categories: a CSV file with the columns path or md5, id, "
        "category, or VICS in JSON.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """The options about the parts of a picture that are listed."""

    windows: Annotated[
        bool,
        typer.Option(
            "--windows",
            help="List the centre of each picture as well: copies that were cut are "
            "found. Three PDQ values an entry.",
        ),
    ] = False
    damaged: Annotated[
        bool,
        typer.Option(
            "--damaged",
            help="List the rest of damaged pictures, too; it may match others.",
        ),
    ] = False


def build_command(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder of pictures.")
    ],
    to: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to be made: JSON lines.")
    ],
    *,
    category: CategoryOption = None,
    names: Annotated[
        bool,
        typer.Option(
            "--names", help="Use the name of a file as its id, not its SHA-256."
        ),
    ] = False,
    table: TableOption = None,
    known_good: KnownGoodOptions,
    parts: PictureOptions,
    jobs: JobsOption = None,
    json: JSONOption = False,
) -> None:
    """Compute the signals of all pictures of a folder, for a hash set.

    The file holds no part and no name of a picture. After an interruption, the same
    command continues where it stopped.

    **Example**

        uploadfilter issuer build pictures built.jsonl
    """
    if not source.is_dir():
        raise UsageError(
            f"{str(source)!r} is not a folder", hint="Name the folder of the pictures."
        )
    rows = None if table is None else read_table(table)
    # Read before hours of work, so that a mistake is reported at once.
    check = known_good.check()
    naming = Naming(category=category, by_name=names, table=rows)
    with closing(BuildFile(to)) as out:
        build_into(out, source, naming, parts=parts, known_good=check, jobs=jobs)
        out.finish()
    _tell(
        out.built,
        source,
        to,
        without=() if rows is None else tuple(rows.lines_without(out.built.rows)),
        is_compared=check is not None and not known_good.leave_out,
        files=out.list if out.list.exists() else None,
        json=json,
    )


def build_into(
    out: BuildFile,
    source: Path,
    naming: Naming,
    *,
    parts: PictureOptions | None = None,
    known_good: KnownGoodCheck | None = None,
    jobs: int | None = None,
) -> None:
    """Compute the signals of a folder of pictures, and show the progress."""
    settings = ScannerSettings() if jobs is None else ScannerSettings(workers=jobs)
    arguments = [str(source)]
    parts = parts or PictureOptions()
    with board("building") as shown, counted_aside(shown, lambda: find(arguments)):
        work = build(
            source,
            out,
            naming,
            settings,
            on_done=shown.advance,
            windows=parts.windows,
            damaged=parts.damaged,
            known_good=known_good,
        )
        asyncio.run(work)


def tell_built(built: Built, source: Path, files: Path | None) -> None:
    """Print how many files became entries, and which others did not, and why."""
    for name, count in sorted(built.categories.items()):
        say(f"  category {name}: {count:,}")
    for what, counts in (
        ("left out", built.refused),
        ("listed, but look at them", built.doubtful),
    ):
        for reason, count in counts.items():
            names = ", ".join(map(harmless, built.names.get(reason, ())))
            words = f"{what}: {count:,}, {WORDS[reason]}"
            say(f"  {words}: {names}" if names else f"  {words}", style="yellow")
    if LeftOut.DAMAGED in built.refused:
        words = "look for undamaged originals, or build with --damaged"
        say(f"  {words}", style="yellow")
    if files is not None:
        say(f"  the list of these files: {files}", style="yellow")
    if not built.entries:
        none = "none of its files became an entry"
        words = none if built.refused else "it has no files"
        say(f"no picture was found in {str(source)!r}: {words}", style="bold red")


def _tell(
    built: Built,
    source: Path,
    to: Path,
    *,
    without: Sequence[int],
    is_compared: bool,
    files: Path | None,
    json: bool,
) -> None:
    if json:
        shape = document_of(
            BuiltJSON,
            built,
            files=None if files is None else str(files),
            rows_without_file=len(without),
            generic=built.generic if is_compared else UNSET,
        )
        print_json(shape)
        _end(built.entries, to)
        return
    say(f"built into {str(to)!r}, entries: {built.entries:,}", style="green")
    tell_built(built, source, files)
    if without:
        words = f"rows without a file: {len(without):,}, the first in line {without[0]}"
        say(f"  {words}", style="yellow")
    _end(built.entries, to)
    say(f"next: uploadfilter issuer propose {to}", style="dim")


def _end(entries: int, to: Path) -> None:
    """Exit with 1 if no entry can be staged; the same command may be run again."""
    if not entries:
        to.unlink(missing_ok=True)
        raise typer.Exit(1)
