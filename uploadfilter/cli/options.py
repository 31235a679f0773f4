"""Define the options that several commands share, and find the state directory.

Rules this module keeps: values are parsed here and never checked again further in; an
option has the same name, meaning and default in every command; a command that only
reads never creates a directory.

To add a shared option, add its ``Annotated`` type here and use it as the type of the
parameter; the default is written at the parameter.
"""

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.output import say
from uploadfilter.cli.places import (
    CONFIG_NAME,
    STATE_VARIABLE,
    SYSTEM_CONFIG,
    default_place,
    home,
)
from uploadfilter.decisions.files.segments import packed, segments
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
        readable=False,  # `acting` reports its owner
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
    ),
]
JSONOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, even on a terminal.")
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
    ),
]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def config_file(
    named: Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    system: Path = SYSTEM_CONFIG,
) -> Path | None:
    """Return the configuration file: the named one, otherwise the first that exists.

    Args:
        named: The file that an option or an argument names, if any.
        environ: The environment of the process. ``UPLOADFILTER_CONFIG`` names a file
            that must exist; if it is set and empty, no file is used.
        system: The path of the system's configuration file.

    Returns:
        The path, or ``None`` if there is no file. A file that exists is never skipped,
        even if it cannot be read.

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
        base = home() / ".config"
    own = base / "uploadfilter" / CONFIG_NAME
    return next((path for path in (own, system) if os.path.lexists(path)), None)


def given(context: typer.Context, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that come from the command line, not from the environment."""
    sources = {name: context.get_parameter_source(name) for name in values}
    # Compared by name, because some releases of typer have a copy of click's enum.
    typed = {name for name, it in sources.items() if it and it.name == "COMMANDLINE"}
    return {name: value for name, value in values.items() if name in typed}


def state_directory(state: Path | None) -> Path:
    """Return the named state directory, or the default one.

    A message on a terminal names it, unless it is the user's own and already exists.
    """
    if state is not None:
        return state
    place = default_place(config_file(None))
    if not sys.stderr.isatty():
        return place.path
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
    """Make the state directory, readable only by its owner, if it does not exist."""
    try:
        make_private(path)
    except OSError as exc:
        raise UsageError(
            f"cannot make the state directory {str(path)!r}: {exc.strerror}",
            hint=f"Name another one with --state or {STATE_VARIABLE}.",
        ) from exc


def log_directory(state: Path | None, instance: str | None) -> Path:
    """Return the directory of an instance's decision log.

    A folder that is itself a log, such as the copy of an overseer, stands for its state
    directory.
    """
    name = instance or DEFAULT_INSTANCE
    if not INSTANCE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid name of an instance",
            hint="Use lower-case letters, digits and hyphens, at most 64.",
        )
    place = state_directory(state)
    is_log = place.is_dir() and bool(segments(place) or packed(place))
    return place if is_log else place_of_log(place, name)


def present_s() -> float:
    """Return the time, in seconds since the epoch, for commands to pass on."""
    return time.time()  # noqa: TID251 -- commands are where clocks are read


def now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.fromtimestamp(present_s(), UTC)


def day(text: str) -> date:
    """Parse a day."""
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(
            f"{text!r} is not a day", hint="Write it like this: 2026-11-01."
        ) from exc


def moment(text: str, *, now: datetime) -> datetime:
    """Parse a time in the past.

    Args:
        text: An ISO 8601 date or time (UTC unless it names a zone), or an age: a number
            and one of ``s m h d w``.
        now: The present time, with a time zone.
    """
    hint = "Write 2026-03-01, 2026-03-01T12:00:00Z, or an age such as 90m or 7d."
    try:
        return _moment(text, now, -1)
    except (ValueError, OverflowError) as exc:
        raise UsageError(f"{text!r} is not a point in time", hint=hint) from exc


def moment_until(text: str, *, now: datetime) -> datetime:
    """Parse a time in the future, or a time from now, as ``moment`` does."""
    hint = "Write 2026-03-01, 2026-03-01T12:00:00Z, 72h or 7d."
    try:
        return _moment(text, now, +1)
    except (ValueError, OverflowError) as exc:
        what = "is neither a date nor a time from now"
        raise UsageError(f"{text!r} {what}", hint=hint) from exc


def _moment(text: str, now: datetime, direction: int) -> datetime:
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit():
        return now + direction * timedelta(seconds=int(number) * _UNITS[unit])
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
