"""Wait for events in other processes, in files and on sockets."""

import asyncio
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 30
"""For whatever is waited for: never reached unless a test fails."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until a condition holds that others bring on."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - no event comes from there
            await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # The name of the program is in brackets, and may hold anything.
    return stat.rpartition(b") ")[2][:1] != b"Z"


def parent_of(pid: int) -> int:
    """Return the process id of a parent; 0 if the process does not exist."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(b")")[2].split()[1])
