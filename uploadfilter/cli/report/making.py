"""``uploadfilter report``: a report of decision logs that anybody can compute again."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from uploadfilter.cli.files import explain_failure, write_file
from uploadfilter.cli.options import StateOption, day, now, state_directory
from uploadfilter.cli.output import FOUND, OK, say, write_data
from uploadfilter.cli.progress import board
from uploadfilter.errors import UsageError
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import (
    MOST_PERIODS,
    By,
    Document,
    PublishedSet,
    ReportChoices,
    periods_of,
)
from uploadfilter.reporting.gathered import IS_DAMAGE, GatheredLog, ReportDays
from uploadfilter.reporting.gathering import (
    GatherOptions,
    bytes_of,
    gather,
    log_folders,
)
from uploadfilter.reporting.hiding import LEAST, LEAST_ALLOWED
from uploadfilter.reporting.page.words import lack_words
from uploadfilter.reporting.sql import queries, script_of

MOST_DAYS = 3700
"""Most days of a report: ten years. More is a typing error."""


_CPUS = len(os.sched_getaffinity(0))


class ReportForm(StrEnum):
    """The forms of a report."""

    HTML = "html"
    PDF = "pdf"
    CSV = "csv"


class ReportLanguage(StrEnum):
    """The languages of a report."""

    EN = "en"
    NL = "nl"


LogsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[LOG]...",
        help="Directories of logs, of proxies, or state directories, of any number of "
        "machines.  [default: every log of the state directory]",
    ),
]
ProcessesOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        max=256,
        metavar="N",
        help="Processes that count.  [default: one for each CPU]",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """The options that say what a report shows."""

    first: Annotated[
        str, typer.Option("--from", metavar="DAY", help="The first day, UTC.")
    ] = ""
    last: Annotated[
        str, typer.Option("--to", metavar="DAY", help="The last day, UTC.")
    ] = ""
    by: Annotated[
        By | None,
        typer.Option(help="Divide the time into periods.", case_sensitive=False),
    ] = None
    language: Annotated[
        ReportLanguage, typer.Option(help="The language of page and PDF.")
    ] = ReportLanguage.EN
    title: Annotated[str, typer.Option(metavar="TEXT", help="Another title.")] = ""
    least: Annotated[
        int,
        typer.Option(
            metavar="N",
            help=f"The smallest count that is shown; at least {LEAST_ALLOWED}, or 1 to "
            "hide nothing.",
        ),
    ] = LEAST
    price: Annotated[
        float | None,
        typer.Option(
            metavar="AMOUNT", min=0, help="The price of a CPU hour, for the cost."
        ),
    ] = None
    currency: Annotated[
        str, typer.Option(metavar="TEXT", help="The currency of the price.")
    ] = "EUR"
    published: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="When the issuer published each set: JSON lines with set, sequence "
            "and at.",
        ),
    ] = None

    def choices(self) -> ReportChoices:
        """Return the choices; two days that are no period are refused."""
        published = self.published
        if not (self.first and self.last):
            raise UsageError(
                "a report needs --from and --to, its first and its last day",
                hint="Write for example --from 2026-07-01 --to 2026-09-30.",
            )
        chosen = ReportChoices(
            first=day(self.first),
            last=day(self.last),
            by=self.by,
            least=self.least,
            price=self.price,
            currency=self.currency,
            language=self.language.value,
            title=self.title,
            published=() if published is None else _publications(published),
        )
        _check(chosen)
        return chosen


def report_command(
    content: ReportOptions,
    *,
    logs: LogsArgument = None,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="QUERY",
            help="Print how a figure is counted, as SQL that DuckDB runs on the logs; "
            "'list' prints the names.",
        ),
    ] = None,
    form: Annotated[
        ReportForm | None,
        typer.Option(
            "--format",
            help="The form of the file.  [default: by the ending of its name]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep the check of each file of the log here, for the next report.",
        ),
    ] = None,
    jobs: ProcessesOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Make a report of what the filter did, out of the logs of all proxies.

    One page that needs nothing else, or a PDF or a table: every figure with its query
    and the signed checkpoint that it stands on. Exit code 1 if a log is damaged; the
    report says how.

    **Examples**

        uploadfilter report --from 2026-07-01 --to 2026-09-30 --by month -o q3.html

        uploadfilter report --from 2026-01-01 --to 2026-12-31 --by quarter
        --language nl -o 2026.pdf north/log south/log
    """
    if show == "list":
        write_data("".join(f"{name}\n" for name in queries()).encode())
        raise typer.Exit(OK)
    shape = None if output is None else _form(form, output)
    if shape is None and not json and show is None:
        raise UsageError(
            "there is no file to write", hint="Name one with -o, or print --json."
        )
    chosen = content.choices()
    gathered = _gathered(directories_of(logs, state), chosen, cache=cache, jobs=jobs)
    if show is not None:
        write_data(script_of(show, gathered, chosen).encode())
        raise typer.Exit(OK)
    document = _made(gathered, chosen, jobs=jobs or _CPUS)
    if output is not None and shape is not None:
        page = _rendered(document, shape)
        write_file(output, page, hint="Name another file with -o.")
        say(f"written: {output}")
    if json:
        write_data(msgspec.json.encode(document) + b"\n")
    raise typer.Exit(FOUND if _say_lacks(document) else OK)


def _gathered(
    directories: Sequence[Path],
    chosen: ReportChoices,
    *,
    cache: Path | None,
    jobs: int | None,
) -> list[GatheredLog]:
    days = ReportDays(chosen.first, chosen.last + timedelta(days=1))
    with shown_progress(directories, days, jobs=jobs, cache=cache) as options:
        return gather(directories, days, options)


def _made(
    gathered: Sequence[GatheredLog], chosen: ReportChoices, *, jobs: int
) -> Document:
    return compose(
        gathered,
        chosen,
        program=version("uploadfilter"),
        made=f"{now():%Y-%m-%d %H:%M} UTC",
        jobs=jobs,
    )


@contextmanager
def shown_progress(
    directories: Sequence[Path],
    days: ReportDays,
    *,
    jobs: int | None,
    cache: Path | None = None,
) -> Iterator[GatherOptions]:
    """Yield options for reading logs, with a bar while they are read."""
    total = bytes_of(directories, days)
    done = 0
    with board("counting", in_bytes=True) as bar:
        bar.move(0, total)

        def progress(size: int) -> None:
            nonlocal done
            done += size
            bar.move(done, total)

        yield GatherOptions(jobs=jobs or _CPUS, cache=cache, progress=progress)


def directories_of(logs: Sequence[Path] | None, state: Path | None) -> list[Path]:
    """Return the directories of the named logs, else those of the state directory."""
    return log_folders(list(logs) if logs else [state_directory(state)])


def _form(form: ReportForm | None, output: Path) -> ReportForm:
    if form is not None:
        return form
    ending = output.suffix.lower().removeprefix(".")
    if ending in set(ReportForm):
        return ReportForm(ending)
    raise UsageError(
        f"the form of {output.name!r} is not known",
        hint="Name it with --format: html, pdf or csv.",
    )


def _publications(path: Path) -> tuple[PublishedSet, ...]:
    with explain_failure(f"read {str(path)!r}", hint="Check --published."):
        data = path.read_bytes()
    try:
        return tuple(msgspec.json.Decoder(PublishedSet).decode_lines(data))
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise UsageError(
            f"{str(path)!r} does not say when sets were published: {exc}",
            hint='Each line is like {"set": "unit7", "sequence": 12, '
            '"at": "2026-07-01T10:00:00Z"}.',
        ) from exc


def _check(chosen: ReportChoices) -> None:
    if chosen.last < chosen.first:
        raise UsageError("--to is before --from", hint="Both days belong to the time.")
    if (chosen.last - chosen.first).days >= MOST_DAYS:
        raise UsageError(
            f"more than {MOST_DAYS} days", hint="Make a report for each year."
        )
    periods = len(periods_of(chosen.first, chosen.last, chosen.by))
    if periods > MOST_PERIODS:
        raise UsageError(
            f"{periods} periods, at most {MOST_PERIODS}",
            hint="Choose a longer one with --by.",
        )
    if chosen.least != 1 and chosen.least < LEAST_ALLOWED:
        raise UsageError(
            f"--least {chosen.least} hides no count that could not be guessed",
            hint=f"Give at least {LEAST_ALLOWED}, or 1 to hide nothing.",
        )


def _rendered(document: Document, form: ReportForm) -> bytes:
    # Jinja and the reader of PDF take as long to load as the rest of a small report.
    from uploadfilter.reporting.page.numbers import csv_of  # noqa: PLC0415 -- see above
    from uploadfilter.reporting.page.rendering import page_of  # noqa: PLC0415 -- same

    match form:
        case ReportForm.HTML:
            return page_of(document).encode()
        case ReportForm.CSV:
            return csv_of(document).encode()
        case ReportForm.PDF:
            from uploadfilter.reporting.page.pdfs import pdf_of  # noqa: PLC0415 -- same

            return pdf_of(page_of(document))


def _say_lacks(document: Document) -> bool:
    """Print what the logs lack; return whether one is damaged."""
    is_damaged = False
    for log in document.logs:
        for lack, number, detail in log.said:
            is_damage = lack in IS_DAMAGE
            is_damaged = is_damaged or is_damage
            words = f"{log.label}: {lack_words(lack, number, detail)}"
            say(words, style="red" if is_damage else "yellow")
    return is_damaged
