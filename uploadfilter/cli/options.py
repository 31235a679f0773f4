"""Options that several commands share, and where state lives.

Rules this module keeps: values are parsed here, at the rim, and never checked again
further in; an option has the same name, meaning and default in every command; a reading
command never creates a directory.

To add a shared option, add its ``Annotated`` type here and use it as the parameter's
type; its default stands at the parameter.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.output import say
from uploadfilter.cli.places import (
    CONFIG_NAME,
    STATE_VARIABLE,
    SYSTEM_CONFIG,
    default_place,
)
from uploadfilter.errors import UsageError
from uploadfilter.state import DEFAULT_INSTANCE, INSTANCE_NAME, make_private
from uploadfilter.state import log_directory as place_of_log

CONFIG_VARIABLE = "UPLOADFILTER_CONFIG"
"""The environment variable that names the configuration file."""

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="The state directory.  [default: that of the installed service, else the "
        "XDG state directory]",
        envvar=STATE_VARIABLE,
        show_default=False,
        readable=False,  # whose it is, is said by `acting`
    ),
]
InstanceOption = Annotated[
    str | None,
    typer.Option(
        "--instance",
        metavar="NAME",
        help="The name of the proxy, if several share the state directory.  [default: "
        "main]",
        envvar="UPLOADFILTER_INSTANCE",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration file, in TOML; options of the command override it.  "
        "[default: uploadfilter.toml in the XDG configuration directory, else in "
        "/etc/uploadfilter]",
        show_default=False,
    ),
]
JSONOption = Annotated[
    bool,
    typer.Option("--json", help="Print JSON, also on a terminal."),
]

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")
]

JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        max=256,
        metavar="N",
        help="Scanner processes.  [default: one for each CPU]",
        show_default=False,
    ),
]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def config_file(
    named: Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    system: Path = SYSTEM_CONFIG,
) -> Path | None:
    """Return the configuration file: the one that was named, or else the first there.

    Args:
        named: By an option or an argument.
        environ: The environment of the process. ``UPLOADFILTER_CONFIG`` names a file
            that must be there; if it is set and empty, no file is looked for.
        system: Where a system's own file is.

    Returns:
        ``None`` for none. A file that is there is never passed over, even if it cannot
        be read.

    Source:
        XDG Base Directory Specification 0.8, and the Filesystem Hierarchy Standard 3.0,
        section 3.7.
    """
    if named is not None:
        return named
    variable = environ.get(CONFIG_VARIABLE)
    if variable is not None:
        return Path(variable) if variable else None
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".config"
    own = base / "uploadfilter" / CONFIG_NAME
    return next((path for path in (own, system) if os.path.lexists(path)), None)


def given(context: typer.Context, values: Mapping[str, object]) -> dict[str, object]:
    """Return those values that stand on the command line, and not in the environment.

    Args:
        context: Of the command.
        values: Options by the names of their parameters.
    """
    sources = {name: context.get_parameter_source(name) for name in values}
    # By its name, since typer has a copy of click's enum in some releases.
    typed = {name for name, it in sources.items() if it and it.name == "COMMANDLINE"}
    return {name: value for name, value in values.items() if name in typed}


def state_directory(state: Path | None) -> Path:
    """Return the state directory that was named, or else the default one.

    People are told which one that is, unless it is their own and there already.
    """
    if state is not None:
        return state
    place = default_place(config_file(None))
    if place.named_by:
        say(f"state directory: {place.path} (named by {place.named_by})", style="dim")
    elif not place.path.exists():
        say(
            f"state directory: {place.path} (the default; neither --state nor "
            f"{STATE_VARIABLE} names another one)",
            style="dim",
        )
    return place.path


def create_state(path: Path) -> None:
    """Make the state directory, for its owner alone, unless it is there.

    Raises:
        UsageError: It cannot be made, or the name belongs to something else.
    """
    try:
        make_private(path)
    except OSError as exc:
        raise UsageError(
            f"cannot make the state directory {str(path)!r}: {exc.strerror}",
            hint=f"Name another one with --state or {STATE_VARIABLE}.",
        ) from exc


def log_directory(state: Path | None, instance: str | None) -> Path:
    """Return where the decision log of an instance is.

    Raises:
        UsageError: No instance can have that name.
    """
    name = instance or DEFAULT_INSTANCE
    if not INSTANCE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of an instance",
            hint="Use lower-case letters, digits and hyphens, at most 64.",
        )
    return place_of_log(state_directory(state), name)


def present_s() -> float:
    """Return the time, in seconds since the epoch: commands hand it down."""
    return time.time()  # noqa: TID251 -- the rim is where clocks begin


def moment(text: str, *, now: datetime) -> datetime:
    """Parse a moment of the past.

    Args:
        text: An ISO 8601 date or time (UTC where it names no zone), or an age:
            a number and one of ``s m h d w``.
        now: The present, with a time zone.

    Returns:
        The moment, with a time zone.

    Raises:
        UsageError: The text is neither.
    """
    age = _duration(text)
    try:
        return _date(text) if age is None else now - age
    except (ValueError, OverflowError) as exc:
        raise UsageError(
            f"{text!r} is not a point in time",
            hint="Write 2026-03-01, 2026-03-01T12:00:00Z, or an age such as 90m or 7d.",
        ) from exc


def moment_ahead(text: str) -> datetime:
    """Parse a moment of the future: an ISO 8601 date or time.

    Args:
        text: UTC where it names no zone.

    Returns:
        The moment, with a time zone.

    Raises:
        UsageError: The text is not one.
    """
    try:
        return _date(text)
    except ValueError as exc:
        raise UsageError(
            f"{text!r} is not a date or time",
            hint="Write 2026-03-01, or 2026-03-01T12:00:00Z.",
        ) from exc


def duration(text: str) -> timedelta:
    """Parse a length of time: a number and one of ``s m h d w``.

    Raises:
        UsageError: The text is not one.
    """
    length = _duration(text)
    if length is None:
        raise UsageError(
            f"{text!r} is not a length of time", hint="Write for example 72h or 7d."
        )
    return length


def _duration(text: str) -> timedelta | None:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        return None
    try:
        return timedelta(seconds=int(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
