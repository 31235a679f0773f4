"""``uploadfilter doctor``: check the whole installation, and say what to do."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct
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
    state_directory,
)
from uploadfilter.cli.output import FOUND, harmless, print_json, print_text
from uploadfilter.cli.places import default_place, with_unit
from uploadfilter.doctor.results import Area, Diagnosis, Grade, failure
from uploadfilter.errors import ConfigError, UsageError

_MARKS = {Grade.OK: "ok", Grade.WARNING: "warning", Grade.FAILED: "FAILED"}
_STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAILED: "bold red"}
_AREA_WIDTH = max(len(area) for area in Area)
_MARK_WIDTH = max(len(mark) for mark in _MARKS.values())


_AREAS: Final = {area.name.lower(): area for area in Area}
"""The areas by the words of ``--only``."""

_OF_STATE: Final = frozenset({Area.STATE, Area.REFERENCE, Area.SIGNED, Area.CANARY})
"""Areas that depend on the state directory alone."""


class CheckupJSON(Struct):
    """The results of the doctor."""

    config: str | None
    healthy: bool
    checks: list[Diagnosis]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The areas to be checked, and the URLs of the canary."""

    areas: frozenset[Area] = frozenset(Area)
    urls: Sequence[str] = ()


def doctor(
    context: typer.Context,
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="AREA",
            help=f"Check only this area: {', '.join(_AREAS)}. Give the option once for "
            "each.",
        ),
    ] = None,
    urls: Annotated[
        list[str] | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Send the canary to this URL, such as that of your front end; give "
            "the option once for each.  [default: one address of each proxy]",
        ),
    ] = None,
    config_path: ConfigOption = None,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Check the whole installation when anything is odd, and say what to do.

    It checks the configuration, the state directory, the reference set, the age of
    signed sets, the decision log and its disk; it scans a harmless picture of each kind
    in the sandbox, asks the running proxy and its doors whether they are ready, and
    sends a canary through it, of which no byte reaches the origin. It changes nothing.
    `uploadfilter verify` proves the log's records.

    Exit code 1 if a check failed; warnings do not count.

    **Examples**

        sudo uploadfilter doctor

        uploadfilter doctor --only canary --url https://upload.example.org/
    """
    path = config_file(config_path)
    overrides = {"state": None if state is None else str(state), "instance": instance}
    wanted = Examination(areas=_areas(only or ()), urls=_urls(urls or ()))
    found: list[Diagnosis] = []
    for item in examine(path, state, given(context, overrides), wanted):
        # A proxy that runs repeats what its file shows.
        if item.hint and any(it.text.endswith(item.text) for it in found):
            continue
        found.append(item)
        if not json:
            print_text(*_lines(item))
    is_failed = any(it.grade is Grade.FAILED for it in found)
    if json:
        print_json(CheckupJSON(str(path) if path else None, not is_failed, found))
    if is_failed:
        raise typer.Exit(FOUND)


def _areas(words: Sequence[str]) -> frozenset[Area]:
    """Return the areas of ``--only``; all without a word."""
    for word in words:
        if word not in _AREAS:
            raise UsageError(
                f"there is no area {word!r}", hint=f"Areas are {', '.join(_AREAS)}."
            )
    return frozenset(_AREAS[word] for word in words) or frozenset(Area)


def _urls(urls: Sequence[str]) -> Sequence[str]:
    """Return the URLs; refuse a wrong one before anything is checked."""
    from uploadfilter.syncing.canaries import connection_to  # noqa: PLC0415 -- as below

    for url in urls:
        connection_to(url)
    return urls


def examine(
    path: Path | None,
    state: Path | None,
    overrides: dict[str, object],
    wanted: Examination,
) -> Iterator[Diagnosis]:
    """Make the checks, one after the other, as the user of the service."""
    if wanted.areas <= _OF_STATE:
        # A configuration that somebody edits does not stop the canary of a timer.
        yield from _of_state(state_directory(state), wanted)
        return
    # As in `serve`: the server's libraries take long to load.
    from uploadfilter import config  # noqa: PLC0415 -- as said above
    from uploadfilter.doctor import machine, proxies  # noqa: PLC0415 -- as said above
    from uploadfilter.doctor.scanning import examine_scanners  # noqa: PLC0415 -- too
    from uploadfilter.scanners.pool.settings import (  # noqa: PLC0415 -- too
        ScannerSettings,
    )

    environ = with_unit(os.environ, path)
    place = default_place(path).path
    areas = wanted.areas
    try:
        loaded = config.read(
            path, overrides=overrides, default_state=place, environ=environ
        )
    except ConfigError as exc:
        # What does not depend on the configuration is checked all the same.
        yield from machine.of_error(exc)
        yield from _of_state(state or place, wanted)
        if Area.SCANNERS in areas:
            yield from asyncio.run(examine_scanners(ScannerSettings()))
        return
    settings = loaded.settings
    if Area.CONFIGURATION in areas:
        yield from machine.examine_configuration(loaded, environ)
    yield from _of_state(settings.state, replace(wanted, areas=areas - {Area.CANARY}))
    if areas & {Area.LOG, Area.DISK}:
        found = machine.examine_log(settings, present_s())
        yield from (it for it in found if it.area in areas)
    if Area.SCANNERS in areas:
        yield from asyncio.run(examine_scanners(settings.scanner))
    if Area.PROXY in areas:
        yield from proxies.examine_readiness(settings.admin)
    if Area.DOORS in areas:
        leads = settings.objections.public_url or settings.notices.public_url
        forms = settings.forms.public_address if leads else None
        yield from proxies.examine_doors(settings.api, settings.clamd, forms)
    if Area.CANARY in areas:
        yield from proxies.examine_canaries(settings.state, present_s, wanted.urls)


def _of_state(state: Path, wanted: Examination) -> Iterator[Diagnosis]:
    """Become the owner of the state directory, and check what depends on it alone."""
    from uploadfilter.doctor import machine, proxies  # noqa: PLC0415 -- as said above

    try:
        become_owner(state)
    except UsageError as exc:
        yield failure(Area.STATE, str(exc), exc.hint)
    if Area.STATE in wanted.areas:
        yield from machine.examine_state(state)
    if Area.REFERENCE in wanted.areas:
        yield from machine.examine_reference(state)
    if Area.SIGNED in wanted.areas:
        yield from machine.examine_signed(state, present_s())
    if Area.CANARY in wanted.areas:
        yield from proxies.examine_canaries(state, present_s, wanted.urls)


def _lines(item: Diagnosis) -> list[Text]:
    line = Text(f"{_MARKS[item.grade]:{_MARK_WIDTH}}  ", style=_STYLES[item.grade])
    words = f"{item.area:{_AREA_WIDTH}}  {item.text}"
    line.append(Text(harmless(words), style="not bold default"))
    if not item.hint:
        return [line]
    indent = " " * (_MARK_WIDTH + _AREA_WIDTH + 4)
    return [line, Text(harmless(f"{indent}{item.hint}"), style="dim")]
