"""``uploadfilter hashset canary``: prove by a real upload that hash sets work."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from uploadfilter.cli.options import JSONOption, StateOption, present_s, state_directory
from uploadfilter.cli.output import FOUND, harmless, print_json, print_text, say
from uploadfilter.errors import UsageError
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.signedsets.canaries import ListedCanaries
from uploadfilter.syncing.canaries import doors, listed_in
from uploadfilter.syncing.canarychecks import CanaryCheck, check_door


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
                check_door(base, url, generation, listed, clock=present_s)
                for url in _urls(base, urls)
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
