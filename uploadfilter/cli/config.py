"""``uploadfilter config``: check a configuration, and show the settings in force."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    config_file,
    given,
)
from uploadfilter.cli.output import (
    FAILED,
    FOUND,
    print_json,
    say,
    show_problem,
    write_data,
)
from uploadfilter.cli.places import default_place, with_unit
from uploadfilter.errors import ConfigError, ConfigProblem, UsageError

if TYPE_CHECKING:
    from uploadfilter.config import Loaded

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="The configuration file.  [default: the one that `serve` would read]",
        show_default=False,
    ),
]

NamedOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The same as FILE, as `serve` takes it.",
        show_default=False,
    ),
]


def check(
    context: typer.Context,
    file: FileArgument = None,
    *,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also look up the host names of the origins."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if there are warnings.")
    ] = False,
    config: NamedOption = None,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Find all mistakes in a configuration, without starting the service.

    Exit code 0 if the service would work with it, 1 if it would start and answer 503 to
    every upload, and 2 if it would not start; with `--strict`, 1 for any warning.

    **Example**

        uploadfilter config check /etc/uploadfilter/uploadfilter.toml
    """
    # As in `serve`: the server's libraries take long to load.
    from uploadfilter.config.checking import check as look_at  # noqa: PLC0415

    path = config_file(_the_one(file, config))
    problems: tuple[ConfigProblem, ...]
    faults: tuple[ConfigProblem, ...] = ()
    warnings: tuple[ConfigProblem, ...] = ()
    try:
        loaded = _read(context, path, state, instance)
    except ConfigError as exc:
        problems = exc.problems or (_as_problem(exc, path),)
    else:
        findings = look_at(loaded, environ=with_unit(os.environ, path), online=online)
        problems, warnings = findings.problems, findings.warnings
        faults = findings.faults
    _report(path, problems, faults, warnings, json=json)
    if problems:
        raise typer.Exit(FAILED)
    if faults or (warnings and strict):
        raise typer.Exit(FOUND)


def show(
    context: typer.Context,
    file: FileArgument = None,
    *,
    changed: Annotated[bool, typer.Option("--changed", help="Omit defaults.")] = False,
    config: NamedOption = None,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Show every setting that would be in force, and its source.

    The output can be used as a configuration file.

    **Example**

        uploadfilter config show --changed
    """
    from uploadfilter.config import effective  # noqa: PLC0415 -- as above

    path = config_file(_the_one(file, config))
    values = [
        item
        for item in effective.values_of(_read(context, path, state, instance))
        if not changed or item.source != effective.DEFAULT
    ]
    if json:
        print_json(
            {
                "file": None if path is None else str(path),
                "settings": [
                    {"key": item.name, "value": item.value, "source": item.source}
                    for item in values
                ],
            }
        )
        return
    write_data("".join(f"{it}\n" for it in effective.as_toml(values)).encode())


def _the_one(file: Path | None, config: Path | None) -> Path | None:
    """Return the file that the argument or the option names; ``None`` without both.

    Raises:
        UsageError: They name two different files.
    """
    if None not in (file, config) and file != config:
        raise UsageError(
            f"two configuration files are named: {str(file)!r} and {str(config)!r}",
            hint="Name one, as an argument or with --config.",
        )
    return config if file is None else file


def _read(
    context: typer.Context, path: Path | None, state: Path | None, instance: str | None
) -> "Loaded":
    """Read the configuration as `serve` would."""
    from uploadfilter import config  # noqa: PLC0415 -- as above

    overrides = {"state": None if state is None else str(state), "instance": instance}
    return config.read(
        path,
        overrides=given(context, overrides),
        default_state=default_place(path).path,
        environ=with_unit(os.environ, path),
    )


def _as_problem(error: ConfigError, path: Path | None) -> ConfigProblem:
    """Return the problem of a file that could not be read or parsed."""
    source = "the command line" if path is None else str(path)
    text, line = str(error), None
    if found := re.match(rf"{re.escape(source)}(?::([0-9]+))?: ", text):
        text, line = text[found.end() :], int(found[1]) if found[1] else None
    return ConfigProblem(source=source, line=line, key="", text=text, hint=error.hint)


def _report(
    path: Path | None,
    problems: tuple[ConfigProblem, ...],
    faults: tuple[ConfigProblem, ...],
    warnings: tuple[ConfigProblem, ...],
    *,
    json: bool,
) -> None:
    if json:
        print_json(
            {
                "file": None if path is None else str(path),
                "usable": not problems,
                "problems": [_document(item) for item in problems],
                "faults": [_document(item) for item in faults],
                "warnings": [_document(item) for item in warnings],
            }
        )
        return
    for item in (*problems, *faults):
        show_problem(str(item), item.hint)
    for item in warnings:
        show_problem(f"warning: {item}", item.hint)
    if not problems and not faults:
        say(f"{path or 'the configuration'} can be used")


def _document(item: ConfigProblem) -> dict[str, object]:
    return {
        "source": item.source,
        "line": item.line,
        "key": item.key,
        "problem": item.text,
        "hint": item.hint,
    }
