"""Format the report of a check of the decision log, as JSON and as text."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from uploadfilter.cli.output import harmless
from uploadfilter.decisions.files.gaps import Judged
from uploadfilter.decisions.files.verify import CheckpointState, StepBack, VerifyReport
from uploadfilter.decisions.records.sequence import LogFinding

_CHECKPOINT_WORDS = {
    CheckpointState.CONFIRMED: "confirmed",
    CheckpointState.REFUTED: "REFUTED: this is not the log that it was made from",
    CheckpointState.TOO_OLD: "not checked: it is older than what is kept",
}


SHOWN_NAMES = 3
"""Most files that the text names; the JSON has all of them."""


def verify_document(
    report: VerifyReport, *, others: Sequence[str]
) -> dict[str, object]:
    """Return the report of a check as a JSON object.

    Args:
        report: The report.
        others: Instances of the same state directory that were not checked.
    """
    step = report.step_back
    return {
        "ok": report.ok,
        "segments": report.segments,
        "records": report.records,
        "first": report.first,
        "since": report.since,
        "until": report.until,
        "end": report.end.text(),
        "gaps": [gap_document(judged) for judged in report.gaps],
        "totals": report.totals,
        "totals_checked": report.totals_checked,
        "findings": [
            {
                "problem": finding.problem,
                "segment": finding.place.segment,
                "line": finding.place.line,
                "first": finding.first,
                "last": finding.last,
                "why": finding.why,
            }
            for finding in report.findings
        ],
        "findings_omitted": report.findings_omitted,
        "unfinished_bytes": report.unfinished_bytes,
        "step_back": step
        and {"record": step.record, "time": step.time, "before": step.before},
        "checkpoint": report.checkpoint,
        "not_checked": list(others),
        "not_read": list(report.not_read),
    }


def gap_document(judged: Judged) -> dict[str, object]:
    """Return missing records as a JSON object."""
    gap = judged.gap
    return {
        "first": gap.first,
        "last": gap.last,
        "first_record": gap.first_record,
        "last_record": gap.last_record,
        "since": gap.since,
        "until": gap.until,
        "matches": gap.matches,
        "is_start": gap.is_start,
        "is_proved": judged.is_proved and not judged.why,
        "why": judged.why,
    }


def verify_lines(report: VerifyReport, *, others: Sequence[str]) -> Iterator[Text]:
    """Yield the report of a check as text: the faults, then the summary.

    Args:
        report: The report.
        others: Instances of the same state directory that were not checked.
    """
    for finding in report.findings:
        yield Text(_finding_words(finding), style="bold red")
    if report.findings_omitted:
        yield Text(f"and {report.findings_omitted:,} more", style="bold red")
    yield from _notes(report)
    if others:
        yield Text(harmless(f"not checked: --instance {', '.join(others)}"))
    if report.since is not None:
        yield Text(f"records from {report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}")
    word, style = ("intact", "green") if report.ok else ("DAMAGED", "bold red")
    line = Text(word, style=style)
    yield line.append(
        f": {report.records:,} records in {report.segments:,} segments; "
        f"the end is {report.end.text()}",
        style="default not bold",
    )


def _notes(report: VerifyReport) -> Iterator[Text]:
    """Yield notes that are not damage, but matter."""
    for judged in report.gaps:
        if not judged.why:
            style = "" if judged.is_proved else "yellow"
            yield Text(_gap_words(judged), style=style)
    if report.unfinished_bytes:
        yield Text(
            f"the log ends with {report.unfinished_bytes:,} bytes of an unfinished "
            "record"
        )
    if report.step_back is not None:
        yield Text(_step_words(report.step_back), style="yellow")
    if report.checkpoint is not CheckpointState.NOT_GIVEN:
        yield Text(f"checkpoint: {_CHECKPOINT_WORDS[report.checkpoint]}")
    if report.not_read:
        names = ", ".join(report.not_read[:SHOWN_NAMES])
        count = len(report.not_read)
        files = "1 packed file was" if count == 1 else f"{count:,} packed files were"
        text = f"{files} not checked; unpack to check: {names}"
        yield Text(harmless(text), style="yellow")
    if report.totals:
        yield Text(
            f"totals: {report.totals:,} records, of which {report.totals_checked:,} "
            "were counted again from the records that are there"
        )


def _finding_words(finding: LogFinding) -> str:
    """Return one fault and its place in words."""
    why = f": {finding.why}" if finding.why else ""
    if not finding.place.segment:
        return f"{finding.problem}: there is no record{why}"
    where = f"{finding.place.segment}, line {finding.place.line}"
    if finding.first is None:
        return harmless(f"{finding.problem}: {where}{why}")
    records = f"record {finding.first:,}"
    if finding.last not in (None, finding.first):
        records = f"records {finding.first:,} to {finding.last:,}"
    return harmless(f"{finding.problem}: {records}, at {where}{why}")


def _gap_words(judged: Judged) -> str:
    """Return in words a gap that retention made, or may have made."""
    gap = judged.gap
    where = "at the start, " if gap.is_start else ""
    files = f"file {gap.first}" if gap.first == gap.last else "files"
    if gap.first != gap.last:
        files += f" {gap.first} to {gap.last}"
    since = "" if gap.since is None else f"from {gap.since} "
    what = f"{where}{files} with records {gap.first_record:,} to {gap.last_record:,}"
    words = f"{what}, {since}until {gap.until}, {gap.matches:,} matches"
    if judged.is_proved:
        return f"deleted by retention: {words}"
    return f"gone: {words}; the chain does not prove that these matches were old enough"


def _step_words(step: StepBack) -> str:
    before, time = step.before, step.time
    return (
        f"the clock was set back: record {step.record:,} is of "
        f"{time:%Y-%m-%d %H:%M:%S}, after one of {before:%Y-%m-%d %H:%M:%S}"
    )
