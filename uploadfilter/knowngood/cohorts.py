"""Keep the cohort of a state directory: the background of every judgement.

Its values are those of the known-good corpora. A state directory without corpora of its
own has the one that comes with the program.

Rules this module keeps: a damaged corpus is an error, and never a smaller cohort; a
change of the corpora takes effect without a restart.
"""

import threading
from pathlib import Path

from uploadfilter.evidence.background import Background, background_of
from uploadfilter.evidence.cohort import cohort_of
from uploadfilter.knowngood.store import LIST, KnownGood, shipped

_Signature = tuple[int, int] | None


class Cohorts:
    """The prepared cohort of one state directory.

    Several threads may ask at once.
    """

    def __init__(self, state: Path) -> None:
        self._kept = KnownGood(state, shipped())
        self._lock = threading.Lock()
        self._made: tuple[_Signature, Background | None] | None = None

    def background(self) -> Background | None:
        """Return the prepared cohort; ``None`` if it has too few values to judge by.

        The first call, and the first after a change, takes a tenth of a second.

        Raises:
            HashSetKnownGoodError: A corpus is missing or damaged.
        """
        with self._lock:
            seen = _signature(self._kept.path / LIST)
            if self._made is None or self._made[0] != seen:
                parts = self._kept.values()
                self._made = seen, background_of(cohort_of(parts))
            return self._made[1]


def _signature(path: Path) -> _Signature:
    """Return numbers that differ if the list of corpora was replaced."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
