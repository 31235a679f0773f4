"""Count in the issuer's folder how many entries one officer may withdraw today.

The published list names the withdrawn entries, but not the time of each withdrawal. So
the folder notes the times, and withdrawals that operators would hold back are refused
before an officer signs them.

Rules this module keeps: the note is written before the list is published, and notes
ids. So a command that is killed between the two and repeated counts once.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.issuing.wording import counted, moment
from uploadfilter.signedsets.roles import DAY_S
from uploadfilter.state import write_private

WINDOW_S: Final = DAY_S + 3600
"""How long a withdrawal counts: a day, and one hour more, because the day of an
operator that fetches it late ends later."""

Noted = Mapping[str, int]
"""When each entry was withdrawn, by its id, in whole seconds since the epoch."""

_NAME: Final = "withdrawals.json"


def recent(noted: Noted, epoch_s: float) -> dict[str, int]:
    """Return the withdrawals that still count."""
    return {it: at for it, at in noted.items() if at > epoch_s - WINDOW_S}


def left(noted: Noted, most: int, epoch_s: float) -> int:
    """Return how many more entries may be withdrawn now, at most ``most`` in a day."""
    return max(0, most - len(recent(noted, epoch_s)))


def possible_at(
    noted: Noted, new: Collection[str], most: int, epoch_s: float
) -> float | None:
    """Return the earliest time at which entries may be withdrawn together.

    Returns:
        Seconds since the epoch; ``epoch_s`` means at once, ``None`` means never.
    """
    wanted = set(new)
    held = recent(noted, epoch_s).items()
    times = sorted(at for it, at in held if it not in wanted)
    if len(wanted) > most:
        return None
    surplus = len(times) + len(wanted) - most
    return times[surplus - 1] + WINDOW_S if surplus > 0 else epoch_s


def check(noted: Noted, new: Collection[str], most: int, epoch_s: float) -> None:
    """Refuse withdrawals that operators would hold back; see ``possible_at``."""
    at = possible_at(noted, new, most, epoch_s)
    if not new or at == epoch_s:
        return
    free = left(noted, most, epoch_s)
    today = "" if free == most else f", of which {counted(free, 'is', 'are')} left now"
    # Rounded up: a time that is a minute too early would be refused again.
    then = f"All of them can be from {moment(at + 60)} on. " if at is not None else ""
    first = f"{free:,} can be withdrawn now. " if free else ""
    raise IssuerError(
        f"{counted(len(new), 'entry is', 'entries are')} more than the {most:,} that "
        f"one person may withdraw in a day{today}: operators would hold others back",
        hint=f"Nothing was withdrawn. {first}{then}Or have any number taken away by "
        "the analysts: 'uploadfilter issuer propose --remove', and then "
        "'uploadfilter issuer sign'.",
    )


def read(folder: IssuerFolder) -> dict[str, int]:
    """Return the withdrawals that the folder has noted; nothing if it has no note."""
    path = folder.path / _NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise IssuerError(
            f"{str(path)!r} cannot be read: {exc}",
            hint="Nothing was withdrawn. Remove the file: it only counts the "
            "withdrawals of today, and operators count for themselves.",
        ) from exc


def note(folder: IssuerFolder, new: Collection[str], epoch_s: float) -> None:
    """Note withdrawals, and forget those that do not count any more."""
    kept = recent(read(folder), epoch_s) | dict.fromkeys(new, int(epoch_s))
    data = msgspec.json.encode(dict(sorted(kept.items())))
    write_private(folder.path / _NAME, data)
