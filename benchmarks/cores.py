"""Prefixes of commands that say where and when they run."""

import os
import shutil


def pinned(core: int | None) -> tuple[str, ...]:
    """Return the prefix that keeps a command on one core; empty for ``None``."""
    taskset = shutil.which("taskset")
    if core is None or taskset is None or (os.cpu_count() or 1) <= core:
        return ()
    return (taskset, "-c", str(core))


def yielding() -> tuple[str, ...]:
    """Return the prefix by which a command gets only the time that nobody else wants.

    It does so from its start: otherwise the start itself would delay others.
    """
    chrt = shutil.which("chrt")
    return (chrt, "--idle", "0") if chrt else ()
