"""``uploadfilter log space``: the size of a log, and the days its disk will last."""

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
    """Show the log's size, the free space, and for how many days it lasts.

    The estimate assumes that each day writes as much as today or yesterday, and that
    files are deleted when their retention ends.

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
    """Return the space of a log as lines of text."""
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
    """Return how long the writer of a log keeps its files."""
    newest = segments(directory)[-1:]
    head = read_head(directory, newest[0]) if newest else None
    return (head and head.retention) or DEFAULT
