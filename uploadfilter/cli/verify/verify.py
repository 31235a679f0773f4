"""``uploadfilter verify``: check logs, reports and proofs, wherever they lie."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.files import read_file
from uploadfilter.cli.hashset.generations import verify_reference
from uploadfilter.cli.log.proving import (
    CheckedProof,
    CheckedProofJSON,
    check_proof,
    checked_document,
    checked_lines,
)
from uploadfilter.cli.options import JSONOption, StateOption, state_directory
from uploadfilter.cli.output import (
    FAILED,
    FOUND,
    OK,
    encodable,
    harmless,
    print_json,
    print_text,
)
from uploadfilter.cli.report.making import ProcessesOption, shown_progress
from uploadfilter.cli.verify.findings import FindingJSON, finding_lines
from uploadfilter.cli.verify.logs import (
    CheckedLogJSON,
    LogCheck,
    check_log,
    log_document,
    log_lines,
)
from uploadfilter.cli.verify.places import Places, find_places
from uploadfilter.cli.verify.reports import (
    CheckedReport,
    CheckedReportJSON,
    read_report,
    report_document,
    report_lines,
)
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.decisions.tree.notes import MOST_NOTE_BYTES, Note, TreeHead, Verifier
from uploadfilter.errors import LogCorruptError, UploadFilterError, UsageError
from uploadfilter.reporting.verifying import report_days, verify_report

_NO_SUCH_LOG: Final = (
    "Name the folder of that log, too. If all logs are named, it was removed, or its "
    "tree was replaced by one with another key: ask the operator."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The keys and checkpoints that a person kept elsewhere."""

    keys: Collection[str]
    notes: Mapping[str, Note]
    checkpoint: Checkpoint | None


class NotCheckedJSON(Struct):
    """A file that could not be checked."""

    path: str
    why: str
    todo: str


class ChecksJSON(Struct):
    """Everything that was checked."""

    ok: bool
    logs: list[CheckedLogJSON]
    reports: list[CheckedReportJSON]
    proofs: list[CheckedProofJSON]
    findings: list[FindingJSON]
    not_checked: list[NotCheckedJSON]


@dataclass(slots=True, kw_only=True)
class Checks:
    """Everything that was checked."""

    logs: list[LogCheck] = field(default_factory=list)
    reports: list[CheckedReport] = field(default_factory=list)
    proofs: list[CheckedProof] = field(default_factory=list)
    findings: list[FindingJSON] = field(default_factory=list)
    not_checked: dict[str, UploadFilterError] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """1 if there is a finding, else 2 if something could not be checked."""
        is_found = any(it.count for it in self.logs) or bool(self.findings)
        is_proved = all(it.ok for it in self.proofs)
        if is_found or not is_proved or not all(it.check.ok for it in self.reports):
            return FOUND
        return FAILED if self.not_checked else OK


def verify_command(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Logs, reports, proofs, or folders that hold some, such as a state "
            "directory or a copy of one.  [default: every log of the state directory]",
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The public key of a log, which you kept: NAME+ID+KEY. May be "
            "repeated.",
        ),
    ] = None,
    witness: Annotated[
        list[Path] | None,
        typer.Option(
            "--witness",
            metavar="FILE",
            help="A signed checkpoint that was kept elsewhere, which its log must "
            "continue. May be repeated.",
        ),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="COUNT:HASH",
            help="A checkpoint of one log, from the operational log.",
        ),
    ] = None,
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="Check every byte of the reference set instead, and a sample of "
            "queries.",
        ),
    ] = False,
    jobs: ProcessesOption = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Check that no record was changed, lost, added or moved, and no report lies.

    Of a log, the chain of its records and the tree that is there are computed again. Of
    a report, every figure is computed again from the logs that are named with it. The
    proof of a decision needs no log, only its key. Exit code 0 if all is verified, 1 if
    there are findings, 2 if something could not be checked. It may run beside the
    service.

    **Examples**

        uploadfilter verify /tmp/log --key "$(cat kept.key)" --witness january

        uploadfilter verify q3.html north/log south/log

        uploadfilter verify d.tlog-proof --key "$(cat kept.key)"
    """
    if reference:
        if paths:
            raise UsageError(
                "--reference is of the state directory, and takes no path",
                hint="Name another state directory with --state.",
            )
        verify_reference(state, json=json)
        return
    places = _places(paths, state)
    if checkpoint is not None and len(places.logs) != 1:
        raise UsageError(
            f"--checkpoint is of one log, and there are {len(places.logs)}",
            hint="Name the folder of its log.",
        )
    kept = Kept(
        keys=[_key(it) for it in key or ()],
        notes={str(it): _note(it) for it in witness or ()},
        checkpoint=None if checkpoint is None else Checkpoint.parse(checkpoint),
    )
    checks = _check(places, kept, jobs=jobs)
    if json:
        print_json(_document(checks))
    else:
        print_text(*_lines(checks))
    raise typer.Exit(checks.exit_code)


def _places(paths: Sequence[Path] | None, state: Path | None) -> Places:
    """Return what to check; a report alone is of the logs of the state directory."""
    places = find_places(paths or ())
    if not places.logs and (places.reports or not places.proofs):
        try:
            places.logs = find_places([state_directory(state)]).logs
        except UsageError as exc:
            what = "the log of the report" if places.reports else "what to check"
            raise UsageError(
                f"no path names {what}, and {exc}",
                hint="Name the folders of logs; a copy of a log will do.",
            ) from exc
    return places


def _check(places: Places, kept: Kept, *, jobs: int | None) -> Checks:
    checks = Checks()
    origins = {path: _origin(path) for path in places.logs}
    for path, origin in origins.items():
        notes = [it for it in kept.notes.values() if _names(it, origin, origins)]
        try:
            check = check_log(
                path, checkpoint=kept.checkpoint, witnessed=notes, keys=kept.keys
            )
        except UploadFilterError as exc:
            checks.not_checked[str(path)] = exc
        else:
            checks.logs.append(check)
            if check.signature_gap is not None:
                checks.not_checked[str(path)] = check.signature_gap
    checks.findings += _findings(kept, checks.logs, origins)
    for path in places.reports:
        try:
            checks.reports.append(_check_report(path, places.logs, kept, jobs=jobs))
        except UploadFilterError as exc:
            checks.not_checked[str(path)] = exc
    for path in places.proofs:
        try:
            checks.proofs.append(check_proof(path, kept.keys))
        except UploadFilterError as exc:
            checks.not_checked[str(path)] = exc
    return checks


def _check_report(
    path: Path, logs: Sequence[Path], kept: Kept, *, jobs: int | None
) -> CheckedReport:
    data = read_report(path)
    with shown_progress(logs, report_days(data), jobs=jobs) as options:
        check = verify_report(data, logs, options, keys=kept.keys)
    return CheckedReport(path=path, check=check)


def _origin(path: Path) -> str:
    """Return the name of a log; empty if it has none that can be read."""
    try:
        key = TreeFiles(path).public_key()
    except LogCorruptError:
        return ""
    return "" if key is None else key.name


def _names(note: Note, origin: str, origins: Mapping[Path, str]) -> bool:
    """Return whether a kept checkpoint is about a log; the only log has to answer."""
    return len(origins) == 1 or TreeHead.parse(note.text).origin == origin


def _findings(
    kept: Kept, logs: Sequence[LogCheck], origins: Mapping[Path, str]
) -> list[FindingJSON]:
    """Return the kept keys and checkpoints whose logs are not there."""
    found = []
    for name, note in kept.notes.items():
        if not any(_names(note, origin, origins) for origin in origins.values()):
            origin = TreeHead.parse(note.text).origin
            words = f"no log that was checked is {origin}, of which {name!r} is"
            found.append(FindingJSON("witness_without_log", words, _NO_SUCH_LOG))
    trees = [it.tree for it in logs if it.tree is not None]
    known = {it.key for it in trees}
    # A log with another key is a finding of its own; a proof needs no log.
    if origins and all(it.is_key_kept for it in trees):
        for key in kept.keys:
            if key not in known:
                words = f"no log that was checked has the key {key}"
                found.append(FindingJSON("key_without_log", words, _NO_SUCH_LOG))
    return found


def _key(text: str) -> str:
    try:
        return Verifier.parse(text).text
    except ValueError as exc:
        raise UsageError(
            f"--key: {exc}", hint="It stands in the file 'tree/key' of the log."
        ) from exc


def _note(path: Path) -> Note:
    data = read_file(path, MOST_NOTE_BYTES)
    try:
        note = Note.parse(data)
        TreeHead.parse(note.text)
    except ValueError as exc:
        raise UsageError(
            f"{str(path)!r} is not a signed checkpoint: {exc}",
            hint="Take a copy of the file 'tree/checkpoint' of the log, or what a "
            "witness keeps.",
        ) from exc
    return note


def _document(checks: Checks) -> ChecksJSON:
    return ChecksJSON(
        ok=checks.exit_code == OK,
        logs=[log_document(it) for it in checks.logs],
        reports=[report_document(it) for it in checks.reports],
        proofs=[checked_document(it) for it in checks.proofs],
        findings=checks.findings,
        not_checked=[
            NotCheckedJSON(encodable(path), str(exc), exc.hint)
            for path, exc in checks.not_checked.items()
        ],
    )


def _lines(checks: Checks) -> list[Text]:
    lines: list[Text] = []
    for log in checks.logs:
        lines += log_lines(log)
    for report in checks.reports:
        lines += report_lines(report)
    for proof in checks.proofs:
        lines += checked_lines(proof)
    lines += finding_lines(checks.findings)
    for path, exc in checks.not_checked.items():
        words = f"NOT CHECKED: {path}: {exc}"
        lines += [Text(harmless(words), style="bold red"), Text(f"  {exc.hint}")]
    return lines
