"""``uploadfilter config``: show the settings in force, or check a configuration."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct, field

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
    document_of,
    print_json,
    say,
    show_problem,
    write_data,
)
from uploadfilter.cli.places import default_place, with_unit
from uploadfilter.errors import ConfigError, ConfigProblem, UsageError

if TYPE_CHECKING:
    from uploadfilter.config import Loaded


class MistakeJSON(Struct):
    """A mistake in a configuration."""

    source: str
    line: int | None
    key: str
    text: str = field(name="problem")
    hint: str


class ConfigCheckJSON(Struct):
    """The check of a configuration."""

    file: str | None
    usable: bool
    problems: list[MistakeJSON]
    faults: list[MistakeJSON]
    warnings: list[MistakeJSON]


class SettingJSON(Struct):
    """A setting in force."""

    name: str = field(name="key")
    value: Any
    source: str


class SettingsJSON(Struct):
    """Every setting in force."""

    file: str | None
    settings: list[SettingJSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigPlace:
    """Which configuration is meant: the file, and what stands beside it."""

    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="The configuration file.  [default: the one that `serve` would read]",
        ),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="The same as FILE, as `serve` takes it."
        ),
    ] = None
    state: StateOption = None
    instance: InstanceOption = None

    def path(self) -> Path | None:
        """Return the file that would be read; ``None`` without one."""
        if None not in (self.file, self.config) and self.file != self.config:
            raise UsageError(
                "two configuration files are named: "
                f"{str(self.file)!r} and {str(self.config)!r}",
                hint="Name one, as an argument or with --config.",
            )
        return config_file(self.config if self.file is None else self.file)


def config_command(
    context: typer.Context,
    where: ConfigPlace,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Find all mistakes instead, as `nginx -t` does."),
    ] = False,
    online: Annotated[
        bool,
        typer.Option(
            "--online", help="With --check: look up the host names of the origins, too."
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="With --check: exit with 1 if there are warnings."
        ),
    ] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Omit defaults.")] = False,
    json: JSONOption = False,
) -> None:
    """Show every setting that would be in force, or find all mistakes.

    Each setting has its source, and the output can be used as a configuration file.
    Nothing is started. With --check,
    exit code 0 if the service would work, 1 if it would start and answer 503 to
    every upload, and 2 if it would not start; with --strict, 1 for any warning.

    **Examples**

        uploadfilter config --changed

        uploadfilter config --check /etc/uploadfilter/uploadfilter.toml
    """
    if changed and check:
        raise UsageError(
            "--check shows no settings", hint="Run it once with, once without --check."
        )
    if (online or strict) and not check:
        raise UsageError(
            "--online and --strict are of --check", hint="Add --check, or omit them."
        )
    if check:
        _check(context, where, online=online, strict=strict, json=json)
    else:
        _show(context, where, changed=changed, json=json)


def _check(
    context: typer.Context,
    where: ConfigPlace,
    *,
    online: bool,
    strict: bool,
    json: bool,
) -> None:
    # As in `serve`: the server's libraries take long to load.
    from uploadfilter.config.checking import check as look_at  # noqa: PLC0415

    path = where.path()
    problems: tuple[ConfigProblem, ...]
    faults: tuple[ConfigProblem, ...] = ()
    warnings: tuple[ConfigProblem, ...] = ()
    try:
        loaded = _read(context, path, where)
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


def _show(
    context: typer.Context, where: ConfigPlace, *, changed: bool, json: bool
) -> None:
    from uploadfilter.config import effective  # noqa: PLC0415 -- as above

    path = where.path()
    values = [
        item
        for item in effective.values_of(_read(context, path, where))
        if not changed or item.source != effective.DEFAULT
    ]
    if json:
        file = None if path is None else str(path)
        print_json(document_of(SettingsJSON, file=file, settings=values))
        return
    write_data("".join(f"{it}\n" for it in effective.as_toml(values)).encode())


def _read(context: typer.Context, path: Path | None, where: ConfigPlace) -> "Loaded":
    from uploadfilter import config  # noqa: PLC0415 -- as above

    state = None if where.state is None else str(where.state)
    overrides = {"state": state, "instance": where.instance}
    return config.read(
        path,
        overrides=given(context, overrides),
        default_state=default_place(path).path,
        environ=with_unit(os.environ, path),
    )


def _as_problem(error: ConfigError, path: Path | None) -> ConfigProblem:
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
        shape = document_of(
            ConfigCheckJSON,
            file=None if path is None else str(path),
            usable=not problems,
            problems=problems,
            faults=faults,
            warnings=warnings,
        )
        print_json(shape)
        return
    for item in (*problems, *faults):
        show_problem(str(item), item.hint)
    for item in warnings:
        show_problem(f"warning: {item}", item.hint)
    if not problems and not faults:
        say(f"{path or 'the configuration'} can be used")
