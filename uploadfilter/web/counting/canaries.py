"""Count an operator's canaries, separately from uploads."""

from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry

from uploadfilter.decisions.records.records import CanaryRecord
from uploadfilter.model import Verdict
from uploadfilter.web.counting.series import Counts


class Result(StrEnum):
    """The result of a canary."""

    FOUND = "found"
    MISSED = "missed"
    UNLISTED = "unlisted"
    REFUSED = "refused"


_TEXT: Final = (
    "Canaries by result; unlisted: no signed set lists one; refused: a header that is "
    "not the operator's."
)


class CanaryCounts:
    """The numbers of canaries that were found, missed and refused."""

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self._counts = Counts(
            registry,
            f"{prefix}_canaries_total",
            _TEXT,
            ("result",),
            known=[(result,) for result in Result],
        )

    def decided(self, record: CanaryRecord, *, is_listed: bool) -> Result:
        """Count a canary that is on record; return its result.

        Args:
            record: Its record.
            is_listed: Whether a signed set lists it.
        """
        result = Result.MISSED
        if record.verdict is Verdict.MATCH:
            result = Result.FOUND
        elif record.verdict is Verdict.NO_MATCH and not is_listed:
            result = Result.UNLISTED
        self._counts.add(result)
        return result

    def refused(self) -> None:
        """Count a request that has the header of a canary, but is not one."""
        self._counts.add(Result.REFUSED)
