"""Define the settings of the decision log: segments, retention and disk reserve."""

from dataclasses import dataclass

from uploadfilter.decisions.files.retention import DEFAULT
from uploadfilter.decisions.files.room import RESERVE_BYTES
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.making import (
    CONTENTS_RECORDED,
    MOST_CONTENTS_RECORDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The settings of a log.

    Attributes:
        segment_bytes: Size of a segment, after which a new one begins. 64 MiB hold some
            60,000 decisions.
        queue_records: Most records that wait for the disk. At 10,000 the disk is
            seconds late; more uploads would only wait in vain.
        days_without_match: Days that a segment is kept after its own day; uploaders and
            overseers were promised at least the default.
        days_with_match: Days that a segment with a match is kept after its own day; a
            pilot or a court case may need its records for a year.
        contents_recorded: Most contents that a decision lists, those with a match or a
            reason first. The others are counted.
        reserve_bytes: Disk space that is kept for necessary records, and not used by
            decisions; may be 0.
        compress_after_s: Seconds for which a full segment stays as it is after its last
            record, so that a program that ships its lines gets them; then it is
            compressed by gzip, to a seventh. If the disk is nearly full, segments are
            compressed at once.
    """

    segment_bytes: int = 64 * 1024 * 1024
    queue_records: int = 10_000
    days_without_match: int = DEFAULT.days_without_match
    days_with_match: int = DEFAULT.days_with_match
    contents_recorded: int = CONTENTS_RECORDED
    reserve_bytes: int = RESERVE_BYTES
    compress_after_s: float = 3600.0

    def __post_init__(self) -> None:
        """Refuse a retention that is shorter than promised."""
        for name in ("days_without_match", "days_with_match"):
            if getattr(self, name) < getattr(DEFAULT, name):
                raise ValueError(
                    f"{name} must be at least {getattr(DEFAULT, name)}: "
                    f"{_PROMISED[name]}"
                )
            if getattr(self, name) > MOST_DAYS_KEPT:
                raise ValueError(f"{name} must be at most {MOST_DAYS_KEPT}")
        if not 1 <= self.contents_recorded <= MOST_CONTENTS_RECORDED:
            raise ValueError(
                f"contents_recorded must be from 1 to {MOST_CONTENTS_RECORDED}"
            )
        if self.compress_after_s < 0:
            raise ValueError("compress_after_s must be at least 0")
        if self.days_with_match < self.days_without_match:
            raise ValueError("days_with_match must not be less than days_without_match")

    @property
    def retention(self) -> Retention:
        """How long segments are kept."""
        return Retention(
            days_without_match=self.days_without_match,
            days_with_match=self.days_with_match,
        )


_PROMISED = {
    "days_without_match": "a person who objects to a rejection must get an answer",
    "days_with_match": "a pilot or a court case may need the records for a year",
}

MOST_DAYS_KEPT = 36_500
"""A hundred years: more is a typing error, and would exceed the range of dates."""
