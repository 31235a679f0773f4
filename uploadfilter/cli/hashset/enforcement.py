"""``uploadfilter hashset enforce``, and messages about what rejects.

Rules this module keeps: a user who changes or lists hash sets is told, on stderr, if
ENFORCE would reject no match of them; ``config --check`` says what the configuration
adds.
"""

from typing import Annotated

import typer
from msgspec import Struct

from uploadfilter.cli.options import JSONOption, StateOption, config_file
from uploadfilter.cli.output import print_json, say
from uploadfilter.cli.places import may_enforce
from uploadfilter.cli.writing import reference_writer
from uploadfilter.decisions.policy import Policy
from uploadfilter.hashsets.choices import Settled
from uploadfilter.model import EntryState
from uploadfilter.web.routing.enforcing import (
    WHAT_TO_DO,
    WORDS,
    Enforced,
    Lack,
    OneSet,
    lack_of,
)

MonitoredOption = Annotated[
    bool,
    typer.Option(
        "--monitored",
        help="Only record the matches of this set, even if the replaced set rejects "
        "uploads.",
    ),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of the hash set.")
]
DropCategoriesOption = Annotated[
    bool,
    typer.Option(
        "--drop-categories",
        help="Import only the categories that --category names, even if the "
        "replaced set has others.",
    ),
]


class EnforcedJSON(Struct):
    """Whether a set rejects uploads."""

    set: str
    enforced: bool
    generation: int


def enforce_command(
    name: NameArgument,
    *,
    off: Annotated[
        bool, typer.Option("--off", help="Only record the matches of this set again.")
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Let the matches of a hash set reject uploads, from now on.

    It holds for later imports of the set too. An upload is rejected only if its route
    is in ENFORCE as well; the command says if none is.

    **Examples**

        uploadfilter hashset enforce unit7

        uploadfilter hashset enforce unit7 --off
    """
    new = EntryState.MONITORED if off else EntryState.ACTIVE
    with reference_writer(state) as writer:
        is_changed = writer.set_state(name, new)
        generation = writer.generation
    effect = "are only recorded" if off else "reject uploads"
    if json:
        print_json(EnforcedJSON(name, not off, generation.number))
    elif is_changed:
        say(f"matches of {name!r} {effect} from now on; generation {generation.number}")
    else:
        say(f"matches of {name!r} {effect} already; nothing was changed")
    if not off:
        _say_mode()
    say_lack(generation)


def _say_mode() -> None:
    """Warn on stderr if no configuration asks for ENFORCE, with the key to change."""
    config = config_file(None)
    if not may_enforce(config):
        place = config or "the configuration file"
        say(
            f'nothing is rejected yet: mode is "monitor". Set mode = "enforce" in '
            f"{place} and reload the proxy, unless `serve` was started with --mode "
            "enforce.",
            style="yellow",
        )


def lack_in(generation: Enforced) -> Lack | None:
    """Return why ENFORCE would reject no match under the default policy."""
    return lack_of(Policy(), generation)


def say_lack(generation: Enforced, *, is_advised: bool = False) -> None:
    """Warn on stderr if ENFORCE would reject no match, with the remedy."""
    lack = lack_in(generation)
    if lack is not None:
        say(
            f"with this reference set ENFORCE rejects no match: {WORDS[lack]}",
            style="yellow",
        )
        if not (is_advised and lack is Lack.MONITORED):
            say(f"  {WHAT_TO_DO[lack]}", style="dim")


def say_lack_of_set(generation: Enforced, name: str) -> None:
    """Warn on stderr if ENFORCE would reject no match of one hash set."""
    lack = lack_in(OneSet(generation=generation, name=name))
    if lack is Lack.MONITORED:
        say("its matches are only recorded, and reject no upload", style="yellow")
    elif lack is not None:
        say(f"its matches reject no upload: {WORDS[lack]}", style="yellow")


def say_state(name: str, held: Settled) -> None:
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
        f"its matches are only recorded{before}; to reject uploads: 'uploadfilter "
        f"hashset enforce {name}'",
        style="yellow",
    )
