"""``uploadfilter api token``: let applications ask the scan API over TCP, or no more.

The running service reads the tokens again when they have changed.
"""

import sys
from typing import Annotated

import typer
from rich.text import Text

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import JSONOption, StateOption, state_directory
from uploadfilter.cli.output import print_json, print_text, say, table
from uploadfilter.doors.quotas import USUAL, Quota, Scope
from uploadfilter.doors.tokens import TokenFile

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name for who uses the token.")
]


def add_command(
    name: NameArgument,
    *,
    scope: Annotated[
        Scope,
        typer.Option(
            "--scope",
            help="scan: ask about uploads; lookup: look signals up.",
        ),
    ] = Scope.SCAN,
    per_minute: Annotated[
        int | None,
        typer.Option(
            "--per-minute",
            min=1,
            help="Most questions in a minute.  [default: 6000 for scan, 600 for "
            "lookup]",
            show_default=False,
        ),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            min=1,
            help="Most questions that are open at once.  [default: 64 for scan, 8 for "
            "lookup]",
            show_default=False,
        ),
    ] = None,
    state: StateOption = None,
) -> None:
    """Make a token for the scan API, and print it once.

    It is stored hashed, in the state directory. Over a unix socket none is needed.
    A question beyond what the token may ask is answered 429.

    **Example**

        uploadfilter api token add gallery --scope scan > token
    """
    path = state_directory(state)
    become_owner(path)
    usual = USUAL[scope]
    quota = Quota(
        per_minute=per_minute or usual.per_minute, at_once=at_once or usual.at_once
    )
    token = TokenFile(path).add(name, scope, quota)
    say(f"made a token for {name!r}; it is shown only here", style="dim")
    sys.stdout.write(f"{token}\n")


def list_command(*, json: JSONOption = False, state: StateOption = None) -> None:
    """List the tokens of the scan API, without the tokens themselves.

    **Example**

        uploadfilter api token list --json
    """
    tokens = TokenFile(state_directory(state)).tokens()
    if json:
        print_json(
            [
                {
                    "name": it.name,
                    "scope": it.scope,
                    "per_minute": it.limits.per_minute,
                    "at_once": it.limits.at_once,
                }
                for it in tokens
            ]
        )
    elif tokens:
        rows = [
            (
                it.name,
                it.scope.value,
                str(it.limits.per_minute),
                str(it.limits.at_once),
            )
            for it in tokens
        ]
        print_text(
            table("name", "scope", "per minute", "at once", rows=rows, numeric=2)
        )
    else:
        print_text(Text("there is no token"))


def remove_command(name: NameArgument, *, state: StateOption = None) -> None:
    """Revoke a token of the scan API, at once.

    **Example**

        uploadfilter api token remove gallery
    """
    path = state_directory(state)
    become_owner(path)
    TokenFile(path).remove(name)
    say(f"revoked the token of {name!r}")
