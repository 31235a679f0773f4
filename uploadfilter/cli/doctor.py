"""``uploadfilter doctor``: check the whole installation, and say what to do."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.text import Text

from uploadfilter.cli.acting import become_owner
from uploadfilter.cli.options import (
    ConfigOption,
    InstanceOption,
    JSONOption,
    StateOption,
    config_file,
    given,
    present_s,
)
from uploadfilter.cli.output import FOUND, harmless, print_json, print_text
from uploadfilter.cli.places import default_place, with_unit
from uploadfilter.doctor.results import Area, Diagnosis, Grade, failure
from uploadfilter.errors import ConfigError, UsageError

_MARKS = {Grade.OK: "ok", Grade.WARNING: "warning", Grade.FAILED: "FAILED"}
_STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAILED: "bold red"}
_AREA_WIDTH = max(len(area) for area in Area)
_MARK_WIDTH = max(len(mark) for mark in _MARKS.values())


def doctor(
    context: typer.Context,
    *,
    config_path: ConfigOption = None,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Check the whole installation when anything is odd, and say what to do.

    It checks the configuration, the state directory, the reference set, the age of
    signed sets, the decision log and its disk; it scans a harmless picture of each kind
    in the sandbox, asks the running proxy and its doors whether they are ready, and
    sends a canary through it. It changes nothing. `uploadfilter verify` proves the
    log's records.

    Exit code 1 if a check failed; warnings do not count.

    **Example**

        sudo uploadfilter doctor
    """
    path = config_file(config_path)
    overrides = {"state": None if state is None else str(state), "instance": instance}
    found = []
    for item in examine(path, state, given(context, overrides)):
        found.append(item)
        if not json:
            print_text(*_lines(item))
    if json:
        print_json(
            {
                "config": None if path is None else str(path),
                "healthy": all(it.grade is not Grade.FAILED for it in found),
                "checks": found,
            }
        )
    if any(it.grade is Grade.FAILED for it in found):
        raise typer.Exit(FOUND)


def examine(
    path: Path | None, state: Path | None, overrides: dict[str, object]
) -> Iterator[Diagnosis]:
    """Make every check, one after the other, as the user of the service.

    Args:
        path: The configuration file that ``serve`` would read; ``None`` for none.
        state: The state directory that is named, if any.
        overrides: The settings that the command line names.
    """
    # As in `serve`: the server's libraries take long to load.
    from uploadfilter import config  # noqa: PLC0415 -- as said above
    from uploadfilter.doctor import machine, proxies  # noqa: PLC0415 -- as said above
    from uploadfilter.doctor.scanning import examine_scanners  # noqa: PLC0415 -- too
    from uploadfilter.scanners.pool.settings import (  # noqa: PLC0415 -- too
        ScannerSettings,
    )

    environ = with_unit(os.environ, path)
    place = default_place(path).path
    try:
        loaded = config.read(
            path, overrides=overrides, default_state=place, environ=environ
        )
    except ConfigError as exc:
        yield from machine.of_error(exc)
        # What does not depend on the configuration is checked all the same.
        yield from _of_state(state or place)
        yield from asyncio.run(examine_scanners(ScannerSettings()))
        return
    settings = loaded.settings
    yield from machine.examine_configuration(loaded, environ)
    yield from _of_state(settings.state)
    yield from machine.examine_log(settings, present_s())
    yield from asyncio.run(examine_scanners(settings.scanner))
    yield from proxies.examine_readiness(settings.admin)
    yield from proxies.examine_doors(settings.api, settings.clamd)
    yield from proxies.examine_canaries(settings.state, present_s)


def _of_state(state: Path) -> Iterator[Diagnosis]:
    """Check the state directory and what every proxy on it reads."""
    from uploadfilter.doctor import machine  # noqa: PLC0415 -- as said above

    try:
        become_owner(state)
    except UsageError as exc:
        yield failure(Area.STATE, str(exc), exc.hint)
    yield from machine.examine_state(state)
    yield from machine.examine_reference(state)
    yield from machine.examine_signed(state, present_s())


def _lines(item: Diagnosis) -> list[Text]:
    """Return a result as one line of text, and one with the remedy."""
    line = Text(f"{_MARKS[item.grade]:{_MARK_WIDTH}}  ", style=_STYLES[item.grade])
    words = f"{item.area:{_AREA_WIDTH}}  {item.text}"
    line.append(Text(harmless(words), style="not bold default"))
    if not item.hint:
        return [line]
    indent = " " * (_MARK_WIDTH + _AREA_WIDTH + 4)
    return [line, Text(harmless(f"{indent}{item.hint}"), style="dim")]
