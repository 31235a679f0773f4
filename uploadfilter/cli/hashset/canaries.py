"""``uploadfilter hashset canary``: prove by a real upload that hash sets work."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from uploadfilter.cli.options import JSONOption, StateOption, present_s, state_directory
from uploadfilter.cli.output import FOUND, harmless, print_json, print_text, say
from uploadfilter.errors import ServiceError, UsageError
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.rejections import REJECT_STATUSES
from uploadfilter.signedsets.canaries import CanaryOutcome, ListedCanaries, faults
from uploadfilter.syncing.canaries import (
    KEY,
    Sent,
    canary_key,
    doors,
    listed_in,
    notes,
    seen_as,
    send,
)

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


def canary_command(
    *,
    urls: Annotated[
        list[str] | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="The URL to send the canary to, such as that of your front end; give "
            "the option once for each.  [default: the addresses of the proxies of the "
            "state directory]",
            show_default=False,
        ),
    ] = None,
    if_any: Annotated[
        bool,
        typer.Option(
            "--if-any", help="Exit with 0 if no signed set in force has a canary."
        ),
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Send the canaries of the signed sets through the proxy, and check its answer.

    No byte of a canary reaches the origin, whatever the proxy decides. Exit code 1 if a
    set did not find its canary, or nothing could be checked.

    **Examples**

        uploadfilter hashset canary

        uploadfilter hashset canary --url https://upload.example.org/
    """
    base = state_directory(state)
    with ReferenceReader.open(base / REFERENCE_DIRECTORY) as reader:
        generation = reader.current()
        listed = listed_in(generation)
        has_any = any(it.ids for it in listed)
        found: list[CanaryCheck] = []
        if has_any:
            found = [
                _checked(base, url, generation, listed) for url in _urls(base, urls)
            ]
    without = [it.set for it in listed if not it.ids]
    if json:
        print_json(_document(found, listed))
    else:
        print_text(*(line for it in found for line in _lines(it, listed)))
        for name in without:
            say(f"{name} has no canary: it was published by an older version")
        if not has_any:
            say("no signed set in force has a canary: nothing was checked")
    if any(it.faults for it in found) or not (has_any or if_any):
        raise typer.Exit(FOUND)


def _urls(base: Path, urls: list[str] | None) -> tuple[str, ...]:
    found = tuple(urls or doors(base))
    if not found:
        raise UsageError(
            "the address of the proxy is unknown",
            hint="Start it once with this release, or give --url.",
        )
    return found


def _checked(
    base: Path,
    url: str,
    generation: LayeredGeneration,
    listed: tuple[ListedCanaries, ...],
) -> CanaryCheck:
    """Send the canary to one URL; again if the proxy has an older generation."""
    try:
        sent, seen = _sent(base, url, generation.number)
    except ServiceError as exc:
        return CanaryCheck(url=url, sent=None, seen=None, faults=(("", str(exc)),))
    if seen is None:
        text = f"answered {sent.status}, but no proxy of this state directory saw it"
        return CanaryCheck(url=url, sent=sent, seen=None, faults=(("", text),))
    wrong = [
        (it.set, fault)
        for it in listed
        if it.ids
        for fault in faults(it, seen, is_rejected=sent.status in REJECT_STATUSES)
    ]
    return CanaryCheck(url=url, sent=sent, seen=seen, faults=tuple(wrong))


def _sent(base: Path, url: str, generation: int) -> tuple[Sent, CanaryOutcome | None]:
    """Send the canary, and return the response and the decision.

    Raises:
        ServiceError: There was no response.
    """
    if not (base / KEY).exists():
        raise ServiceError("no proxy of this release was started here yet")
    key = canary_key(base)
    for left in reversed(range(_TRIES)):
        sent = send(url, key, epoch_s=present_s())
        seen = seen_as(notes(base), sent.decision)
        if seen is None or seen.generation >= generation or not left:
            return sent, seen
        time.sleep(_PAUSE_S)
    raise AssertionError("there is at least one try")


def _lines(checked: CanaryCheck, listed: tuple[ListedCanaries, ...]) -> list[Text]:
    lines = [Text(harmless(checked.url), style="bold")]
    seen = checked.seen
    if seen is not None:
        words = f"  {seen.verdict} on route {seen.route!r} in {seen.mode}, {seen.id}"
        lines.append(Text(harmless(words)))
        wrong = {name for name, _ in checked.faults}
        good = [it.set for it in listed if it.ids and it.set not in wrong]
        lines += [Text(f"  {name}: found", style="green") for name in good]
    for name, fault in checked.faults:
        lines.append(Text(harmless(f"  {name or 'failed'}: {fault}"), style="bold red"))
    return lines


def _document(
    found: list[CanaryCheck], listed: tuple[ListedCanaries, ...]
) -> dict[str, object]:
    return {
        "sets": [{"set": it.set, "canaries": it.ids} for it in listed],
        "doors": [
            {
                "url": it.url,
                "status": None if it.sent is None else it.sent.status,
                "decision": None if it.seen is None else it.seen.id,
                "verdict": None if it.seen is None else it.seen.verdict,
                "mode": None if it.seen is None else it.seen.mode,
                "effect": None if it.seen is None else it.seen.effect,
                "matched": [] if it.seen is None else it.seen.matched,
                "faults": [{"set": n or None, "fault": text} for n, text in it.faults],
            }
            for it in found
        ],
    }
