"""Send a canary through a proxy, and compare its decision with the signed sets."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.errors import ServiceError
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.rejections import REJECT_STATUSES
from uploadfilter.signedsets.canaries import CanaryOutcome, ListedCanaries, faults
from uploadfilter.syncing.canaries import KEY, Sent, canary_key, seen_as, send
from uploadfilter.syncing.statuses import notes

_TRIES: Final = 4
"""Seconds between two tries: a proxy loads a new generation within two seconds."""

_PAUSE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryCheck:
    """The result of a canary that was sent to one address.

    Attributes:
        url: The URL that the canary was sent to.
        sent: The response; ``None`` if there was none.
        seen: The decision of the proxy; ``None`` if it is unknown.
        faults: Name of a set, and its fault; the name is empty for a fault of all sets.
    """

    url: str
    sent: Sent | None
    seen: CanaryOutcome | None
    faults: tuple[tuple[str, str], ...]


def check_door(
    base: Path,
    url: str,
    generation: LayeredGeneration,
    listed: tuple[ListedCanaries, ...],
    *,
    clock: Callable[[], float],
) -> CanaryCheck:
    """Send the canary to one address; again if the proxy has an older generation."""
    try:
        sent, seen = _send_until_loaded(base, url, generation.number, clock)
    except ServiceError as exc:
        return CanaryCheck(url=url, sent=None, seen=None, faults=(("", str(exc)),))
    if seen is None:
        text = f"answered {sent.status}, but no proxy of this state directory has it "
        text += "on record"
        return CanaryCheck(url=url, sent=sent, seen=None, faults=(("", text),))
    wrong = [
        (it.set, fault)
        for it in listed
        if it.ids
        for fault in faults(it, seen, is_rejected=sent.status in REJECT_STATUSES)
    ]
    return CanaryCheck(url=url, sent=sent, seen=seen, faults=tuple(wrong))


def _send_until_loaded(
    base: Path, url: str, generation: int, clock: Callable[[], float]
) -> tuple[Sent, CanaryOutcome | None]:
    if not (base / KEY).exists():
        raise ServiceError("no proxy of this release was started here yet")
    key = canary_key(base)
    for left in reversed(range(_TRIES)):
        sent = send(url, key, epoch_s=clock())
        seen = seen_as(notes(base), sent.decision)
        if seen is None or seen.generation >= generation or not left:
            return sent, seen
        time.sleep(_PAUSE_S)
    raise AssertionError("there is at least one try")
