"""Find the state directory if none is named, and what determined it.

The sources, in this order: the user's configuration file, the systemd unit of the
installed service, the configuration file of the system, the XDG default. A user who has
a state directory, and is neither root nor the owner of the service's state, keeps it.

It also reads the mode from the same sources, for commands that say what rejects.

Rules this module keeps: a directory other than the user's default is reported to a
person at a terminal, so that nobody changes a service by accident or reads the wrong
log; a file that cannot be read says nothing here, and ``config --check`` says why.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from uploadfilter.cli.units import UNIT_FOLDERS, installed_unit
from uploadfilter.model import Mode

CONFIG_NAME = "uploadfilter.toml"
SYSTEM_CONFIG = Path("/etc/uploadfilter") / CONFIG_NAME

STATE_VARIABLE = "UPLOADFILTER_STATE_DIR"
"""The environment variable that names the state directory for every command."""

MODE_VARIABLE = "UPLOADFILTER_MODE"
"""The environment variable that overrides the mode of the configuration file."""

_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePlace:
    """A state directory."""

    path: Path
    named_by: str = ""


def default_place(
    config: Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    folders: Sequence[Path] = UNIT_FOLDERS,
) -> StatePlace:
    """Return the state directory that is used if none is named."""
    in_file = _text(_document(config), "state")
    unit = installed_unit(folders=folders)
    in_unit = unit.environment.get(STATE_VARIABLE) if unit else None
    own = own_default(environ)
    # For the service, its unit overrides its configuration file.
    if in_file and (config != SYSTEM_CONFIG or not in_unit):
        return StatePlace(path=Path(in_file), named_by=str(config))
    if unit and in_unit and (_is_ours(Path(in_unit)) or not own.is_dir()):
        return StatePlace(path=Path(in_unit), named_by=str(unit.path))
    return StatePlace(path=own)


def with_unit(
    environ: Mapping[str, str],
    config: Path | None,
    *,
    folders: Sequence[Path] = UNIT_FOLDERS,
) -> dict[str, str]:
    """Return the environment in which the service reads its configuration file."""
    unit = installed_unit(folders=folders) if config == SYSTEM_CONFIG else None
    return {**(unit.environment if unit else {}), **environ}


def own_default(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the default state directory of a user.

    Returns:
        ``uploadfilter`` in ``$XDG_STATE_HOME``, or in ``~/.local/state``.

    Source:
        XDG Base Directory Specification 0.8: a relative path in the variable is
        invalid and must be ignored.
    """
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = home() / ".local" / "state"
    return base / "uploadfilter"


def home() -> Path:
    """Return the user's home directory.

    A user without an account and without ``$HOME`` has the root, as in containers. If
    it cannot be written, the error says which option names another place.
    """
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def _is_ours(path: Path) -> bool:
    """Return whether this user is root or the owner of a state directory."""
    if os.geteuid() == 0:
        return True
    try:
        return path.stat().st_uid == os.geteuid()
    except OSError:
        return False


def may_enforce(
    config: Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    folders: Sequence[Path] = UNIT_FOLDERS,
) -> bool:
    """Tell whether the configuration lets any route reject.

    An option of ``serve`` is not seen.
    """
    document = _document(config)
    routes = document.get("routes", [])
    modes = [_text(it, "mode") for it in routes] if isinstance(routes, list) else []
    own = with_unit(environ, config, folders=folders).get(MODE_VARIABLE)
    modes.append(own or _text(document, "mode"))
    return any(it.upper() == Mode.ENFORCE for it in modes)


def _document(config: Path | None) -> dict[str, object]:
    """Return a configuration file as it is written; nothing if it cannot be read."""
    if config is None:
        return {}
    try:
        with config.open("rb") as file:
            return tomllib.loads(file.read(_MOST_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return {}


def _text(table: object, key: str) -> str:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, str) else ""
