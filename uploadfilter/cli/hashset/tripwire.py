"""``uploadfilter hashset tripwire | restore``: demoted entries."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from uploadfilter.cli.acting import directory_to_write
from uploadfilter.cli.hashset.generations import when
from uploadfilter.cli.hashset.suppressions import EntryArgument, SetArgument
from uploadfilter.cli.options import (
    JSONOption,
    StateOption,
    YesOption,
    present_s,
    state_directory,
)
from uploadfilter.cli.output import (
    FOUND,
    confirm,
    print_json,
    print_text,
    say,
    table,
)
from uploadfilter.decisions.tripping import FEWEST_RESTORING, Restoration
from uploadfilter.proxy.inspecting.tripwire import read_demotions, restored
from uploadfilter.reference.entries.quarantining import check_people
from uploadfilter.reference.entries.suppressing import new_suppression


def tripwire_command(*, json: JSONOption = False, state: StateOption = None) -> None:
    """List the entries that were demoted because too many uploads look like them.

    Exit code 1 if there are any.

    **Example**

        uploadfilter hashset tripwire
    """
    found = read_demotions(state_directory(state))
    if json:
        print_json(
            {
                "demoted": [
                    {
                        "set": it.set,
                        "entry": it.entry,
                        "at": _moment(it.at),
                        "networks": it.networks,
                    }
                    for it in found.demoted
                ],
                "restored": [
                    {
                        "set": it.set,
                        "entry": it.entry,
                        "at": _moment(it.at),
                        "by": it.by,
                        "reason": it.reason,
                    }
                    for it in found.restored
                ],
            }
        )
    else:
        rows = [
            (it.set, it.entry, when(it.at), f"{it.networks:,}") for it in found.demoted
        ]
        print_text(
            table("set", "entry", "since (UTC)", "networks", rows=rows, numeric=1)
        )
    if found.demoted:
        raise typer.Exit(FOUND)


def restore_command(
    name: SetArgument,
    entry: EntryArgument,
    *,
    reason: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="The reason, in one line; no names and no addresses."
        ),
    ],
    by: Annotated[
        list[str],
        typer.Option(
            metavar="WHO",
            help="An account or initials; give it once for each of two people.",
        ),
    ],
    yes: YesOption = False,
    state: StateOption = None,
) -> None:
    """Let a demoted entry reject again, and not be demoted for 30 days.

    Two people are named for it. Ask the entry's issuer first: uploads from many
    networks look like it.

    **Example**

        uploadfilter hashset restore unit7 a17 --reason compared --by ab --by cd
    """
    check_people("an entry is restored", by, fewest=FEWEST_RESTORING)
    base = directory_to_write(state, create=True).path.parent
    # The same rules as for a suppression: nothing personal in the reason.
    known = [
        new_suppression(
            name, entry, reason=reason, by=who, now=present_s(), expires_at=None
        )
        for who in by
    ]
    if not yes:
        confirm(
            f"Did the issuer of {name!r} compare {entry!r}?",
            refused="nothing is restored without a confirmation",
        )
    item = Restoration(
        set=name,
        entry=entry,
        at=known[0].since,
        by=tuple(it.by for it in known),
        reason=known[0].reason,
    )
    if restored(base, item):
        say(f"{name}/{entry} rejects again within seconds", style="green")
    else:
        say(f"{name}/{entry} was not demoted, and will not be for 30 days")


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
