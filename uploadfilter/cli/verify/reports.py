"""Say what the check of one report found."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.files import read_file
from uploadfilter.cli.output import document_of, encodable, harmless
from uploadfilter.cli.verify.findings import (
    FindingJSON,
    finding_lines,
    verdict_line,
)
from uploadfilter.errors import UsageError
from uploadfilter.issuing.wording import counted
from uploadfilter.reporting.page.words import lack_words
from uploadfilter.reporting.verifying import (
    MOST_BYTES,
    ReportCheck,
    ReportFault,
    ReportFinding,
)

_ASK: Final = (
    "Keep the file, and ask who made it. A report made anew from the same logs shows "
    "the right figures."
)
_VERSION: Final = (
    "The report names the version of uploadfilter that made it: another one writes "
    "other pages, and so do other fonts in a PDF."
)
_LOGS: Final = (
    "Name all logs of the report, and no others. If these are all, the log was removed "
    "or written anew since: see its own findings, and ask the operator."
)
_WORDS: Final = {
    ReportFault.LOG_MISSING: "the report counts the log {what}, which is not here",
    ReportFault.LOG_UNKNOWN: "the report does not count the log {what}",
    ReportFault.LOG_DIFFERS: (
        "the log {what} has other records or another checkpoint than the report says"
    ),
    ReportFault.LOG_DAMAGED: "the log {what} is damaged: {why}",
    ReportFault.KEY_UNKNOWN: (
        "the report stands on a checkpoint of {what} whose key you did not keep"
    ),
    ReportFault.NO_CHECKPOINT: (
        "the figures of the log {what} stand on no signed checkpoint"
    ),
    ReportFault.RECORDS_GONE: (
        "records that the report counted are gone from the log {what}: {why}"
    ),
    ReportFault.LEFT_OUT: (
        "the report leaves records out, which the log {what} has signed since: {why}"
    ),
    ReportFault.FIGURE_DIFFERS: "the figure {what} differs: {why}",
    ReportFault.QUERY_DIFFERS: "the texts of the queries differ: {why}",
    ReportFault.PAGE_DIFFERS: "the file shows something else than its figures: {why}",
}
_TODO: Final = {
    ReportFault.LOG_MISSING: _LOGS,
    ReportFault.LOG_UNKNOWN: _LOGS,
    ReportFault.LOG_DIFFERS: (
        "Take the log that the report was made from. If this is it, the log or the "
        "report was changed: keep both, and ask the operator."
    ),
    ReportFault.LOG_DAMAGED: (
        "See the findings of that log. No figure of it is certain."
    ),
    ReportFault.KEY_UNKNOWN: (
        "Compare the key in the report with the one that you kept, and ask the "
        "operator when and why it changed."
    ),
    ReportFault.NO_CHECKPOINT: (
        "Ask the operator for the log with its folder 'tree', and for a new report."
    ),
    ReportFault.RECORDS_GONE: (
        "Check the report with a copy of the log from the time when it was made."
    ),
    ReportFault.LEFT_OUT: "Ask for a report that is made now, and compare the figures.",
    ReportFault.FIGURE_DIFFERS: _ASK,
    ReportFault.QUERY_DIFFERS: _VERSION,
    ReportFault.PAGE_DIFFERS: f"{_ASK} {_VERSION}",
}


class ReportFindingJSON(FindingJSON):
    """A fault of a report."""

    what: str
    why: str


class CheckedReportJSON(Struct):
    """The check of a report."""

    report: str
    ok: bool
    logs: list[str]
    figures: int
    left_out: dict[str, int]
    findings: list[ReportFindingJSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedReport:
    """The check of one report."""

    path: Path
    check: ReportCheck

    @property
    def findings(self) -> list[ReportFindingJSON]:
        """The findings in words."""
        return [_finding(it) for it in self.check.findings]


def report_document(report: CheckedReport) -> CheckedReportJSON:
    """Return the check of a report as a document."""
    left_out = {log: lack.number for log, lack in report.check.left_out.items()}
    return document_of(
        CheckedReportJSON,
        report.check,
        report=encodable(str(report.path)),
        left_out=left_out,
        findings=report.findings,
    )


def report_lines(report: CheckedReport) -> Iterator[Text]:
    """Yield the check of a report as text."""
    check = report.check
    details = f"{counted(check.figures, 'figure')} from {', '.join(check.logs)}"
    yield verdict_line(str(report.path), len(check.findings), details)
    yield from finding_lines(report.findings)
    for log, lack in check.left_out.items():
        yield Text(harmless(f"{log}: {lack_words(*lack)}"), style="yellow")


def read_report(path: Path) -> bytes:
    """Return the content of a report."""
    hint = "Name the file that 'uploadfilter report' wrote."
    data = read_file(path, MOST_BYTES, hint=hint)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{str(path)!r} is larger than any report")
    return data


def _finding(finding: ReportFinding) -> ReportFindingJSON:
    problem, why = finding.problem, finding.why
    if finding.lack is not None:
        why = lack_words(*finding.lack)
    elif problem is ReportFault.PAGE_DIFFERS and finding.what:
        why = f"{finding.what}: {why}"
    words = _WORDS[problem].format(what=finding.what, why=why)
    return ReportFindingJSON(problem, words, _TODO[problem], finding.what, finding.why)
