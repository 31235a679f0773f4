"""Count an operator's canaries, separately from uploads."""

from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry

from uploadfilter.decisions.records.records import CanaryRecord
from uploadfilter.model import Verdict
from uploadfilter.proxy.counting.series import Counts


class Result(StrEnum):
    """The result of a canary."""

    FOUND = "found"
    MISSED = "missed"
    REFUSED = "refused"


_TEXT: Final = "Canaries by result; refused: a header that is not the operator's."


class CanaryCounts:
    """The numbers of canaries that were found, missed and refused.

    Args:
        registry: The registry that exposes them.
        prefix: Prefix of the names of all metrics.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self._counts = Counts(
            registry,
            f"{prefix}_canaries_total",
            _TEXT,
            ("result",),
            known=[(result,) for result in Result],
        )

    def decided(self, record: CanaryRecord) -> Result:
        """Count a canary that is on record; return its result."""
        is_found = record.verdict is Verdict.MATCH
        result = Result.FOUND if is_found else Result.MISSED
        self._counts.add(result)
        return result

    def refused(self) -> None:
        """Count a request that has the header of a canary, but is not one."""
        self._counts.add(Result.REFUSED)
