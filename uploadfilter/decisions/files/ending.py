"""Keep a checkpoint beside a log, to detect that its newest files are missing.

A chain cannot show that its end was cut off, but a checkpoint kept elsewhere can. For
operators without one, the file ``end`` in the log's directory holds a checkpoint. It
detects deletion by mistake and restored old copies; an attacker can change this file,
too.

The checkpoint is older than ``LAG_S``, so that a copy made while the log grew still has
the record that it names.
"""

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.errors import UsageError

LAG_S: Final = 600.0
"""Least age of the checkpoint: copying a log takes less than ten minutes."""

_FILE: Final = "end"
_MOST_BYTES: Final = 200


def kept_end(directory: Path) -> Checkpoint | None:
    """Return the checkpoint that is kept beside a log; ``None`` if there is none."""
    try:
        with (directory / _FILE).open("rb") as file:
            return Checkpoint.parse(file.read(_MOST_BYTES).decode("ascii", "replace"))
    except (OSError, UsageError):
        return None


class Ending:
    """Keeps the checkpoint of one log."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._known: deque[tuple[float, Checkpoint]] = deque()

    def add(self, checkpoint: Checkpoint, *, now: float) -> None:
        """Add a durable checkpoint, and keep the newest one that is old enough.

        Args:
            checkpoint: The checkpoint.
            now: Seconds since the epoch.
        """
        self._known.append((now, checkpoint))
        kept: Checkpoint | None = None
        while self._known and self._known[0][0] <= now - LAG_S:
            kept = self._known.popleft()[1]
        if kept is not None:
            # On a full disk the old one stays, which is correct as well.
            with suppress(OSError):
                self._write(kept)

    def _write(self, checkpoint: Checkpoint) -> None:
        aside = self._path.with_name(f".new-{_FILE}")
        aside.write_text(checkpoint.text() + "\n", encoding="ascii")
        aside.chmod(0o600)
        aside.replace(self._path)
