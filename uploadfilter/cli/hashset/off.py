"""``uploadfilter hashset off | on``, and the table of entries that are off."""

import getpass
from datetime import datetime
from typing import Annotated

import typer
from msgspec import Struct, field

from uploadfilter.cli.hashset.enforcement import say_lack
from uploadfilter.cli.options import JSONOption, StateOption, moment_until, now
from uploadfilter.cli.output import (
    document_of,
    print_json,
    print_text,
    rows_of,
    say,
    when,
)
from uploadfilter.cli.writing import reference_writer
from uploadfilter.reference.entries.off import Off, Party
from uploadfilter.reference.files.layered import LayeredGeneration

_SetArgument = Annotated[
    str, typer.Argument(metavar="SET", help="Name of the hash set.")
]
_EntriesArgument = Annotated[
    list[str], typer.Argument(metavar="ENTRY...", help="Ids of the entries in it.")
]


class OffRowJSON(Struct):
    """An entry that a party has switched off."""

    set: str
    entry: str
    party: Party
    by: str
    reason: str = field(name="why")
    since: datetime | None
    until: datetime | None


class OffListJSON(Struct):
    """The entries that are off."""

    generation: int
    off: list[OffRowJSON]


class SwitchedOffJSON(Struct):
    """An entry that was switched off."""

    set: str
    entry: str
    why: str = field(name="reason")
    by: str
    since: datetime | None
    until: datetime | None = field(name="expires_at")
    generation: int


class SwitchedOnJSON(Struct):
    """An entry whose rows have ended."""

    set: str
    entry: str
    lifted: list[Party]
    off: list[Party]
    generation: int


def off_command(
    name: _SetArgument,
    entries: _EntriesArgument,
    *,
    why: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="The reason, in one line; no names and no addresses."
        ),
    ],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The end: a date or time, in UTC unless it names a zone, or a time "
            "from now such as 7d.  [default: 72h]",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="WHO",
            help="The person who asks: account or initials.  [default: your account]",
        ),
    ] = None,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Switch entries off for a while, for example because they are wrong.

    They come back by themselves after 72 hours, or at the given time, at most 30 days
    from now. A new import of the hash set does not bring them back earlier.

    **Example**

        uploadfilter hashset off unit7 a17 --why "stock picture" --until 7d
    """
    ends = None if until is None else moment_until(until, now=now()).timestamp()
    who = _account() if by is None else by
    with reference_writer(state) as writer:
        writer.check_entries(name, entries)
        for entry in entries:
            row = writer.switch_off(name, entry, why=why, by=who, until=ends)
            _show_off(row, writer.number, json=json)
        generation = writer.generation
    say_lack(generation)


def on_command(
    name: _SetArgument,
    entries: _EntriesArgument,
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO",
            help="An account or initials. If gate or tripwire switched the entry off, "
            "give it once for each of two people.",
        ),
    ] = None,
    why: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="The reason, in one line; needed if the tripwire switched it off.",
        ),
    ] = "",
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Switch entries on again that operator, gate or tripwire switched off.

    For gate and tripwire two people are named: ask the issuer first. The tripwire then
    leaves the entry alone for 30 days. What the issuer withdrew stays off.

    **Examples**

        uploadfilter hashset on unit7 a17

        uploadfilter hashset on unit7 a17 --by ab --by cd --why "compared with issuer"
    """
    with reference_writer(state) as writer:
        lifted = writer.switch_on(name, entries, by=tuple(by or ()), why=why)
        generation = writer.generation
    for entry in entries:
        rows = (it for it in generation.off if it.key == (name, entry))
        left = frozenset(it.party for it in rows)
        _show_on(name, entry, lifted[entry], left, generation.number, json=json)
    say_lack(generation)


def list_off(generation: LayeredGeneration, *, json: bool) -> None:
    """List the entries that are off."""
    rows = sorted(generation.off, key=lambda it: it.slot)
    found = document_of(OffListJSON, generation=generation.number, off=rows)
    if json:
        print_json(found)
        return
    columns = {"set": "set", "entry": "entry", "off by": "party", "who": "by"}
    columns |= {"since (UTC)": "since", "until (UTC)": "until", "why": "reason"}
    print_text(rows_of(found.off, columns))


def _show_off(item: Off, number: int, *, json: bool) -> None:
    if json:
        print_json(document_of(SwitchedOffJSON, item, generation=number))
    else:
        end = when(item.until or 0)
        say(f"{item.set}/{item.entry} is off until {end} UTC; generation {number}")


def _show_on(
    name: str,
    entry: str,
    lifted: frozenset[Party],
    left: frozenset[Party],
    number: int,
    *,
    json: bool,
) -> None:
    if json:
        print_json(SwitchedOnJSON(name, entry, sorted(lifted), sorted(left), number))
    elif left:
        say(f"{name}/{entry} is still off, by {', '.join(sorted(left))}")
    else:
        say(f"{name}/{entry} is in force again; generation {number}")


def _account() -> str:
    """Return the name of the account that runs this process; empty if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
