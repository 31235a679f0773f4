"""Which process runs on which core while an attack or an overload is measured.

If the load runs on the cores of the filter, its figures say partly how the load
delays the filter. *Apart*, all processes of the filter share one core; the client, the
origin and the attacker share another one, and the attacker gets only the time that
neither of them wants. So a delay of the client is a delay within the filter.
*Together*, every process runs on any core: then the filter has several scanners.
"""

import contextlib
import os
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

FILTER_CORE: Final = 0
LOAD_CORE: Final = 1
_CORES: Final = 2


class Arrangement(StrEnum):
    """Which cores the processes of a measurement use."""

    APART = "apart"
    TOGETHER = "together"

    @property
    def filter_core(self) -> int | None:
        """The core of the filter; ``None`` for any."""
        return FILTER_CORE if self.is_apart else None

    @property
    def load_core(self) -> int | None:
        """The core of the client, the origin and the attacker; ``None`` for any."""
        return LOAD_CORE if self.is_apart else None

    @property
    def is_apart(self) -> bool:
        """Whether the filter has a core of its own; a machine with one has none."""
        return self is Arrangement.APART and (os.cpu_count() or 1) >= _CORES

    @contextlib.contextmanager
    def placed(self) -> Iterator[None]:
        """Keep this process, and those that it starts, on the core of the load."""
        before = os.sched_getaffinity(0)
        if self.is_apart:
            os.sched_setaffinity(0, {LOAD_CORE})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def note(self) -> str:
        """Return the arrangement and the load of the machine, for the results."""
        load = " ".join(f"{average:.1f}" for average in os.getloadavg())
        how = (
            f"filter on core {FILTER_CORE}; client, origin and attacker (SCHED_IDLE) "
            f"on core {LOAD_CORE}"
            if self.is_apart
            else "filter, client, origin and attacker (SCHED_IDLE) on any core"
        )
        return f"{how}; load average {load}"
