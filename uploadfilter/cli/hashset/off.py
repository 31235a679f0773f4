"""``uploadfilter hashset off | on``, and the table of entries that are off."""

import getpass
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from uploadfilter.cli.acting import reference_writer
from uploadfilter.cli.hashset.enforcement import say_lack
from uploadfilter.cli.hashset.generations import when
from uploadfilter.cli.options import (
    JSONOption,
    StateOption,
    moment_until,
    present_s,
    state_directory,
)
from uploadfilter.cli.output import print_json, say, table
from uploadfilter.decisions.tripping import FEWEST_RESTORING, Restoration
from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.proxy.inspecting.tripwire import read_demotions, restored
from uploadfilter.reference.entries.off import Off, Party, off_entries
from uploadfilter.reference.entries.quarantining import check_people
from uploadfilter.reference.entries.suppressing import Suppression, new_suppression
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.writing.writing import ReferenceWriter

_MOST_AT_ONCE = 10
"""Entries that one command switches. Each change is a generation of its own, and with
more of them the generations that a rollback can return to would be gone."""

_SetArgument = Annotated[
    str, typer.Argument(metavar="SET", help="Name of the hash set.")
]
_EntriesArgument = Annotated[
    list[str],
    typer.Argument(metavar="ENTRY...", help="Ids of the entries in it."),
]


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
    """Switch entries off for a while, for example because they are wrong.

    They come back by themselves after 72 hours, or at the given time, at most 30 days
    from now. A new import of the hash set does not bring them back earlier.

    **Example**

        uploadfilter hashset off unit7 a17 --why "stock picture" --until 7d
    """
    _check_count(entries)
    now = datetime.fromtimestamp(present_s(), UTC)
    ends = None if until is None else moment_until(until, now=now).timestamp()
    with reference_writer(state) as writer:
        writer.check_entries(name, entries)
        for entry in entries:
            suppression = writer.suppress(
                name,
                entry,
                reason=why,
                by=_account() if by is None else by,
                expires_at=ends,
            )
            _show_off(suppression, writer.number, json=json)
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
            show_default=False,
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
    """Switch entries on again, whether operator, gate or tripwire switched them off.

    For gate and tripwire two people are named: ask the issuer first. The tripwire then
    leaves the entry alone for 30 days. What the issuer withdrew stays off.

    **Examples**

        uploadfilter hashset on unit7 a17

        uploadfilter hashset on unit7 a17 --by ab --by cd --why "compared with issuer"
    """
    _check_count(entries)
    base = state_directory(state)
    with reference_writer(state) as writer:
        parties = {it: _parties(writer.generation, base, name, it) for it in entries}
        people = tuple(by or ())
        for entry in entries:
            _check_may_switch_on(name, entry, parties[entry], people)
        restorations = {
            entry: _restoration(name, entry, by=people, why=why)
            for entry in entries
            if Party.TRIPWIRE in parties[entry]
        }
        for entry in entries:
            _switch_on(writer, name, entry, parties[entry], people)
            if entry in restorations:
                restored(base, restorations[entry])
            left = _parties(writer.generation, base, name, entry)
            _show_on(name, entry, parties[entry] - left, left, writer.number, json=json)
        generation = writer.generation
    say_lack(generation)


def all_off(generation: LayeredGeneration, state: Path) -> list[Off]:
    """Return one row for each party that has switched an entry off.

    Args:
        generation: The generation in force.
        state: The state directory, which holds what the tripwire demoted.
    """
    rows = [
        *off_entries(generation.changes, now=generation.now()),
        *(
            Off(
                set=it.set,
                entry=it.entry,
                party=Party.TRIPWIRE,
                why=f"perceptual matches from {it.networks:,} networks; exact ones "
                "still reject",
                since=it.at,
            )
            for it in read_demotions(state).demoted
        ),
    ]
    return sorted(rows, key=lambda it: (it.key, it.party))


def off_document(item: Off) -> dict[str, object]:
    """Return a row as a JSON object; times that are not known are ``null``."""
    return {
        "set": item.set,
        "entry": item.entry,
        "party": item.party,
        "by": item.by,
        "why": item.why,
        "since": _moment(item.since),
        "until": _moment(item.until),
    }


def off_table(rows: Iterable[Off]) -> Table:
    """Return the rows as a table."""
    return table(
        *("set", "entry", "off by", "since (UTC)", "until (UTC)", "why"),
        rows=[
            (
                it.set,
                it.entry,
                f"{it.party.value} {it.by}".strip(),
                "" if it.since is None else when(it.since),
                "" if it.until is None else when(it.until),
                it.why,
            )
            for it in rows
        ],
    )


def _check_count(entries: Sequence[str]) -> None:
    if len(entries) > _MOST_AT_ONCE:
        raise UsageError(
            f"{len(entries)} entries are more than {_MOST_AT_ONCE} at once",
            hint="Switch them in several commands, or remove a set that is wrong.",
        )


def _parties(
    generation: LayeredGeneration, base: Path, name: str, entry: str
) -> frozenset[Party]:
    rows = all_off(generation, base)
    return frozenset(it.party for it in rows if it.key == (name, entry))


def _check_may_switch_on(
    name: str, entry: str, parties: frozenset[Party], people: Sequence[str]
) -> None:
    """Refuse an entry that is not off, that its issuer withdrew, or lacks people."""
    if not parties:
        raise HashSetNameError(
            f"entry {entry!r} of hash set {name!r} is not off",
            hint="Perhaps its time has ended: see 'uploadfilter hashset list --off'.",
        )
    if parties == {Party.ISSUER}:
        raise UsageError(
            f"entry {entry!r} of hash set {name!r} was withdrawn",
            hint="Only a later version of its hash set can list it again.",
        )
    if parties & {Party.GATE, Party.TRIPWIRE}:
        check_people("an entry is switched on", people, fewest=FEWEST_RESTORING)


def _switch_on(
    writer: ReferenceWriter,
    name: str,
    entry: str,
    parties: frozenset[Party],
    people: Sequence[str],
) -> None:
    if Party.GATE in parties:
        writer.release_entry(name, entry, by=people)
    if Party.OPERATOR in parties:
        writer.unsuppress(name, entry)


def _restoration(name: str, entry: str, *, by: Sequence[str], why: str) -> Restoration:
    # The same rules as for switching it off: nothing personal in reason and accounts.
    known = [
        new_suppression(
            name, entry, reason=why, by=who, now=present_s(), expires_at=None
        )
        for who in by
    ]
    return Restoration(
        set=name,
        entry=entry,
        at=known[0].since,
        by=tuple(it.by for it in known),
        reason=known[0].reason,
    )


def _show_off(item: Suppression, number: int, *, json: bool) -> None:
    if json:
        shape = {
            "set": item.set,
            "entry": item.entry,
            "reason": item.reason,
            "by": item.by,
            "since": _moment(item.since),
            "expires_at": _moment(item.expires_at),
        }
        print_json({**shape, "generation": number})
    else:
        end = when(item.expires_at)
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
        shape = {"set": name, "entry": entry, "lifted": sorted(lifted)}
        print_json({**shape, "off": sorted(left), "generation": number})
    elif left:
        say(f"{name}/{entry} is still off, by {', '.join(sorted(left))}")
    else:
        say(f"{name}/{entry} is in force again; generation {number}")


def _moment(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _account() -> str:
    """Return the name of the account that runs this process; empty if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
