"""``uploadfilter hashset suppress``: switch an entry off for a while, and on again."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from uploadfilter.cli.acting import reference_writer
from uploadfilter.cli.hashset.enforcement import say_lack
from uploadfilter.cli.hashset.generations import reference_directory, when
from uploadfilter.cli.options import (
    JSONOption,
    StateOption,
    duration,
    moment_ahead,
    present_s,
)
from uploadfilter.cli.output import print_json, print_text, say, table
from uploadfilter.errors import UsageError
from uploadfilter.reference.entries.suppressing import Suppression

SetArgument = Annotated[
    str, typer.Argument(metavar="SET", help="Name of the hash set.")
]
EntryArgument = Annotated[
    str, typer.Argument(metavar="ENTRY", help="Id of the entry in it.")
]


def suppress_command(
    name: SetArgument,
    entry: EntryArgument,
    *,
    reason: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="The reason, in one line; no names and no addresses."
        ),
    ],
    lasting: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="72h",
            help="The duration: a number and one of s, m, h, d, w.  [default: 72h]",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The end, instead of --for: a date or time, in UTC unless it names a "
            "zone.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="WHO",
            help="The person who asks: account or initials.  [default: your account]",
            show_default=False,
        ),
    ] = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Switch one entry off for a while, for example because it is wrong.

    It comes back by itself after 72 hours, or after the given time, at most 30 days. A
    new import of its hash set does not bring it back earlier.

    **Example**

        uploadfilter hashset suppress unit7 a17 --reason "stock picture" --for 7d
    """
    ends = _ends(lasting, until, now=datetime.fromtimestamp(present_s(), UTC))
    with reference_writer(state) as writer:
        suppression = writer.suppress(
            name,
            entry,
            reason=reason,
            by=_account() if by is None else by,
            expires_at=None if ends is None else ends.timestamp(),
        )
        number = writer.number
        generation = writer.generation
    if json:
        print_json({**suppression_document(suppression), "generation": number})
    else:
        end = when(suppression.expires_at)
        say(f"suppressed {name}/{entry} until {end} UTC; generation {number}")
    say_lack(generation)


def unsuppress_command(
    name: SetArgument,
    entry: EntryArgument,
    *,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Switch a suppressed entry on again.

    **Example**

        uploadfilter hashset unsuppress unit7 a17
    """
    with reference_writer(state) as writer:
        suppression = writer.unsuppress(name, entry)
        number = writer.number
    if json:
        print_json({**suppression_document(suppression), "generation": number})
    else:
        say(f"{name}/{entry} is in force again; generation {number}")


def suppressions_command(
    *, json: JSONOption = False, state: StateOption = None
) -> None:
    """List the suppressed entries, and the end of each suppression.

    **Example**

        uploadfilter hashset suppressions
    """
    with reference_directory(state).reader() as reader:
        generation = reader.current()
        found = sorted(generation.suppressions, key=lambda item: item.expires_at)
    if json:
        shapes = [suppression_document(item) for item in found]
        print_json({"generation": generation.number, "suppressions": shapes})
    else:
        print_text(suppressions_table(found))


def suppression_document(item: Suppression) -> dict[str, object]:
    """Return a suppression as a JSON object."""
    return {
        "set": item.set,
        "entry": item.entry,
        "reason": item.reason,
        "by": item.by,
        "since": datetime.fromtimestamp(item.since, UTC),
        "expires_at": datetime.fromtimestamp(item.expires_at, UTC),
    }


def suppressions_table(found: Sequence[Suppression]) -> Table:
    """Return suppressions as a table, one row each."""
    rows = [
        (
            item.set,
            item.entry,
            when(item.since),
            when(item.expires_at),
            item.by,
            item.reason,
        )
        for item in found
    ]
    return table("set", "entry", "since", "until (UTC)", "by", "reason", rows=rows)


def _ends(lasting: str | None, until: str | None, *, now: datetime) -> datetime | None:
    """Return the end of a suppression; ``None`` means the default.

    Raises:
        UsageError: An option cannot be parsed, or both are given.
    """
    if lasting is not None and until is not None:
        raise UsageError(
            "--for and --until cannot be given together", hint="Give one of them."
        )
    if lasting is not None:
        return now + duration(lasting)
    return None if until is None else moment_ahead(until)


def _account() -> str:
    """Return the name of the account that runs this process; empty if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
