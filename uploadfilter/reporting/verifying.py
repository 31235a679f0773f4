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
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import FORMAT, Document, LogFacts
from uploadfilter.reporting.gathered import (
    IS_DAMAGE,
    LogLack,
    LogStanding,
    ReportDays,
)
from uploadfilter.reporting.gathering import (
    GatherOptions,
    gather,
)
from uploadfilter.reporting.page.numbers import ReportHead, csv_of, head_in
from uploadfilter.reporting.page.pdfs import page_in, pdf_of
from uploadfilter.reporting.page.rendering import data_in, page_of

MOST_BYTES: Final = 256 * 1024 * 1024
"""Largest report that is read: a hundred times the size of any."""

_GROWS: Final = frozenset({LogLack.AFTER_CHECKPOINT, LogLack.UNFINISHED})
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
    FIGURE_DIFFERS = "figure_differs"
    QUERY_DIFFERS = "query_differs"
    PAGE_DIFFERS = "page_differs"


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """One difference.

    Attributes:
        problem: Its kind.
        what: The log, figure or query.
        why: Details in words.
    """

    problem: ReportFault
    what: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCheck:
    """The result of a check.

    Attributes:
        logs: Names of the logs.
        figures: Number of figures that were computed again.
        findings: The differences.
    """

    logs: tuple[str, ...]
    figures: int
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
    again = compose(gathered, head.chosen, program=head.program, made=head.made)
    findings = list(_logs(logs, again.logs, keys))
    if not any(it.problem is ReportFault.LOG_MISSING for it in findings):
        findings += _figures(document, again)
    try:
        # What the logs lack was compared above; a log that grew may say more of it.
        shown = document or msgspec.structs.replace(again, logs=logs)
        is_same = rendered(shown) == data
    except (ValueError, KeyError) as exc:
        raise _no_report(str(exc)) from exc
    if not is_same and (document is not None or not findings):
        why = "it does not show the figures that it holds, or another version made it"
        findings.append(ReportFinding(ReportFault.PAGE_DIFFERS, "", why))
    return ReportCheck(
        logs=tuple(log.label for log in logs),
        figures=len(again.figures),
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
    for lack, _, detail in sorted(after):
        if lack in IS_DAMAGE:
            yield ReportFinding(
                ReportFault.LOG_DAMAGED, told.label, f"{lack} {detail}".strip()
            )
    gone = {it[0] for it in after - before} & _RETENTION
    for lack in sorted(gone):
        yield ReportFinding(ReportFault.RECORDS_GONE, told.label, lack)
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
    """Compare figures and queries."""
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


def _words(figure: object) -> str:
    total = getattr(figure, "total", None)
    if figure is None:
        return "nothing"
    return "hidden" if total is None else f"{total:g}"
