"""Options and messages about whether the matches of hash sets reject.

Rules this module keeps: a user who changes or lists hash sets is told, on stderr, if
ENFORCE would reject no match of them; ``config check`` says what the configuration
adds.
"""

from typing import Annotated

import typer

from uploadfilter.cli.output import say
from uploadfilter.decisions.policy import Policy
from uploadfilter.hashsets.choices import Settled
from uploadfilter.proxy.routing.enforcing import (
    WHAT_TO_DO,
    WORDS,
    Enforced,
    Lack,
    OneSet,
    lack_of,
)

EnforceUnsignedOption = Annotated[
    bool,
    typer.Option(
        "--enforce-unsigned",
        help="Let the matches of this unsigned set reject uploads.  [default: as with "
        "the replaced set; a new set does not reject]",
        show_default=False,
    ),
]
MonitoredOption = Annotated[
    bool,
    typer.Option(
        "--monitored",
        help="Only record the matches of this set, even if the replaced set rejects "
        "uploads.",
    ),
]
DropCategoriesOption = Annotated[
    bool,
    typer.Option(
        "--drop-categories",
        help="Import only the categories that --category names, even if the "
        "replaced set has others.",
    ),
]


def lack_in(generation: Enforced) -> Lack | None:
    """Return why ENFORCE would reject no match under the default policy."""
    return lack_of(Policy(), generation)


def say_lack(generation: Enforced) -> None:
    """Warn on stderr if ENFORCE would reject no match, with the remedy."""
    lack = lack_in(generation)
    if lack is not None:
        say(
            f"with this reference set ENFORCE rejects no match: {WORDS[lack]}",
            style="yellow",
        )
        say(f"  {WHAT_TO_DO[lack]}", style="dim")


def say_lack_of_set(generation: Enforced, name: str) -> None:
    """Warn on stderr if ENFORCE would reject no match of one hash set."""
    lack = lack_in(OneSet(generation=generation, name=name))
    if lack is Lack.MONITORED:
        say("its matches are only recorded, and reject no upload", style="yellow")
    elif lack is not None:
        say(f"its matches reject no upload: {WORDS[lack]}", style="yellow")


def say_state(held: Settled) -> None:
    """State on stderr whether the imported set rejects."""
    if held.enforced:
        if held.was_enforced:
            say("its matches reject uploads, as the replaced set's matches did")
        return
    before = ""
    if held.was_enforced is not None:
        before = (
            "; until now they rejected"
            if held.was_enforced
            else ", as the replaced set's matches are"
        )
    say(
        f"its matches are only recorded{before}; to reject uploads, import it with "
        "--enforce-unsigned",
        style="yellow",
    )
