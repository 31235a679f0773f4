"""Put the manual pages and completions of ``make wheel`` into the wheel.

A wheel that is built in another way lacks them: the program writes them, and it cannot
run before it is built.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedHook(BuildHookInterface[Any]):
    """Adds ``build/share`` as the folder ``share`` of the installation."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folder, if it exists and the wheel is not an editable one."""
        shared = Path(self.root, "build/share")
        if version == "standard" and shared.is_dir():
            build_data["shared_data"][str(shared)] = "share"
