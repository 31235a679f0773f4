"""Put into the wheel what ``make wheel`` has written for systems: pages, completions.

A wheel that is built in another way has none of them: the program writes them, and
cannot be run before it is built.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedHook(BuildHookInterface[Any]):
    """Adds ``build/share`` as the ``share`` of the place of the installation."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folder, if it is there and the wheel is no editable one."""
        shared = Path(self.root, "build/share")
        if version == "standard" and shared.is_dir():
            build_data["shared_data"][str(shared)] = "share"
