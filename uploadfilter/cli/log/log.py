"""``uploadfilter log``: read the decision log, and check that it is unchanged."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, assert_never

import typer
from rich.text import Text

from uploadfilter.cli.log.lasting import change_words, total_words
from uploadfilter.cli.log.periods import period_words
from uploadfilter.cli.log.proving import (
    KeyOption,
    WitnessOption,
    compared,
    tree_document,
    tree_lines,
)
from uploadfilter.cli.log.verifying import verify_document, verify_lines
from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    log_directory,
    moment,
    present_s,
)
from uploadfilter.cli.output import (
    FOUND,
    NOTHING,
    OK,
    harmless,
    print_json,
    print_text,
    say,
    table,
    write_data,
)
from uploadfilter.cli.shapes import chance_words
from uploadfilter.decisions.files.period import period_of
from uploadfilter.decisions.files.reading import Filters, follow, read
from uploadfilter.decisions.files.verify import verify as check
from uploadfilter.decisions.records.ids import EXAMPLE, written_id
from uploadfilter.decisions.records.lasting import ChangeRecord, TotalRecord
from uploadfilter.decisions.records.records import (
    CanaryRecord,
    Checkpoint,
    CheckpointRecord,
    DecisionRecord,
    MatchRecord,
    OutcomeRecord,
    Record,
    SegmentRecord,
    ShedRecord,
    encode,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.model import Action, MatchKind, Variant, Verdict

POLL_S = 0.5
"""Seconds between two checks for new records: people do not read faster."""

FOLLOWED_BACKLOG = 10
"""Old records that ``--follow`` shows without a limit; ``tail`` shows as many."""

SHOWN_MATCHES = 3
"""Matches of one decision that a table shows; the JSON has all of them."""


class RecordKind(StrEnum):
    """The kinds of records."""

    SEGMENT = "segment"
    DECISION = "decision"
    CANARY = "canary"
    OUTCOME = "outcome"
    CHECKPOINT = "checkpoint"
    SHED = "shed"
    SUMMARY = "summary"
    CHANGE = "change"
    TOTAL = "total"


MomentOption = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="A date, a time, or an age such as 90m or 7d."),
]


_VerdictOption = Annotated[
    Verdict | None,
    typer.Option(case_sensitive=False, help="Only decisions with this verdict."),
]
_ActionOption = Annotated[
    Action | None,
    typer.Option(case_sensitive=False, help="Only decisions with this action."),
]
_WouldOption = Annotated[
    Action | None,
    typer.Option(
        case_sensitive=False,
        help="Only decisions with this action, if every hash set were enforced.",
    ),
]
_IdOption = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="One decision and its outcome; spaces and letter case do not matter.",
    ),
]
_SetOption = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="NAME",
        help="Only decisions with a match of this hash set.",
    ),
]
_MatchOption = Annotated[
    MatchKind | None,
    typer.Option(
        case_sensitive=False, help="Only decisions with a match of this kind."
    ),
]
_RecordsOption = Annotated[
    RecordKind | None,
    typer.Option("--records", "--kind", help="Only records of this kind."),
]
_LimitOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Only the last N records.")
]
_FollowOption = Annotated[
    bool,
    typer.Option(
        "--follow", "-f", help="Show new records as they are written, until Ctrl-C."
    ),
]


def show(
    *,
    since: MomentOption = None,
    until: MomentOption = None,
    verdict: _VerdictOption = None,
    action: _ActionOption = None,
    would: _WouldOption = None,
    decision: _IdOption = None,
    hash_set: _SetOption = None,
    match: _MatchOption = None,
    records: _RecordsOption = None,
    limit: _LimitOption = None,
    following: _FollowOption = False,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Show records: a table on a terminal, otherwise one JSON object a line.

    Exit code 1 if no record fits.

    **Examples**

        uploadfilter log show --since 1d --verdict match

        uploadfilter log show --since 7d --would reject

        uploadfilter log show --since 7d --match altered

        uploadfilter log show --follow --json | jq .verdict
    """
    now = datetime.fromtimestamp(present_s(), UTC)
    directory = log_directory(state, instance)
    filters = Filters(
        since=None if since is None else moment(since, now=now),
        until=None if until is None else moment(until, now=now),
        kind=records,
        id=None if decision is None else _id(decision),
        verdict=verdict,
        action=action,
        would=would,
        set=hash_set,
        match=match,
    )
    as_json = json or not sys.stdout.isatty()
    if following:
        say_period(directory, since=filters.since, until=filters.until)
        follow_log(
            directory,
            filters,
            backlog=limit or FOLLOWED_BACKLOG,
            as_json=as_json,
            wait=pause,
        )
        return
    found = read(directory, filters=filters)
    chosen = found if limit is None else deque(found, maxlen=limit)
    is_there = print_records(chosen, as_json=as_json)
    if not is_there:
        say_nothing(directory)
        if decision is not None:
            say(
                "when one client has very many refused uploads, they are only counted: "
                "see --records summary"
            )
    say_period(directory, since=filters.since, until=filters.until)
    if not is_there:
        raise typer.Exit(NOTHING)


def verify(
    *,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="COUNT:HASH",
            help="A checkpoint that was kept elsewhere; it shows whether the end of "
            "the log was cut off.",
        ),
    ] = None,
    witness: WitnessOption = None,
    key: KeyOption = None,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Check that no record was changed, lost, inserted or moved.

    Lists the missing files, and whether they were due to be deleted. With --witness or
    --key, the log's tree is computed again, too. Exit code 0 if the log is intact, 1 if
    it is damaged.

    **Examples**

        uploadfilter log verify --checkpoint 1042:9f86d081884c7d65...

        uploadfilter log verify --witness checkpoint-of-january
    """
    directory = log_directory(state, instance)
    # In the state directory, each log is in a folder with the name of its proxy.
    name = directory.parent.name
    report = check(
        directory,
        checkpoint=None if checkpoint is None else Checkpoint.parse(checkpoint),
        instance=name,
    )
    tree = compared(directory, witness, key)
    others = other_instances(directory)
    if json:
        document = verify_document(report, others=others)
        print_json({**document, "tree": tree_document(tree)})
    else:
        print_text(*verify_lines(report, others=others), *tree_lines(tree))
    raise typer.Exit(OK if report.ok and (tree is None or tree.ok) else FOUND)


def say_period(
    directory: Path, *, since: datetime | None, until: datetime | None
) -> None:
    """Print on stderr the period that the output covers, and the missing days."""
    period = period_of(directory)
    if period is not None:
        say(period_words(period, since=since, until=until))


def other_instances(directory: Path) -> list[str]:
    """Return the names of the other proxies that have a log in the state directory."""
    found = directory.parent.parent.glob("*/log")
    return sorted(log.parent.name for log in found if log != directory)


def pause() -> bool:
    """Wait until the next check for new records."""
    time.sleep(POLL_S)
    return True


def follow_log(
    directory: Path,
    filters: Filters,
    *,
    backlog: int,
    as_json: bool,
    wait: Callable[[], bool],
) -> None:
    """Print the last records, then each new record once.

    Args:
        directory: The log's directory.
        filters: The records to show.
        backlog: Number of old records that are shown first.
        as_json: Whether to print JSON.
        wait: Called when there is nothing new; returns whether to check again.
    """
    held: deque[Record] | None = deque(maxlen=backlog)

    def caught_up() -> bool:
        nonlocal held
        for record in held or ():
            print_record(record, as_json=as_json)
        held = None
        return wait()

    for record in follow(directory, wait=caught_up, filters=filters):
        if held is None:
            print_record(record, as_json=as_json)
        else:
            held.append(record)


def _id(text: str) -> str:
    """Return the id of a decision, as a person may have noted it.

    Raises:
        typer.Exit: It cannot be an id; a message says so.
    """
    found = written_id(text)
    if found is None:
        say(f"no such record: {text!r} is not the id of a decision, such as {EXAMPLE}")
        raise typer.Exit(NOTHING)
    return found


def say_nothing(directory: Path) -> None:
    """State that the log has no such record, and name the other logs."""
    say("no such record")
    others = other_instances(directory)
    if others:
        names = ", ".join(others)
        say(f"other proxies have their own logs, see --instance: {names}")


def print_records(records: Iterable[Record], *, as_json: bool) -> bool:
    """Print records as JSON lines or as a table; return whether there were any."""
    rest = iter(records)
    first = next(rest, None)
    if first is None:
        return False
    if as_json:
        for record in chain([first], rest):
            print_record(record, as_json=True)
    else:
        rows = map(cells, chain([first], rest))
        print_text(table("time", "record", "what", rows=rows))
    return True


def print_record(record: Record, *, as_json: bool) -> None:
    """Print one record, as its JSON line or as a line of text."""
    if as_json:
        write_data(encode(record) + b"\n")
    else:
        moment_cell, kind, what = cells(record)
        print_text(Text(harmless(f"{moment_cell}  {kind:<10}  {what}")))


def cells(record: Record) -> tuple[str, str, str]:
    """Return the cells of a record's row: its time, its kind, and the rest in words."""
    match record:
        case DecisionRecord():
            what = _decision_words(record)
        case CanaryRecord():
            what = _canary_words(record)
        case OutcomeRecord():
            what = f"{record.decision}: {record.outcome}"
        case CheckpointRecord():
            what = f"{record.count}:{record.head}"
        case ShedRecord():
            words = f"{record.count:,} uploads answered {record.status}"
            what = f"{words}, {record.reason}"
        case SummaryRecord():
            what = _summary_words(record)
        case SegmentRecord():
            what = f"number {record.number} of {record.instance}"
        case ChangeRecord():
            what = change_words(record)
        case TotalRecord():
            what = total_words(record)
        case _:
            assert_never(record)
    kind = str(type(record).__struct_config__.tag)
    return f"{record.time:%Y-%m-%d %H:%M:%S}", kind, what


def _decision_words(record: DecisionRecord) -> str:
    """Return a decision in words: the effect, the reason, and the evidence."""
    effect = f"{record.action}"
    if record.effect is not record.action:
        effect += f" (done: {record.effect})"
    would, _ = record.if_enforced
    if would is not record.action:
        effect += f" (would: {would})"
    words = [record.id, record.verdict, effect]
    if record.reason is not None:
        words.append(record.reason)
    words.append(f"{len(record.contents)} contents, {record.size:,} bytes")
    words.extend(map(_match_words, record.matches[:SHOWN_MATCHES]))
    hidden = len(record.matches) - SHOWN_MATCHES + record.matches_omitted
    if hidden > 0:
        words.append(f"and {hidden} more matches")
    return "  ".join(words)


def _canary_words(record: CanaryRecord) -> str:
    """Return a canary in words: the decision, and the sets that knew it."""
    sets = ", ".join(sorted({it.set for it in record.matches})) or "no set"
    effect = f"would be {record.effect}" if record.status is None else record.effect
    return f"{record.id}  {record.verdict}  {effect}  known to {sets}"


def _summary_words(record: SummaryRecord) -> str:
    """Return a summary in words: the number of uploads, and the reasons."""
    reasons = ", ".join(f"{it.uploads:,} {it.reason}" for it in record.reasons)
    size = sum(row.bytes for row in record.uploads)
    return f"{record.count:,} uploads refused: {reasons}  {size:,} bytes"


def _match_words(match: MatchRecord) -> str:
    words = f"{match.set}/{match.entry} {match.signal_type} {match.distance}"
    if match.variant not in (None, Variant.UPRIGHT):
        words += f" {match.variant}"
    if match.kind is not MatchKind.WITHIN:
        words += f" {match.kind}"
    return words if match.chance is None else f"{words} {chance_words(match.chance)}"
