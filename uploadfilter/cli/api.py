"""``uploadfilter api token``: let applications ask the scan API over TCP, or no more.

The running service reads the tokens again when they have changed.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.text import Text

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import JSONOption, StateOption, state_directory
from uploadfilter.cli.output import print_json, print_text, rows_of, say
from uploadfilter.doors.quotas import USUAL, Quota, Scope
from uploadfilter.doors.tokens import TokenFile
from uploadfilter.errors import UsageError


class TokenJSON(Struct):
    """A token, without itself."""

    name: str
    scope: str
    per_minute: int
    at_once: int


def token_command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="The name for who uses the token; none lists all."
        ),
    ] = None,
    *,
    scope: Annotated[
        Scope,
        typer.Option(
            "--scope", help="scan: ask about uploads; lookup: look signals up."
        ),
    ] = Scope.SCAN,
    per_minute: Annotated[
        int | None,
        typer.Option(
            "--per-minute",
            min=1,
            help="Most questions in a minute.  [default: 6000 for scan, 600 for "
            "lookup]",
        ),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            min=1,
            help="Most questions that are open at once.  [default: 64 for scan, 8 for "
            "lookup]",
        ),
    ] = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Revoke the token NAME, at once.")
    ] = False,
    json: JSONOption = False,
    state: StateOption = None,
) -> None:
    """Make a token for the scan API, and print it once; or revoke it, or list all.

    It is stored hashed, in the state directory. Over a unix socket none is needed.
    A question beyond what the token may ask is answered 429.

    **Examples**

        uploadfilter api token gallery --scope scan > token

        uploadfilter api token

        uploadfilter api token gallery --revoke
    """
    path = state_directory(state)
    if name is None:
        if revoke:
            raise UsageError("--revoke needs a NAME", hint="'api token' lists them.")
        _list(path, json=json)
        return
    become_owner(path)
    if revoke:
        TokenFile(path).remove(name)
        say(f"revoked the token of {name!r}")
        return
    usual = USUAL[scope]
    quota = Quota(
        per_minute=per_minute or usual.per_minute, at_once=at_once or usual.at_once
    )
    token = TokenFile(path).add(name, scope, quota)
    say(f"made a token for {name!r}; it is shown only here", style="dim")
    sys.stdout.write(f"{token}\n")


def _list(path: Path, *, json: bool) -> None:
    rows = [
        TokenJSON(it.name, it.scope.value, it.limits.per_minute, it.limits.at_once)
        for it in TokenFile(path).tokens()
    ]
    if json:
        print_json(rows)
    elif rows:
        columns = {"name": "name", "scope": "scope", "per minute": "per_minute"}
        print_text(rows_of(rows, columns | {"at once": "at_once"}, numeric=2))
    else:
        print_text(Text("there is no token"))
