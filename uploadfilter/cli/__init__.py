"""The command line: the one program, ``uploadfilter``.

Rules this package keeps: one module per group of commands; arguments are parsed here
and nowhere further in; data goes to stdout and messages for people to stderr; exit
codes are those of ``docs/operating/commands.md``: 0 everything was checked and nothing
matched, 1 something matched, or could not be checked, or was not found, 2 refused,
wrong usage or failed.

``cli/commands.py`` lists the commands, and says how one is added.
"""

import sys
import traceback
from typing import Annotated, cast

import typer
import typer.main
from typer.core import TyperGroup

from uploadfilter.cli.acting import why_denied
from uploadfilter.cli.commands import (
    MARKUP,
    SETTINGS,
    add_commands,
    hide_types_of_flags,
    load_commands,
)
from uploadfilter.cli.output import FAILED, INTERRUPTED, say, show_error
from uploadfilter.errors import UploadFilterError

_EPILOG = (
    "Exit codes: 0 all checked and nothing matched; 1 something matched or "
    "could not be checked, or nothing was found; 2 wrong usage, refused or failed."
)


def program() -> TyperGroup:
    """Return the program with all its commands, of which none is loaded."""
    app = typer.Typer(
        name="uploadfilter",
        no_args_is_help=True,
        rich_markup_mode=MARKUP,
        context_settings=dict(SETTINGS),
    )
    app.callback(epilog=_EPILOG)(uploadfilter)
    group = cast("TyperGroup", typer.main.get_command(app))
    hide_types_of_flags(group)
    add_commands(group)
    return group


def whole_program() -> TyperGroup:
    """Return the program with all its commands loaded, for the manual pages."""
    group = program()
    load_commands(group)
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        # It takes as long to load as the parser of the command line.
        from importlib.metadata import version  # noqa: PLC0415 -- as said above

        sys.stdout.write(f"uploadfilter {version('uploadfilter')}\n")
        raise typer.Exit


def uploadfilter(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and end.",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
) -> None:
    """Stop known pictures of abuse before they are published.

    An upload proxy in front of a hosting provider's upload endpoints; the police supply
    the hash sets.

    **To start**

        uploadfilter init
        uploadfilter hashset import FILE --name unit7 --category 1
        uploadfilter serve --origin http://127.0.0.1:8081 --listen 127.0.0.1:8080
    """


def main() -> None:
    """Run one command; end with its exit code, never with Python's own.

    An uncaught exception would end with 1, which here means that something matched.
    """
    try:
        program()(sys.argv[1:])
    except UploadFilterError as exc:
        exc.hint = why_denied(exc) or exc.hint
        show_error(exc)
        raise SystemExit(exc.exit_code) from exc
    except KeyboardInterrupt as exc:
        raise SystemExit(INTERRUPTED) from exc
    except Exception as exc:
        traceback.print_exception(exc)
        say("uploadfilter: this is a bug in uploadfilter; please report it")
        raise SystemExit(FAILED) from exc
