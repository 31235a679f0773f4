"""``uploadfilter log space``: what a log takes, and for how long its disk lasts."""

from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    log_directory,
    present_s,
)
from uploadfilter.cli.output import print_json, print_text
from uploadfilter.decisions.files.retention import DEFAULT
from uploadfilter.decisions.files.room import RESERVE_BYTES, Room, Surveyor
from uploadfilter.decisions.files.segments import read_head, segments
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.outlook import MOST_DAYS
from uploadfilter.errors import LogError

_MEGABYTE = 1_000_000


def space_command(
    *,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Show what the log takes, what is free, and for how many days that lasts.

    The estimate: each day writes as much as today or yesterday, and files are deleted
    when their time is over.

    **Example**

        uploadfilter log space --json | jq .days_left
    """
    directory = log_directory(state, instance)
    surveyor = Surveyor(
        directory, retention=_retention(directory), reserve_bytes=RESERVE_BYTES
    )
    try:
        room = surveyor.look(present_s())
    except OSError as exc:
        raise LogError(
            f"cannot read the free space on the disk of {str(directory)!r}: "
            f"{exc.strerror}",
            hint="Check --state and --instance.",
        ) from exc
    if json:
        print_json(asdict(room))
    else:
        print_text(*map(Text, space_lines(room)))


def space_lines(room: Room) -> list[str]:
    """Return the room for a log, in lines for people."""
    is_long = room.days_left >= MOST_DAYS
    lasts = "more than a year" if is_long else f"{room.days_left:.1f} days"
    return [
        f"the log takes     {room.log_bytes / _MEGABYTE:,.1f} MB",
        f"it grows by       {room.bytes_a_day / _MEGABYTE:,.1f} MB a day",
        f"free on its disk  {room.free_bytes / _MEGABYTE:,.1f} MB",
        f"of it kept back   {room.reserve_bytes / _MEGABYTE:,.1f} MB",
        f"the rest is for   {lasts}",
    ]


def _retention(directory: Path) -> Retention:
    """Return for how long the writer of a log keeps its files."""
    newest = segments(directory)[-1:]
    head = read_head(directory, newest[0]) if newest else None
    return (head and head.retention) or DEFAULT
