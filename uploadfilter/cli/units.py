"""Read the systemd unit of an installed service, so that commands find its state.

The service is started with environment variables that a shell does not have. An
operator who types a command on the same machine means the service's state, and must
not get an empty directory of their own.

Rules this module keeps: it reads unit files and does not ask systemd, so that it works
in a rescue shell as well; a file that cannot be read is ignored. Only the directives of
our own unit are understood: ``Environment=``, ``EnvironmentFile=``, drop-ins, ``%S``
and ``%i`` (systemd.unit(5), systemd.exec(5)).
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.state import DEFAULT_INSTANCE

UNIT: Final = "uploadfilter@.service"
PREFIX: Final = "UPLOADFILTER_"

UNIT_FOLDERS: Final = (
    Path("/etc/systemd/system"),
    Path("/run/systemd/system"),
    Path("/usr/local/lib/systemd/system"),
    Path("/usr/lib/systemd/system"),
    Path("/lib/systemd/system"),
)
"""The folders of systemd units, by priority (systemd.unit(5), "Unit File Load
Path")."""

_STATE_ROOT = "/var/lib"
_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The unit of the service."""

    path: Path
    environment: Mapping[str, str]


def installed_unit(
    instance: str = DEFAULT_INSTANCE, *, folders: Sequence[Path] = UNIT_FOLDERS
) -> Unit | None:
    """Read the unit of the service, with its drop-ins; ``None`` if there is none."""
    found = (folder / UNIT for folder in folders)
    path = next((it for it in found if it.is_file()), None)
    if path is None:
        return None
    environment: dict[str, str] = {}
    for file in (path, *_drop_ins(instance, folders)):
        _apply(_read(file), environment, instance)
    ours = {name: it for name, it in environment.items() if name.startswith(PREFIX)}
    return Unit(path=path, environment=ours)


def _drop_ins(instance: str, folders: Sequence[Path]) -> list[Path]:
    """Return drop-ins by name; a file in an earlier folder hides others of its name."""
    by_name: dict[str, Path] = {}
    for folder in reversed(folders):
        for unit in (UNIT, UNIT.replace("@", f"@{instance}")):
            try:
                files = sorted((folder / f"{unit}.d").glob("*.conf"))
            except OSError:
                continue
            by_name.update({file.name: file for file in files})
    return [by_name[name] for name in sorted(by_name)]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _apply(text: str, environment: dict[str, str], instance: str) -> None:
    for key, value in _settings(text):
        if key == "Environment" and not value:
            environment.clear()
        elif key == "Environment":
            written = _expanded(value, instance)
            environment.update(_variables(_words(written)))
        elif key == "EnvironmentFile":
            file = Path(_expanded(value.removeprefix("-"), instance))
            lines = _read(file).splitlines()
            words = (word for line in lines for word in _words(line)[:1])
            environment.update(_variables(words))


def _settings(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for raw in text.replace("\\\n", " ").splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line[:1] not in {"#", ";"}:
            key, is_setting, value = line.partition("=")
            if is_setting:
                yield key.strip(), value.strip()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return []


def _variables(words: Iterator[str] | list[str]) -> dict[str, str]:
    pairs = (word.partition("=") for word in words)
    return {name: value for name, is_set, value in pairs if is_set}


def _expanded(value: str, instance: str) -> str:
    parts = value.split("%%")
    for name, stands_for in (("%S", _STATE_ROOT), ("%i", instance), ("%I", instance)):
        parts = [part.replace(name, stands_for) for part in parts]
    return "%".join(parts)
