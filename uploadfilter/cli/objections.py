"""``uploadfilter objection``: decide objections, write statements of reasons."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct, field

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import (
    ConfigOption,
    JSONOption,
    StateOption,
    config_file,
    day,
    present_s,
    state_directory,
)
from uploadfilter.cli.output import (
    document_of,
    print_json,
    print_text,
    say,
    table,
    when,
)
from uploadfilter.decisions.files.reading import Filters, read
from uploadfilter.decisions.records.ids import written_id
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.errors import UsageError
from uploadfilter.forms.cases import WORDS, EvidenceShown, Objection, ObjectionState
from uploadfilter.forms.codes import objection_directory
from uploadfilter.forms.deciding import Decider
from uploadfilter.forms.finding import find_logs, find_records
from uploadfilter.forms.statement import MOST_IN_ONE_CALL, needs_statement, statement_of
from uploadfilter.forms.store import FILE, FormStore

if TYPE_CHECKING:
    from uploadfilter.config import Settings

_LISTED: Final = 1000


class ObjectionJSON(Struct):
    """An objection."""

    decision: str
    received_s: datetime = field(name="received")
    deadline_s: datetime = field(name="deadline")
    state: ObjectionState
    changed_s: datetime = field(name="since")
    reviewer: str
    text: str
    answer: str
    language: str
    switched_off: str | None
    instance: str | None = field(name="proxy")
    route: str | None
    rejected_at: datetime | None = field(name="rejected")
    reason: str | None
    evidence: list[EvidenceShown]


def review_command(
    decision: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="Print this one as JSON, with its text and matches."
        ),
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Argument(
            metavar="[OUTCOME]", help="Decide it: stands or reversed; needs --by."
        ),
    ] = None,
    *,
    decided: Annotated[
        bool, typer.Option("--decided", help="List decided ones instead.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="WHO", help="Who decides: account or initials."),
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(
            metavar="SET/ENTRY",
            help="Switch this entry off with a reversal, for 30 days.",
        ),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the uploader is told besides."),
    ] = None,
    config_path: ConfigOption = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """List the objections that wait, the oldest first; show one, or decide it.

    It does what the page of reviewers does.

    **Examples**

        uploadfilter objection review

        uploadfilter objection review 20261125-0123456789abcdef0123

        uploadfilter objection review 20261125-0123456789abcdef0123 stands --by ab
    """
    if decision is None or outcome is None:
        if (by, entry, answer) != (None, None, None):
            raise UsageError(
                "--by, --entry and --answer are of a decision",
                hint="Give the ID and the OUTCOME: stands or reversed.",
            )
        _list(state_directory(state), decision, decided=decided, json=json)
        return
    if decided:
        raise UsageError(
            "--decided is of the list, and this is a decision",
            hint="Leave --decided out.",
        )
    if by is None:
        raise UsageError(
            "a decision needs --by",
            hint="Name the account or the initials of the person who decides.",
        )
    try:
        wanted = ObjectionState(outcome)
    except ValueError as exc:
        raise UsageError(
            f"{outcome!r} is no outcome", hint="Outcomes are stands and reversed."
        ) from exc
    place = state_directory(state)
    tells_provider = bool(_settings(config_path, place).objections.outcomes_to)
    with _store(place) as store:
        before = _find(store, decision)
        decider = Decider(
            store, state=place, tells_provider=tells_provider, now=present_s
        )
        # An option that is left out keeps its value, unless the outcome changes.
        kept_answer, kept_entry = "", None
        if before.state is wanted:
            kept_answer, kept_entry = before.answer, before.entry
        decider.decide(
            before,
            wanted,
            reviewer=by,
            answer=kept_answer if answer is None else answer,
            entry=kept_entry if entry is None else _entry(before, entry),
        )
        after = _find(store, decision)
    if json:
        print_json(_document(after))
    else:
        say(f"{before.decision}: {WORDS[wanted]}", style="green")


def _list(state: Path, decision: str | None, *, decided: bool, json: bool) -> None:
    """List the objections that wait, or the decided ones; or show one as JSON."""
    open_ = ObjectionState.RECEIVED
    states = [it for it in ObjectionState if (it is not open_) == decided]
    with _store(state) as store:
        found = (
            store.list(states, most=_LISTED)
            if decision is None
            else [_find(store, decision)]
        )
    if json or decision is not None:
        for it in found:
            print_json(_document(it))
        return
    rows = [
        (it.decision, when(it.received_s), when(it.deadline_s), WORDS[it.state])
        for it in found
    ]
    print_text(table("decision", "came (UTC)", "decide by", "state", rows=rows))


def statement_command(
    decision: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The number of the decision.")
    ] = None,
    *,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day, UTC.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day, UTC.")
    ] = None,
    config_path: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Print the statement of reasons of a rejection, or those of a period.

    They have the EU's public schema. Those of a period are of all proxies; each line is
    one call of the EU's transparency database: at most 100 statements.

    **Examples**

        uploadfilter objection statement 20261125-0123456789abcdef0123

        uploadfilter objection statement --from 2026-11-01 --to 2026-11-30
    """
    if (decision is None) == (since is None) or (since is None) != (to is None):
        raise UsageError(
            "the command takes either an ID, or --from and --to",
            hint="'uploadfilter log show' lists the decisions that the log has.",
        )
    place = state_directory(state)
    texts = _settings(config_path, place).statements
    become_owner(place)
    if since is None or to is None:
        record = _rejection(place, _id(decision or ""))
        print_json(statement_of(record, texts, ended=_ended(place, record.id)))
        return
    made = (
        statement_of(record, texts, ended=_ended(place, record.id))
        for record in _rejections(place, day(since), day(to))
    )
    while batch := list(islice(made, MOST_IN_ONE_CALL)):
        print_json({"statements": batch})


def _rejection(state: Path, decision: str) -> DecisionRecord:
    found = next(find_records(state, {decision}), None)
    if found is None or not needs_statement(found.record):
        raise UsageError(
            f"there is no record of a rejected upload {decision!r}",
            hint="'uploadfilter log show' lists the decisions that the log has.",
        )
    return found.record


def _rejections(state: Path, since: date, to: date) -> "Iterator[DecisionRecord]":
    filters = Filters(
        since=datetime.combine(since, time(), UTC),
        until=datetime.combine(to + timedelta(days=1), time(), UTC),
        kind="decision",
    )
    for log in find_logs(state).values():
        for record in read(log, filters=filters):
            if isinstance(record, DecisionRecord) and needs_statement(record):
                yield record


def _ended(state: Path, decision: str) -> datetime | None:
    """Return when an objection ended the rejection; ``None`` if none did."""
    path = objection_directory(state) / FILE
    if not path.exists():
        return None
    with FormStore(path) as store:
        found = store.get(decision)
    if found is None or found.state is not ObjectionState.REVERSED:
        return None
    return datetime.fromtimestamp(found.changed_s, UTC)


def _settings(config_path: Path | None, state: Path) -> "Settings":
    """Return the settings of the file; the defaults if there is none."""
    # The configuration's libraries take as long to load as everything else together.
    import os  # noqa: PLC0415 -- beside its only use

    from uploadfilter import config  # noqa: PLC0415 -- as said above
    from uploadfilter.cli.places import default_place  # noqa: PLC0415 -- the same

    path = config_file(config_path)
    if path is None:
        return config.Settings(state=state)
    return config.load(
        path,
        overrides={},
        default_state=default_place(path).path,
        environ=dict(os.environ),
    )


def _store(state: Path) -> FormStore:
    path = objection_directory(state) / FILE
    if not path.exists():
        raise UsageError(
            f"there are no objections in {str(state)!r}",
            hint="'uploadfilter forms' makes the store; see --state.",
        )
    # SQLite makes files beside it, also for a reader.
    become_owner(state)
    return FormStore(path)


def _find(store: FormStore, decision: str) -> Objection:
    known = _id(decision)
    found = store.get(known)
    if found is None:
        raise UsageError(
            f"nobody has objected to {known!r}",
            hint="'uploadfilter objection review' lists the objections.",
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


def _entry(found: Objection, written: str) -> tuple[str, str]:
    for it in found.evidence:
        if written == f"{it.set}/{it.entry}":
            return it.set, it.entry
    raise UsageError(
        f"this decision did not match the entry {written!r}",
        hint="'uploadfilter objection review ID' lists the entries, as SET and ENTRY.",
    )


def _document(it: Objection) -> ObjectionJSON:
    switched_off = None if it.entry is None else "/".join(it.entry)
    return document_of(ObjectionJSON, it, switched_off=switched_off)
