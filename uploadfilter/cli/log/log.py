"""``uploadfilter log show``: read the decision log."""

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.log.periods import period_words
from uploadfilter.cli.log.showing import (
    RecordForm,
    print_header,
    print_record,
    print_records,
)
from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    log_directory,
    moment,
    now,
)
from uploadfilter.cli.output import NOTHING, say
from uploadfilter.decisions.files.period import period_of
from uploadfilter.decisions.files.reading import Filters, follow, read
from uploadfilter.decisions.records.ids import EXAMPLE, written_id
from uploadfilter.decisions.records.records import Record
from uploadfilter.errors import UsageError
from uploadfilter.model import Action, MatchKind, Verdict

POLL_S = 0.5
"""Seconds between two checks for new records: people do not read faster."""

FOLLOWED_BACKLOG = 10
"""Old records that ``--follow`` shows without a limit; ``tail`` shows as many."""


class RecordKind(StrEnum):
    """The kinds of records."""

    SEGMENT = "segment"
    DECISION = "decision"
    CANARY = "canary"
    OUTCOME = "outcome"
    COPY = "copy"
    UNSEARCHED = "unsearched"
    CHECKPOINT = "checkpoint"
    SHED = "shed"
    SUMMARY = "summary"
    CHANGE = "change"
    TOTAL = "total"


MomentOption = Annotated[
    str | None,
    typer.Option(metavar="MOMENT", help="A date, a time, or an age such as 90m or 7d."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The options that say which records are shown."""

    since: MomentOption = None
    until: MomentOption = None
    verdict: Annotated[
        Verdict | None,
        typer.Option(case_sensitive=False, help="Only decisions with this verdict."),
    ] = None
    action: Annotated[
        Action | None,
        typer.Option(case_sensitive=False, help="Only decisions with this action."),
    ] = None
    would: Annotated[
        Action | None,
        typer.Option(
            case_sensitive=False,
            help="Only decisions with this action, if every hash set were enforced.",
        ),
    ] = None
    decision: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="One decision and its outcome; spaces and letter case do not matter.",
        ),
    ] = None
    hash_set: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME",
            help="Only decisions with a match of this hash set.",
        ),
    ] = None
    match: Annotated[
        MatchKind | None,
        typer.Option(
            case_sensitive=False, help="Only decisions with a match of this kind."
        ),
    ] = None
    records: Annotated[
        RecordKind | None,
        typer.Option("--records", "--kind", help="Only records of this kind."),
    ] = None

    def filters(self, *, is_narrow: bool) -> Filters:
        """Return the filters; with ``is_narrow`` only decisions pass them."""
        return Filters(
            since=None if self.since is None else moment(self.since, now=now()),
            until=None if self.until is None else moment(self.until, now=now()),
            kind=RecordKind.DECISION if is_narrow else self.records,
            id=None if self.decision is None else _id(self.decision),
            verdict=self.verdict,
            action=self.action,
            would=self.would,
            set=self.hash_set,
            match=self.match,
        )


_AllOption = Annotated[
    bool, typer.Option("--all", help="On a terminal, show records of every kind.")
]
_CSVOption = Annotated[
    bool, typer.Option("--csv", help="Print decisions as CSV, with a heading.")
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
    selection: Selection,
    *,
    limit: _LimitOption = None,
    following: _FollowOption = False,
    every_kind: _AllOption = False,
    csv: _CSVOption = False,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Show decisions as a table on a terminal, else all records as JSON lines.

    Exit code 1 if no record fits.

    **Examples**

        uploadfilter log show --since 1d --verdict match

        uploadfilter log show --since 7d --would reject

        uploadfilter log show --since 7d --match altered

        uploadfilter log show --since 7d --csv > week.csv

        uploadfilter log show --follow --json | jq .verdict
    """
    decision, records = selection.decision, selection.records
    is_one = decision is not None or records is not None
    form = _form(json=json, csv=csv, every_kind=every_kind or is_one)
    if csv and records not in (None, RecordKind.DECISION):
        raise UsageError(
            f"--csv shows decisions, and not records of kind {records.value!r}",
            hint="Give --json instead: it shows records of every kind.",
        )
    # The last N are the last N of those that are shown.
    is_narrow = csv or (form is RecordForm.DECISIONS and bool(limit or following))
    directory = log_directory(state, instance)
    filters = selection.filters(is_narrow=is_narrow)
    if following:
        say_period(directory, since=filters.since, until=filters.until)
        follow_log(
            directory, filters, backlog=limit or FOLLOWED_BACKLOG, form=form, wait=pause
        )
        return
    found = read(directory, filters=filters)
    chosen = found if limit is None else deque(found, maxlen=limit)
    is_there = print_records(chosen, form)
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


def say_period(
    directory: Path, *, since: datetime | None, until: datetime | None
) -> None:
    """Print on stderr the period that the output covers, and the missing days."""
    period = period_of(directory)
    if period is not None:
        say(period_words(period, since=since, until=until))


def other_instances(directory: Path) -> list[str]:
    """Return the names of the other proxies that have a log in the state directory."""
    # A copy of a log lies elsewhere, and has none beside it.
    found = directory.parent.parent.parent.glob("instances/*/log")
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
    form: RecordForm,
    wait: Callable[[], bool],
) -> None:
    """Print the last records, then each new record once."""
    held: deque[Record] | None = deque(maxlen=backlog)

    print_header(form)

    def caught_up() -> bool:
        nonlocal held
        for record in held or ():
            print_record(record, form)
        held = None
        return wait()

    for record in follow(directory, wait=caught_up, filters=filters):
        if held is None:
            print_record(record, form)
        else:
            held.append(record)


def _form(*, json: bool, csv: bool, every_kind: bool) -> RecordForm:
    if json and csv:
        raise UsageError(
            "--json and --csv contradict each other", hint="Give one of them."
        )
    if csv:
        return RecordForm.CSV
    if json or not sys.stdout.isatty():
        return RecordForm.JSON
    return RecordForm.RECORDS if every_kind else RecordForm.DECISIONS


def _id(text: str) -> str:
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
