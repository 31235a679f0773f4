"""Which processes a program has started, and whether they are gone."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from deploy.demo import running


def children(parent: int) -> frozenset[int]:
    """Return the ids of the processes that a process has started and that live."""
    names = (entry.name for entry in Path("/proc").iterdir())
    everybody = (int(name) for name in names if name.isdigit())
    return frozenset(pid for pid in everybody if _state(pid)[1] == parent)


def wait_until_gone(processes: Iterable[int]) -> None:
    """Wait until processes have ended; whether somebody reaped them does not matter."""

    def look() -> bool | None:
        alive = [pid for pid in processes if _state(pid)[0] not in ("", "Z")]
        return None if alive else True

    running.wait_for(look, what=f"the end of processes {processes}")


def _state(pid: int) -> tuple[str, int]:
    """Return state and parent of a process; an empty state if there is none."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        # The name of the program is in brackets, and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[1])
    return "", 0
