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
from collections.abc import Sequence
from typing import Annotated

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup, TyperOption
from typing_extensions import override

from uploadfilter.cli.acting import why_denied
from uploadfilter.cli.commands import add_commands, completed
from uploadfilter.cli.output import FAILED, INTERRUPTED, say, show_error
from uploadfilter.errors import UploadFilterError

_EPILOG = (
    "Exit codes: 0 all checked and nothing matched; 1 something matched or "
    "could not be checked, or nothing was found; 2 wrong usage, refused or failed."
)


def _without_types_of_flags(
    command: TyperCommand | TyperGroup, above: typer.Context | None = None
) -> None:
    """Remove typer's ``<bool>`` from the help of flags: a flag takes no value."""
    context = typer.Context(command, parent=above, **command.context_settings)
    help_option = command.get_help_option(context)
    for parameter in (*command.params, help_option):
        if isinstance(parameter, TyperOption) and parameter.is_flag:
            parameter.metavar = ""
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            if isinstance(below, TyperCommand | TyperGroup):
                _without_types_of_flags(below, context)


class _Program(typer.Typer):
    """The program, with our changes to typer's help."""

    @override
    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run one command."""
        command = typer.main.get_command(self)
        if isinstance(command, TyperCommand | TyperGroup):
            _without_types_of_flags(command)
        return command(*args, **kwargs)


def program_for(words: Sequence[str] = ()) -> typer.Typer:
    """Return the program with the commands that a command line may call.

    Args:
        words: The command line after the program's name; without one, the program has
            all commands.
    """
    app = _Program(
        name="uploadfilter",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=_EPILOG)(uploadfilter)
    add_commands(app, words)
    return app


def _show_version(wanted: bool) -> None:
    """Print the version and end, if ``--version`` was given."""
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
        words = completed(sys.argv[1:])
        program_for(words)(words)
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
