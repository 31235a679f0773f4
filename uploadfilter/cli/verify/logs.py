"""Check one decision log: its chain, and the tree that is there."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.output import document_of, encodable, harmless
from uploadfilter.cli.verify.findings import (
    FindingJSON,
    finding_lines,
    verdict_line,
)
from uploadfilter.cli.verify.places import instance_of
from uploadfilter.decisions.files.gaps import Gap, Judged
from uploadfilter.decisions.files.proving import (
    LATE_MINUTES,
    TreeFault,
    TreeFinding,
    TreeReport,
    compare,
)
from uploadfilter.decisions.files.verify import (
    CheckpointState,
    StepBack,
    VerifyReport,
    verify,
)
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.decisions.records.sequence import LogFault, LogFinding
from uploadfilter.decisions.tree.notes import Note, write_hash
from uploadfilter.errors import LogError
from uploadfilter.issuing.wording import counted

SHOWN_NAMES: Final = 3
"""Most files that the text names; the JSON has all of them."""

_ASK: Final = (
    "Keep the log as it is, and ask the operator for these records, and what happened. "
    "A copy or a checkpoint that you kept shows which records are as they were."
)
_COPY: Final = (
    "If the log was copied while the proxy wrote, copy its *.jsonl files once more and "
    "check again. Otherwise its newest records were removed: ask the operator for them."
)
_WRITTEN_ANEW: Final = (
    "The log was written anew, or was set back to an older copy. Keep the log and the "
    "checkpoint, and ask the operator which of the two happened."
)
_TREE: Final = (
    "Ask the operator for the folder 'tree' of the log as it is now, or from a backup. "
    "Without it nothing that was signed shows that the log is whole."
)

_UNSIGNED: Final = (
    "A proxy signs each minute, and after a crash as soon as it runs again: copy the "
    "log once more, with its folder 'tree'. If nothing changes, ask the operator for "
    "that folder: it was removed, or is an older copy."
)

_FAULTS: Final = {
    LogFault.CHANGED: ("{records} changed", _ASK),
    LogFault.MISSING: ("{records} missing", _ASK),
    LogFault.INSERTED: ("{records} put in, which do not belong there", _ASK),
    LogFault.REORDERED: ("{records} not in their place", _ASK),
    LogFault.CUT_OFF: ("the end was cut off: {records} missing", _COPY),
    LogFault.MISCOUNTED: ("{records} stating other counts than the records have", _ASK),
    LogFault.FOREIGN: (
        "this is the log of another proxy",
        "Check which log was put into this folder.",
    ),
    LogFault.EMPTY: (
        "there is no record, so nothing was checked",
        "Check the path. If the proxy has run, its log was removed: ask the operator.",
    ),
    LogFault.UNREADABLE: (
        "the file is damaged from {records} on",
        "Ask the operator for this file from a copy; the rest of it was not checked.",
    ),
}

_TODO: Final = {
    TreeFault.ABSENT: _TREE,
    TreeFault.DAMAGED: _TREE,
    TreeFault.TILE: _TREE,
    TreeFault.ROOT: _TREE,
    TreeFault.BEHIND: (
        "A proxy signs each minute. Ask the operator for the newest folder 'tree': "
        "this one is an older copy, or the proxy could not sign (event "
        "'tree_unsigned'). A report on this checkpoint leaves those records out."
    ),
    TreeFault.RECORD: _ASK,
    TreeFault.SHORT: _COPY,
    TreeFault.FORKED: _WRITTEN_ANEW,
    TreeFault.REWOUND: (
        "The log and its tree were set back, or copied before that checkpoint: copy "
        "the log again. If it is the same, keep it, and ask the operator for the rest."
    ),
    TreeFault.STRANGER: (
        "Compare the file 'tree/key' with the key that you kept. A new key is a new "
        "history: ask the operator when and why it was made. Or this is another log."
    ),
}

_CHECKPOINT_WORDS: Final = {
    CheckpointState.CONFIRMED: "confirmed",
    CheckpointState.REFUTED: "REFUTED: this is not the log that it was made from",
    CheckpointState.TOO_OLD: "not checked: it is older than the records that are there",
}


class ChainFindingJSON(FindingJSON):
    """A fault of the chain of a log."""

    segment: str
    line: int | None
    first: int | None
    last: int | None
    why: str


class TreeFindingJSON(FindingJSON):
    """A fault of the tree of a log."""

    segment: str | None
    record: int | None
    last: int | None
    why: str


class GapJSON(Struct):
    """Segments that are missing."""

    first: int
    last: int
    first_record: int
    last_record: int
    since: date | None
    until: date
    matches: int
    is_start: bool
    is_proved: bool
    why: str


class CheckedTreeJSON(Struct):
    """The check of a tree."""

    ok: bool
    origin: str
    key: str
    is_key_kept: bool | None
    first: int
    size: int
    root: str
    checked: int
    after: int
    witnessed: list[int]
    findings: list[TreeFindingJSON]
    findings_omitted: int


class CheckedLogJSON(Struct):
    """The check of a log."""

    log: str
    ok: bool
    segments: int
    records: int
    first: int
    since: datetime | None
    until: datetime | None
    end: str
    gaps: list[GapJSON]
    totals: int
    totals_checked: int
    findings: list[ChainFindingJSON]
    findings_omitted: int
    unfinished_bytes: int
    step_back: StepBack | None
    checkpoint: str
    not_read: list[str]
    tree: CheckedTreeJSON | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """The check of one log."""

    path: Path
    chain: VerifyReport
    tree: TreeReport | None

    @property
    def findings(self) -> list[FindingJSON]:
        """The findings, those of the chain first."""
        return [*self.of_chain, *self.of_tree]

    @property
    def of_chain(self) -> list[ChainFindingJSON]:
        """The findings of the chain."""
        return [_chain_finding(it, self.chain.gaps) for it in self.chain.findings]

    @property
    def of_tree(self) -> list[TreeFindingJSON]:
        """The findings of the tree."""
        found = () if self.tree is None else self.tree.findings
        return [_tree_finding(it, self.chain) for it in found]

    @property
    def verdict(self) -> str:
        """The verdict without a finding."""
        if self.tree is None:
            return "chain verified, nothing signed"
        last = self.tree.first + self.tree.size - 1
        return f"verified up to record {last:,}" if self.tree.after else "verified"

    @property
    def signature_gap(self) -> LogError | None:
        """The records that only the chain holds, though a proxy would have signed."""
        if self.count:
            return None
        tree, chain = self.tree, self.chain
        if tree is not None:
            last = tree.first + tree.size - 1
            words = f"the {counted(tree.after, 'record')} after record {last:,}, the "
            words += "last one that was signed, can be removed or written anew"
            return LogError(words, hint=_UNSIGNED) if tree.is_late else None
        if chain.since is None or chain.until is None:
            return None
        if chain.until - chain.since <= timedelta(minutes=LATE_MINUTES):
            return None
        words = "there is no tree: all its records can be removed or written anew"
        return LogError(words, hint=_UNSIGNED)

    @property
    def count(self) -> int:
        """The number of findings, with those that were not kept."""
        tree = 0 if self.tree is None else self.tree.findings_omitted
        return len(self.findings) + self.chain.findings_omitted + tree


def check_log(
    path: Path,
    *,
    checkpoint: Checkpoint | None,
    witnessed: Sequence[Note],
    keys: Collection[str],
) -> LogCheck:
    """Check a log."""
    # The tree first: what a running proxy writes meanwhile comes after its checkpoint.
    tree = compare(path, witnessed=witnessed, keys=keys)
    chain = verify(path, checkpoint=checkpoint, instance=instance_of(path))
    return LogCheck(path=path, chain=chain, tree=tree)


def log_document(check: LogCheck) -> CheckedLogJSON:
    """Return the check of a log as a document."""
    report, tree = check.chain, check.tree
    gaps = [
        document_of(GapJSON, it.gap, is_proved=it.is_proved and not it.why, why=it.why)
        for it in report.gaps
    ]
    return document_of(
        CheckedLogJSON,
        report,
        log=encodable(str(check.path)),
        ok=not check.count,
        end=report.end.text(),
        gaps=gaps,
        findings=check.of_chain,
        tree=tree
        and document_of(
            CheckedTreeJSON, tree, root=write_hash(tree.root), findings=check.of_tree
        ),
    )


def log_lines(check: LogCheck) -> Iterator[Text]:
    """Yield the check of a log as text: the verdict, the findings, and notes."""
    report = check.chain
    time = ""
    if report.since is not None and report.until is not None:
        time = f" from {report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    yield verdict_line(
        str(check.path),
        check.count,
        f"{counted(report.records, 'record')} in "
        f"{counted(report.segments, 'file')}{time}; the end is {report.end.text()}",
        verified=check.verdict,
    )
    yield from finding_lines(check.findings)
    yield from _notes(report)
    if check.tree is not None or check.signature_gap is None:
        yield _tree_line(check.tree)


def _notes(report: VerifyReport) -> Iterator[Text]:
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


def _tree_line(tree: TreeReport | None) -> Text:
    """Return in words which records were signed, and by whose key."""
    if tree is None:
        words = (
            "no tree: nothing that was signed shows whether the newest records were "
            "removed. A proxy makes a tree in its first minute."
        )
        return Text(words, style="yellow")
    if not tree.origin:
        return Text("the tree could not be checked", style="yellow")
    words = f"signed up to record {tree.first + tree.size - 1:,} by {tree.origin}, "
    words += f"{tree.checked:,} of {tree.size:,} records hashed again"
    if tree.after:
        words += (
            f"; {counted(tree.after, 'record')} after it, which no signature covers"
        )
    if tree.witnessed:
        sizes = ", ".join(f"{size:,}" for size in tree.witnessed)
        words += f"; continues checkpoints of {sizes} records"
    if tree.is_key_kept:
        return Text(harmless(f"{words}; by a key that you kept"))
    words += (
        ". The key stands beside the log and is not one that you kept; a person who "
        "wrote the log anew could have replaced it. Keep tree/key, and give it by --key"
    )
    return Text(harmless(words), style="yellow")


def _chain_finding(finding: LogFinding, gaps: Sequence[Judged]) -> ChainFindingJSON:
    """Return a finding about records in words: which records, where and when."""
    template, todo = _FAULTS[finding.problem]
    words = template.format(records=_records_words(finding))
    if finding.place.segment:
        words += f", at {finding.place.segment}, line {finding.place.line}"
    gap = next(
        (
            judged.gap
            for judged in gaps
            if finding.problem is LogFault.MISSING
            and judged.why == finding.why
            and judged.gap.first_record == finding.first
        ),
        None,
    )
    if gap is not None:
        words += f" ({_files_words(gap)})"
    if finding.why:
        words += f": {finding.why}"
    return document_of(
        ChainFindingJSON,
        finding,
        words=words,
        todo=todo,
        segment=finding.place.segment,
        line=finding.place.line,
    )


def _records_words(finding: LogFinding) -> str:
    if finding.first is None:
        return "a line is"
    if finding.last in (None, finding.first):
        return f"record {finding.first:,} is"
    return f"records {finding.first:,} to {finding.last:,} are"


def _tree_finding(finding: TreeFinding, chain: VerifyReport) -> TreeFindingJSON:
    words = finding.why
    if finding.problem is TreeFault.SHORT and chain.until is not None:
        words += f"; the last record that is there is of {chain.until:%Y-%m-%d %H:%M}"
        words += " UTC"
    if finding.segment:
        words += f" (in {finding.segment})"
    todo = _TODO[finding.problem]
    return document_of(TreeFindingJSON, finding, words=words, todo=todo)


def _files_words(gap: Gap) -> str:
    files = f"file {gap.first}" if gap.first == gap.last else "files"
    if gap.first != gap.last:
        files += f" {gap.first} to {gap.last}"
    since = "" if gap.since is None else f"from {gap.since} "
    return f"{files}, {since}until {gap.until}"


def _gap_words(judged: Judged) -> str:
    """Return in words a gap that retention made, or may have made."""
    gap = judged.gap
    where = "at the start, " if gap.is_start else ""
    records = f"records {gap.first_record:,} to {gap.last_record:,}"
    words = f"{where}{records}, {gap.matches:,} matches ({_files_words(gap)})"
    if judged.is_proved:
        return f"deleted by retention: {words}"
    return f"gone: {words}; the chain does not prove that these matches were old enough"


def _step_words(step: StepBack) -> str:
    before, time = step.before, step.time
    return (
        f"the clock was set back: record {step.record:,} is of "
        f"{time:%Y-%m-%d %H:%M:%S}, after one of {before:%Y-%m-%d %H:%M:%S}"
    )
