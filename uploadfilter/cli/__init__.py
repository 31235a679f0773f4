"""The command line: the one program, ``uploadfilter``.

Rules this package keeps: one module per group of commands; arguments are parsed here
and nowhere further in; data goes to stdout and messages for people to stderr; exit
codes are those of ``docs/operating/commands.md``: 0 everything was checked and nothing
matched, 1 something matched, or could not be checked, or was not found, 2 refused,
wrong usage or failed.

To add a command, write its function in the module of its group (or a new module) and
add one line below.
"""

import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup, TyperOption
from typing_extensions import override

from uploadfilter.cli.acting import why_denied
from uploadfilter.cli.config import app as config_app
from uploadfilter.cli.hashset import (
    canaries,
    converting,
    differences,
    generations,
    signed,
    stats,
    suppressions,
    tripwire,
)
from uploadfilter.cli.hashset.hashset import app as hashset_app
from uploadfilter.cli.hashset.known import app as known_app
from uploadfilter.cli.hashset.quarantine import app as quarantine_app
from uploadfilter.cli.init import init as init_command
from uploadfilter.cli.issuer import building, feedback, holders, paging
from uploadfilter.cli.issuer.issuer import app as issuer_app
from uploadfilter.cli.log.log import app as log_app
from uploadfilter.cli.lookup import lookup as lookup_command
from uploadfilter.cli.output import FAILED, INTERRUPTED, say, show_error
from uploadfilter.cli.scan import scan as scan_command
from uploadfilter.cli.serve import serve as serve_command
from uploadfilter.cli.witness import witness as witness_command
from uploadfilter.errors import UploadFilterError


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


app = _Program(
    name="uploadfilter",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve_command)
app.command("init")(init_command)
app.command("scan")(scan_command)
app.command("lookup")(lookup_command)
app.command("witness")(witness_command)
hashset_app.command("convert")(converting.convert_command)
hashset_app.command("diff")(differences.diff_command)
hashset_app.command("stats")(stats.stats_command)
hashset_app.command("check")(generations.check_command)
hashset_app.command("suppress")(suppressions.suppress_command)
hashset_app.command("unsuppress")(suppressions.unsuppress_command)
hashset_app.command("suppressions")(suppressions.suppressions_command)
hashset_app.command("generations")(generations.generations_command)
hashset_app.command("compact")(generations.compact_command)
hashset_app.command("activate")(generations.activate_command)
hashset_app.command("rollback")(generations.rollback_command)
hashset_app.command("release")(generations.release_command)
hashset_app.command("trust")(signed.trust_command)
hashset_app.command("sync")(signed.sync_command)
hashset_app.command("status")(signed.status_command)
hashset_app.command("tripwire")(tripwire.tripwire_command)
hashset_app.command("restore")(tripwire.restore_command)
hashset_app.command("canary")(canaries.canary_command)
hashset_app.command("feedback")(feedback.feedback_command)
hashset_app.command("feedback-key")(feedback.feedback_key_command)
hashset_app.add_typer(known_app)
hashset_app.add_typer(quarantine_app)
app.add_typer(hashset_app)
app.add_typer(log_app)
app.add_typer(config_app)
issuer_app.command("init")(holders.init_command)
issuer_app.command("key")(holders.key_command)
issuer_app.command("rotate")(holders.rotate_command)
issuer_app.command("build")(building.build_command)
issuer_app.command("feedback")(feedback.issuer_feedback_command)
issuer_app.command("page")(paging.page_command)
app.add_typer(issuer_app)


def _show_version(wanted: bool) -> None:
    """Print the version and end, if ``--version`` was given."""
    if wanted:
        sys.stdout.write(f"uploadfilter {version('uploadfilter')}\n")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 all checked and nothing matched; 1 something matched or "
    "could not be checked, or nothing was found; 2 wrong usage, refused or failed."
)
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
        app()
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
