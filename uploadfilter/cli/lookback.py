"""``uploadfilter lookback scan | match``: look back at what an origin stores.

Rules this module keeps: nothing of a source is changed or deleted; the exit code is 0
only if every file was checked.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.options import (
    JobsOption,
    JSONOption,
    StateOption,
    state_directory,
)
from uploadfilter.cli.output import (
    FOUND,
    OK,
    csv_line,
    document_of,
    encodable,
    harmless,
    print_json,
    print_text,
    say,
    write_data,
)
from uploadfilter.cli.progress import board, counted_aside
from uploadfilter.cli.shapes import verdict_words
from uploadfilter.errors import LookBackError, UsageError
from uploadfilter.extras import load_extra
from uploadfilter.lookback import matching
from uploadfilter.lookback.scanning import (
    TYPES,
    Engine,
    LocalEngine,
    Pace,
    ScanCounts,
    scan_source,
)
from uploadfilter.lookback.sources import FileSource, FolderSource
from uploadfilter.lookback.store import LookBackStore, StoreInfo
from uploadfilter.model import SignalType, Verdict
from uploadfilter.reference.search.matching import THRESHOLD_LIMITS, Thresholds
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)

S3: Final = "s3://"
"""The beginning of the address of a bucket."""

_MB: Final = 1_000_000
_DEFAULTS: Final = Thresholds()


class EngineName(StrEnum):
    """Where files are scanned."""

    LOCAL = "local"
    DASK = "dask"


class TableForm(StrEnum):
    """How the report of a match is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


class LookBackJSON(Struct):
    """The numbers of stored files that were scanned."""

    scanned: int
    known: int
    unchecked: int
    bytes: int
    troubles: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """The options that say where files are scanned, and how fast."""

    jobs: JobsOption = None
    rate: Annotated[
        float | None,
        typer.Option(metavar="MB", min=0.001, help="Most megabytes a second."),
    ] = None
    file_rate: Annotated[
        float | None, typer.Option(metavar="N", min=0.001, help="Most files a second.")
    ] = None
    engine: Annotated[EngineName, typer.Option(help="Where files are scanned.")] = (
        EngineName.LOCAL
    )
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="The scheduler of Dask, such as tcp://10.0.0.7:8786.",
        ),
    ] = None

    def pace(self) -> Pace:
        """Return the bounds of the speed."""
        return Pace(
            bytes_s=None if self.rate is None else self.rate * _MB,
            files_s=self.file_rate,
            clock=time.monotonic,
        )


def scan_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER_OR_BUCKET", help="The files: a folder, or s3://BUCKET/..."
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="STORE", help="The folder of the signals."
        ),
    ],
    perceptual: Annotated[
        bool,
        typer.Option(
            "--perceptual",
            help="Keep perceptual values too: without them, only exact copies match.",
        ),
    ] = False,
    work: WorkOptions,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="The S3 server, if not Amazon.")
    ] = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Compute the signals of stored files, once, into a folder of Parquet files.

    Files that were scanned before are left out: the same command goes on where it was
    interrupted, and later scans new and changed files only.

    **Examples**

        uploadfilter lookback scan /srv/uploads -o store --perceptual

        uploadfilter lookback scan s3://uploads -o store --rate 50
    """
    secret = ReferenceDirectory(state_directory(state) / REFERENCE_DIRECTORY).secret()
    files, types = _source(source, endpoint), TYPES if perceptual else ()
    info = StoreInfo(source=files.address, types=types, secret=secret.check_value())
    with (
        LookBackStore.create_or_open(output, info) as store,
        board("scanning") as shown,
        counted_aside(shown, files.items),
    ):
        counts = scan_source(
            files,
            store,
            _engine(work, files, types),
            secret=secret,
            clock=time.monotonic,
            advance=shown.advance,
        )
    _say_scanned(counts, as_json=json)
    raise typer.Exit(OK if counts.is_whole else FOUND)


def match_command(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="The folder of the signals.")
    ],
    *,
    pdq: Annotated[
        int,
        typer.Option(
            metavar="BITS",
            min=0,
            max=THRESHOLD_LIMITS[SignalType.PDQ],
            help="Threshold of PDQ.",
        ),
    ] = _DEFAULTS.pdq,
    phash: Annotated[
        int,
        typer.Option(
            metavar="BITS",
            min=0,
            max=THRESHOLD_LIMITS[SignalType.PHASH],
            help="Threshold of pHash.",
        ),
    ] = _DEFAULTS.phash,
    exact_only: Annotated[
        bool, typer.Option("--exact-only", help="The store may lack perceptual values.")
    ] = False,
    form: Annotated[
        TableForm, typer.Option("--format", help="How the report is written.")
    ] = TableForm.TEXT,
    state: StateOption = None,
) -> None:
    """Match stored signals with the reference set in force.

    Prints each file that matches or was not checked. Nothing is deleted.

    **Example**

        uploadfilter lookback match store --format csv > report.csv
    """
    opened = LookBackStore.open_to_read(store)
    base = state_directory(state) / REFERENCE_DIRECTORY
    if ReferenceDirectory(base).secret().check_value() != opened.info.secret:
        raise UsageError(
            f"{str(store)!r} was made with the key of another reference set",
            hint="Name its state directory with --state, or scan again.",
        )
    thresholds = Thresholds(pdq=pdq, phash=phash)
    with ReferenceReader.open(base) as reader, board("matching") as shown:
        generation = reader.current().keyed()
        missing = () if exact_only else matching.missing_types(opened, generation)
        if form is TableForm.CSV:
            write_data(csv_line(_CSV_COLUMNS))
        counts = matching.match_store(
            opened,
            generation,
            thresholds=thresholds,
            report=lambda found: _print(found, form),
            moved=shown.move,
        )
    if missing:
        say(
            f"not compared, because the store lacks them: {', '.join(missing)}; "
            "scan with --perceptual, or say --exact-only",
            style="yellow",
        )
    _say_matched(counts, generation.number)
    raise typer.Exit(OK if counts.is_clean and not missing else FOUND)


def _source(address: str, endpoint: str | None) -> FileSource:
    if not address.startswith(S3):
        folder = Path(address)
        if not folder.is_dir():
            raise UsageError(
                f"{address!r} is not a folder", hint="Name a folder, or s3://BUCKET."
            )
        return FolderSource(str(folder.resolve()))
    from uploadfilter.lookback.s3 import S3Source  # noqa: PLC0415 -- needs an extra

    return S3Source.of(address, endpoint=endpoint)


def _engine(
    work: WorkOptions, source: FileSource, types: tuple[SignalType, ...]
) -> Engine:
    scheduler, jobs, pace = work.scheduler, work.jobs, work.pace()
    if (scheduler is not None) != (work.engine is EngineName.DASK):
        raise UsageError(
            "--engine dask and --scheduler need each other",
            hint="For example: --engine dask --scheduler tcp://10.0.0.7:8786",
        )
    if scheduler is None:
        return LocalEngine(source, jobs=jobs, types=types, pace=pace)
    load_extra(
        "distributed",
        purpose="--engine dask",
        extra="lookback-dask",
        error=LookBackError,
    )
    from uploadfilter.lookback.dasking import DaskEngine  # noqa: PLC0415 -- an extra

    return DaskEngine(source, scheduler=scheduler, jobs=jobs, types=types, pace=pace)


def _say_scanned(counts: ScanCounts, *, as_json: bool) -> None:
    troubles = dict(sorted(counts.troubles.items()))
    if as_json:
        print_json(document_of(LookBackJSON, counts, troubles=troubles))
        return
    words = [
        f"scanned: {counts.scanned:,}",
        f"scanned before: {counts.known:,}",
        f"could not be checked: {counts.unchecked:,}",
        *(f"{name}: {number:,}" for name, number in troubles.items()),
    ]
    say("; ".join(words), style="green" if counts.is_whole else "yellow")


_CSV_COLUMNS: Final = (
    *("path", "verdict", "reason", "set", "entry", "category", "state"),
    *("signal_type", "distance", "view", "quality", "version"),
)


def _print(found: matching.LookedBack, form: TableForm) -> None:
    path = encodable(found.item.name)
    reason = found.trouble or found.reason or ""
    if form is TableForm.JSON:
        print_json(
            {
                "path": path,
                "version": found.item.version,
                "verdict": found.verdict,
                "reason": reason or None,
                "matches": [msgspec.to_builtins(it) for it in found.matches],
            }
        )
    elif form is TableForm.CSV:
        rows = found.matches or (None,)
        for it in rows:
            values = (
                ("",) * 8
                if it is None
                else (
                    *(it.set, it.entry, it.category, it.state),
                    *(
                        it.signal_type,
                        str(it.distance),
                        it.view or "",
                        _text(it.quality),
                    ),
                )
            )
            line = (path, found.verdict, reason, *values, found.item.version)
            write_data(csv_line(tuple(map(str, line))))
    else:
        style = "bold red" if found.verdict is Verdict.MATCH else "yellow"
        print_text(Text(harmless(f"{found.verdict} {path} {reason}".rstrip()), style))
        for it in found.matches:
            words = f"  {it.set}/{it.entry} ({it.category}), {it.signal_type}"
            print_text(Text(harmless(f"{words}, {it.distance} bits")))


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _say_matched(counts: matching.MatchCounts, generation: int) -> None:
    words = f"generation {generation}, {verdict_words(counts.verdicts)}"
    say(words, style="green" if counts.is_clean else "yellow")
