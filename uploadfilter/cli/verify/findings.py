"""A finding as people read it: what happened, and what to do next."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.output import harmless
from uploadfilter.issuing.wording import counted

SHOWN: Final = 20
"""Most findings of a log or report that the text names; the JSON has all of them."""


class FindingJSON(Struct):
    """A fault, in words too."""

    problem: str
    words: str
    todo: str


def finding_lines(findings: Iterable[FindingJSON]) -> Iterator[Text]:
    """Yield findings as text; what to do is said once for each kind in a row."""
    found = list(findings)
    shown = found[:SHOWN]
    for number, finding in enumerate(shown):
        yield Text(harmless(f"- {finding.words}"), style="bold red")
        following = shown[number + 1].todo if number + 1 < len(shown) else ""
        if finding.todo != following:
            yield Text(harmless(f"  {finding.todo}"))
    if len(found) > SHOWN:
        yield Text(f"- and {len(found) - SHOWN:,} more (--json names all)", style="red")


def verdict_line(
    what: str, count: int, details: str, *, verified: str = "verified"
) -> Text:
    """Return the first line on a log or a report."""
    word = Text(f"NOT VERIFIED, {counted(count, 'finding')}", style="bold red")
    if not count:
        word = Text(verified, style="green")
    return word.append(harmless(f": {what}: {details}"), style="default not bold")
