"""Compute a report again from the logs, and compare.

The logs are counted up to the checkpoints that the report names, so a log that has
grown since gives the same figures. The checkpoints must be signed by the log's key,
and the log must continue them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.errors import UsageError
from uploadfilter.reporting.comparing import (
    ShownOtherwise,
    page_differences,
    table_differences,
)
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import FORMAT, Document, Figure, LogFacts
from uploadfilter.reporting.gathered import (
    IS_DAMAGE,
    GatheredLog,
    LogLack,
    LogStanding,
    ReportDays,
    Said,
)
from uploadfilter.reporting.gathering import (
    GatherOptions,
    gather,
)
from uploadfilter.reporting.page.numbers import ReportHead, csv_of, head_in
from uploadfilter.reporting.page.pdfs import page_in, pdf_of
from uploadfilter.reporting.page.rendering import data_in, page_of

MOST_DIFFERENCES: Final = 20
"""Most places of a page or a table that are named: a person looks at a few."""

MOST_BYTES: Final = 256 * 1024 * 1024
"""Largest report that is read: a hundred times the size of any."""

_GROWS: Final = frozenset(
    {
        LogLack.AFTER_CHECKPOINT,
        LogLack.LEFT_OUT,
        LogLack.UNSIGNED,
        LogLack.UNFINISHED,
    }
)
"""Lacks that change when a log grows; they are about no counted record."""

_RETENTION: Final = frozenset(
    {LogLack.TOTALS_ONLY, LogLack.DAYS_UNKNOWN, LogLack.MATCHES_GONE}
)


class ReportFault(StrEnum):
    """The ways in which a report can differ from its logs."""

    LOG_MISSING = "log_missing"
    LOG_UNKNOWN = "log_unknown"
    LOG_DIFFERS = "log_differs"
    LOG_DAMAGED = "log_damaged"
    KEY_UNKNOWN = "key_unknown"
    NO_CHECKPOINT = "no_checkpoint"
    RECORDS_GONE = "records_gone"
    LEFT_OUT = "left_out"
    FIGURE_DIFFERS = "figure_differs"
    QUERY_DIFFERS = "query_differs"
    PAGE_DIFFERS = "page_differs"


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """One difference.

    Attributes:
        what: The name of the log, figure or query; may be empty.
        lack: What the log lacks, if that is the difference.
    """

    problem: ReportFault
    what: str
    why: str = ""
    lack: Said | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCheck:
    """The result of a check.

    Attributes:
        figures: Number of figures that were computed again.
        left_out: By log, the records of the report's days that come after its
            checkpoint, and that no later checkpoint covers.
    """

    logs: tuple[str, ...]
    figures: int
    left_out: dict[str, Said]
    findings: tuple[ReportFinding, ...]

    @property
    def ok(self) -> bool:
        """Whether the report is what its logs give."""
        return not self.findings


def verify_report(
    data: bytes,
    directories: Sequence[Path],
    options: GatherOptions,
    *,
    keys: Collection[str] = (),
) -> ReportCheck:
    """Check a report against its logs.

    Args:
        data: The file: a page, a PDF or a table.
        directories: The directories of the logs.
        options: How they are read; nothing of an earlier count is used.
        keys: Public keys of logs that were kept elsewhere; without one, the key that
            stands beside a log is taken.

    Raises:
        LogError: A log cannot be read.
        UsageError: The file is no report of this version.
    """
    head, logs, document, rendered = _read(data)
    standings = {log.label: log.standing or log.last for log in logs}
    gathered = gather(
        directories,
        report_days(data),
        replace(options, cache=None, standings=standings),
    )
    again = compose(
        gathered,
        head.chosen,
        program=head.program,
        made=head.made,
        jobs=options.jobs,
    )
    findings = list(_logs(logs, again.logs, keys))
    left_out = {
        log.label: lack
        for log in gathered
        for lack in log.said
        if lack.lack is LogLack.LEFT_OUT
    }
    for log in filter(_is_signed_anew, gathered):
        if lack := left_out.pop(log.label, None):
            finding = ReportFinding(ReportFault.LEFT_OUT, log.label, lack=lack)
            findings.append(finding)
    if not any(it.problem is ReportFault.LOG_MISSING for it in findings):
        findings += _figures(document, again)
    try:
        # What the logs lack was compared above; a log that grew may say more of it.
        shown = document or msgspec.structs.replace(again, logs=logs)
        expected = rendered(shown)
    except (ValueError, KeyError) as exc:
        raise _no_report(str(exc)) from exc
    if expected != data and (document is not None or not findings):
        findings += _shown_otherwise(data, expected)
    return ReportCheck(
        logs=tuple(log.label for log in logs),
        figures=len(again.figures),
        left_out=left_out,
        findings=tuple(findings),
    )


def report_days(data: bytes) -> ReportDays:
    """Return the days of a report.

    Raises:
        UsageError: The file is no report of this version.
    """
    chosen = _read(data)[0].chosen
    return ReportDays(chosen.first, chosen.last + timedelta(days=1))


_Read = tuple[
    ReportHead, tuple[LogFacts, ...], Document | None, Callable[[Document], bytes]
]


def _read(data: bytes) -> _Read:
    """Return head, logs and document of a file, and how it is rendered again."""
    try:
        if data.startswith(b"%PDF-"):
            document = _document(page_in(data))
            return *_of(document), document, lambda it: pdf_of(page_of(it))
        if data.lstrip()[:1] == b"<":
            document = _document(data)
            return *_of(document), document, lambda it: page_of(it).encode()
        head, logs = head_in(data.decode())
    except (ValueError, msgspec.MsgspecError) as exc:
        raise _no_report(str(exc)) from exc
    _check_format(head.format)
    return head, logs, None, lambda it: csv_of(it).encode()


def _document(page: bytes) -> Document:
    document = msgspec.json.decode(data_in(page.decode()), type=Document)
    _check_format(document.format)
    return document


def _check_format(number: int) -> None:
    if number != FORMAT:
        raise UsageError(
            f"the report has format {number}, but this version knows {FORMAT}",
            hint="Use the version that made it.",
        )


def _of(document: Document) -> tuple[ReportHead, tuple[LogFacts, ...]]:
    head = ReportHead(
        format=document.format,
        program=document.program,
        made=document.made,
        chosen=document.chosen,
    )
    return head, document.logs


def _no_report(why: str) -> UsageError:
    return UsageError(
        f"the file is no report of uploadfilter: {why}",
        hint="Give the file that 'uploadfilter report' wrote, unchanged.",
    )


def _is_signed_anew(log: GatheredLog) -> bool:
    """Return whether the log has a later checkpoint than the report stands on."""
    return log.standing is not None and log.signed > log.standing.last


def _logs(
    told: Iterable[LogFacts], found: Iterable[LogFacts], keys: Collection[str]
) -> Iterator[ReportFinding]:
    """Compare what a report says of its logs with the logs."""
    known = {log.label: log for log in found}
    for log in told:
        again = known.pop(log.label, None)
        if again is None:
            yield ReportFinding(ReportFault.LOG_MISSING, log.label)
            continue
        yield from _one_log(log, again)
        if not isinstance(log.standing, LogStanding):
            yield ReportFinding(ReportFault.NO_CHECKPOINT, log.label)
        elif keys and log.standing.key not in keys:
            yield ReportFinding(ReportFault.KEY_UNKNOWN, log.label)
    for label in known:
        yield ReportFinding(ReportFault.LOG_UNKNOWN, label)


def _one_log(told: LogFacts, found: LogFacts) -> Iterator[ReportFinding]:
    before = {it for it in told.said if it[0] not in _GROWS}
    after = {it for it in found.said if it[0] not in _GROWS}
    for lack, number, detail in sorted(after):
        if lack in IS_DAMAGE:
            yield ReportFinding(
                ReportFault.LOG_DAMAGED,
                told.label,
                f"{lack} {detail}".strip(),
                Said(LogLack(lack), number, detail),
            )
    gone = sorted(it for it in after - before if it[0] in _RETENTION)
    for lack, number, detail in gone:
        yield ReportFinding(
            ReportFault.RECORDS_GONE,
            told.label,
            f"{lack} {detail}".strip(),
            Said(LogLack(lack), number, detail),
        )
    if gone:
        return
    same = (told.standing, told.last, told.head, told.records, told.since, told.until)
    if before != after or same != (
        found.standing,
        found.last,
        found.head,
        found.records,
        found.since,
        found.until,
    ):
        yield ReportFinding(ReportFault.LOG_DIFFERS, told.label)


def _figures(told: Document | None, found: Document) -> Iterator[ReportFinding]:
    if told is None:
        return
    if told.queries != found.queries or told.needs != found.needs:
        yield ReportFinding(ReportFault.QUERY_DIFFERS, "", "another version made it")
    if told.periods != found.periods:
        yield ReportFinding(ReportFault.FIGURE_DIFFERS, "periods")
    before = {(it.query, *it.key): it for it in told.figures}
    after = {(it.query, *it.key): it for it in found.figures}
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield ReportFinding(
                ReportFault.FIGURE_DIFFERS,
                " ".join(name),
                f"{_words(before.get(name))} in the report, "
                f"{_words(after.get(name))} from the logs",
            )


def _words(figure: Figure | None) -> str:
    """Return a figure in words: its number, and in brackets that of each period."""
    if figure is None:
        return "nothing"
    total = "hidden" if figure.total is None else f"{figure.total:g}"
    periods = ", ".join(f"{it:g}" for it in figure.periods or ())
    return f"{total} ({periods})" if periods else total


def _shown_otherwise(data: bytes, expected: bytes) -> Iterator[ReportFinding]:
    """Name what a file shows otherwise than its figures, if that can be told."""
    found: list[ShownOtherwise] = []
    if not data.startswith(b"%PDF-"):
        is_page = data.lstrip()[:1] == b"<"
        compare = page_differences if is_page else table_differences
        found = list(compare(data.decode(), expected.decode()))
    for what, shown, right in found[:MOST_DIFFERENCES]:
        why = f"{shown or 'nothing'} in the report, {right or 'nothing'} from the logs"
        yield ReportFinding(ReportFault.PAGE_DIFFERS, what, why)
    if len(found) > MOST_DIFFERENCES:
        why = f"and {len(found) - MOST_DIFFERENCES:,} more places"
        yield ReportFinding(ReportFault.PAGE_DIFFERS, "", why)
    if not found:
        why = "the file is not written as this version writes its figures"
        yield ReportFinding(ReportFault.PAGE_DIFFERS, "", why)
