"""``uploadfilter objection``: decide objections, keep reviewers, write statements."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import (
    ConfigOption,
    JSONOption,
    StateOption,
    config_file,
    present_s,
    state_directory,
)
from uploadfilter.cli.output import print_json, print_text, say, table
from uploadfilter.decisions.files.reading import Filters, read
from uploadfilter.decisions.records.ids import written_id
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.errors import UsageError
from uploadfilter.objecting.cases import Objection, ObjectionState
from uploadfilter.objecting.deciding import Decider
from uploadfilter.objecting.finding import found_records, logs_of
from uploadfilter.objecting.keeping import FILE, ObjectionStore
from uploadfilter.objecting.keyfile import objection_directory
from uploadfilter.objecting.reviewers import FILE as ACCOUNTS
from uploadfilter.objecting.reviewers import Reviewers
from uploadfilter.objecting.statement import (
    MOST_IN_ONE_CALL,
    StatementSettings,
    needs_statement,
    statement_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTED: Final = 1000

DecisionArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The number of the decision.")
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of the reviewer.")
]


def list_command(
    *,
    decided: Annotated[
        bool, typer.Option("--decided", help="List decided ones instead.")
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """List the objections that wait for a decision, the oldest first.

    **Example**

        uploadfilter objection list
    """
    states = frozenset(it for it in ObjectionState if it.is_decided == decided)
    with _store(state_directory(state)) as store:
        found = store.listed(states=states, most=_LISTED)
    if json:
        for it in found:
            print_json(_document(it))
        return
    rows = [
        (it.decision, _when(it.received_s), _when(it.deadline_s), it.state.value)
        for it in found
    ]
    print_text(table("decision", "came (UTC)", "decide by", "state", rows=rows))


def show_command(decision: DecisionArgument, *, state: StateOption = None) -> None:
    """Show one objection as JSON, with its text and the matches of the upload.

    **Example**

        uploadfilter objection show 20261125-0123456789abcdef0123
    """
    with _store(state_directory(state)) as store:
        print_json(_document(_found(store, decision)))


def decide_command(
    decision: DecisionArgument,
    outcome: Annotated[
        str,
        typer.Argument(metavar="OUTCOME", help="denied, granted, suppressed or asked."),
    ],
    *,
    by: Annotated[
        str,
        typer.Option("--by", metavar="WHO", help="Who decides: account or initials."),
    ],
    entry: Annotated[
        str | None,
        typer.Option(
            metavar="SET/ENTRY",
            help="The entry that is switched off.  [default: the only one]",
            show_default=False,
        ),
    ] = None,
    answer: Annotated[
        str, typer.Option(metavar="TEXT", help="What the uploader is told besides.")
    ] = "",
    state: StateOption = None,
) -> None:
    """Decide an objection, as the page of reviewers does.

    **Example**

        uploadfilter objection decide 20261125-0123456789abcdef0123 denied --by ab
    """
    place = state_directory(state)
    try:
        wanted = ObjectionState(outcome)
    except ValueError as exc:
        raise UsageError(
            f"{outcome!r} is no outcome",
            hint="Outcomes are denied, granted, suppressed and asked.",
        ) from exc
    if wanted in {ObjectionState.RECEIVED, ObjectionState.WITHDRAWN}:
        raise UsageError(
            f"nobody decides that an objection is {outcome!r}",
            hint="Outcomes are denied, granted, suppressed and asked.",
        )
    with _store(place) as store:
        before = _found(store, decision)
        Decider(store, state=place, now=present_s).decide(
            before,
            wanted,
            reviewer=by,
            answer=answer,
            chosen=_chosen(before, entry) if wanted.needs_entry else None,
        )
    say(f"{before.decision}: {wanted.value}", style="green")


def add_reviewer_command(name: NameArgument, *, state: StateOption = None) -> None:
    """Add a reviewer, or give one a new password; it is asked for, or read from stdin.

    **Example**

        uploadfilter objection add-reviewer anna
    """
    place = state_directory(state)
    password = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    become_owner(place)
    is_new = Reviewers(objection_directory(place) / ACCOUNTS).add(name, password)
    say(f"{name} is a reviewer" if is_new else f"{name} has a new password")


def remove_reviewer_command(name: NameArgument, *, state: StateOption = None) -> None:
    """Remove a reviewer; open sessions end at once.

    **Example**

        uploadfilter objection remove-reviewer anna
    """
    place = state_directory(state)
    become_owner(place)
    Reviewers(objection_directory(place) / ACCOUNTS).remove(name)
    say(f"{name} is no reviewer any more")


def reviewers_command(*, state: StateOption = None) -> None:
    """List the names of the reviewers.

    **Example**

        uploadfilter objection reviewers
    """
    place = state_directory(state)
    for name in Reviewers(objection_directory(place) / ACCOUNTS).names():
        print_text(Text(name))


def statement_command(
    decision: DecisionArgument,
    *,
    config_path: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Print the statement of reasons of a rejection, in the EU's public schema.

    **Example**

        uploadfilter objection statement 20261125-0123456789abcdef0123
    """
    place, settings = state_directory(state), _texts(config_path)
    become_owner(place)
    known = _id(decision)
    found = next(found_records(place, {known}), None)
    if found is None or not needs_statement(found.record):
        raise UsageError(
            f"there is no record of a rejected upload {known!r}",
            hint="'uploadfilter log show' lists the decisions that the log has.",
        )
    print_json(statement_of(found.record, settings, ended=_ended(place, known)))


def statements_command(
    *,
    since: Annotated[
        str, typer.Option("--from", metavar="DAY", help="First day, UTC.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, UTC.")],
    config_path: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Print the statements of reasons of a period, from the logs of all proxies.

    Each line is one call of the EU's transparency database: at most 100 statements.

    **Example**

        uploadfilter objection statements --from 2026-11-01 --to 2026-11-30
    """
    place, settings = state_directory(state), _texts(config_path)
    become_owner(place)
    records = _rejections(place, _day(since), _day(to))
    made = (
        statement_of(record, settings, ended=_ended(place, record.id))
        for record in records
    )
    while batch := list(islice(made, MOST_IN_ONE_CALL)):
        print_json({"statements": batch})


def _rejections(state: Path, since: date, to: date) -> "Iterator[DecisionRecord]":
    filters = Filters(
        since=datetime.combine(since, time(), UTC),
        until=datetime.combine(to + timedelta(days=1), time(), UTC),
        kind="decision",
    )
    for log in logs_of(state).values():
        for record in read(log, filters=filters):
            if isinstance(record, DecisionRecord) and needs_statement(record):
                yield record


def _ended(state: Path, decision: str) -> datetime | None:
    """Return when an objection ended the rejection; ``None`` if none did."""
    path = objection_directory(state) / FILE
    if not path.exists():
        return None
    with ObjectionStore(path) as store:
        found = store.get(decision)
    if found is None or found.state in {ObjectionState.RECEIVED, ObjectionState.DENIED}:
        return None
    return datetime.fromtimestamp(found.changed_s, UTC)


def _texts(config_path: Path | None) -> StatementSettings:
    """Return the texts of statements: those of the file, if there is one."""
    # The configuration's libraries take as long to load as everything else together.
    import os  # noqa: PLC0415 -- beside its only use

    from uploadfilter import config  # noqa: PLC0415 -- as said above
    from uploadfilter.cli.places import default_place  # noqa: PLC0415 -- the same

    path = config_file(config_path)
    if path is None:
        return StatementSettings()
    loaded = config.load(
        path,
        overrides={},
        default_state=default_place(path).path,
        environ=dict(os.environ),
    )
    return loaded.statements


def _store(state: Path) -> ObjectionStore:
    path = objection_directory(state) / FILE
    if not path.exists():
        raise UsageError(
            f"there are no objections in {str(state)!r}",
            hint="'uploadfilter forms' makes the store; see --state.",
        )
    # SQLite makes files beside it, also for a reader.
    become_owner(state)
    return ObjectionStore(path)


def _found(store: ObjectionStore, decision: str) -> Objection:
    known = _id(decision)
    found = store.get(known)
    if found is None:
        raise UsageError(
            f"nobody has objected to {known!r}",
            hint="'uploadfilter objection list' lists the objections.",
        )
    return found


def _id(text: str) -> str:
    known = written_id(text)
    if known is None:
        raise UsageError(
            f"{text!r} is not the number of a decision",
            hint="It begins with the day, such as 20261125-0123456789abcdef0123.",
        )
    return known


def _chosen(found: Objection, entry: str | None) -> tuple[str, str] | None:
    known: Iterable[tuple[str, str]] = [(it.set, it.entry) for it in found.evidence]
    pairs = dict.fromkeys(known)
    if entry is None:
        return next(iter(pairs)) if len(pairs) == 1 else None
    return next((it for it in pairs if "/".join(it) == entry), None)


def _document(it: Objection) -> dict[str, object]:
    return {
        "decision": it.decision,
        "received": datetime.fromtimestamp(it.received_s, UTC),
        "deadline": datetime.fromtimestamp(it.deadline_s, UTC),
        "state": it.state,
        "since": datetime.fromtimestamp(it.changed_s, UTC),
        "reviewer": it.reviewer,
        "text": it.text,
        "answer": it.answer,
        "language": it.language,
        "about": None if it.chosen is None else "/".join(it.chosen),
        "proxy": it.instance,
        "route": it.route,
        "rejected": it.decided_at,
        "reason": it.reason,
        "evidence": [
            {name: getattr(e, name) for name in type(e).__slots__} for e in it.evidence
        ],
    }


def _when(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(
            f"{text!r} is not a day", hint="Write it like this: 2026-11-01."
        ) from exc
