"""Keep the end of a log beside it: whether newest files are gone.

A chain cannot show that its end was cut off. Checkpoints that were sent elsewhere can;
for who has none at hand, the file ``end`` in the directory of the log holds one. It
finds what is deleted by mistake, or cut off by a restored copy; somebody who means to
deceive changes it too.

It is older than ``LAG_S``, so that a copy that was made while the log grew does not
lack what it names.
"""

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.errors import UsageError

LAG_S: Final = 600.0
"""Ten minutes: longer than copying a log takes."""

_FILE: Final = "end"
_MOST_BYTES: Final = 200


def kept_end(directory: Path) -> Checkpoint | None:
    """Return the end that is kept beside a log; ``None`` if there is none.

    Args:
        directory: Of the log.
    """
    try:
        with (directory / _FILE).open("rb") as file:
            return Checkpoint.parse(file.read(_MOST_BYTES).decode("ascii", "replace"))
    except (OSError, UsageError):
        return None


class Ending:
    """Keeps the end of one log.

    Args:
        directory: Of the log.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._known: deque[tuple[float, Checkpoint]] = deque()

    def add(self, checkpoint: Checkpoint, *, now: float) -> None:
        """Take in a checkpoint that is durable, and keep the newest that is old enough.

        Args:
            checkpoint: What it covers.
            now: Seconds since the epoch.
        """
        self._known.append((now, checkpoint))
        kept: Checkpoint | None = None
        while self._known and self._known[0][0] <= now - LAG_S:
            kept = self._known.popleft()[1]
        if kept is not None:
            # On a full disk the old one stays, which is right as well.
            with suppress(OSError):
                self._write(kept)

    def _write(self, checkpoint: Checkpoint) -> None:
        aside = self._path.with_name(f".new-{_FILE}")
        aside.write_text(checkpoint.text() + "\n", encoding="ascii")
        aside.chmod(0o600)
        aside.replace(self._path)
