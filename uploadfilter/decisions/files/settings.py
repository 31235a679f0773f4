"""How the decision log is cut, how long it is kept, and what is kept back for it."""

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
    """How a log is cut and how much may wait.

    Attributes:
        segment_bytes: Size of a segment, after which a new one begins. 64 MiB
            are some 60,000 decisions: few files, each read again within a second or
            two when the log is opened.
        queue_records: Most records that wait for the disk. At 10,000 the disk is
            seconds behind; more uploads would only wait in vain.
        days_without_match: Days that a segment is kept after its own; at least as many
            as ``Retention`` says, since the operator may keep more, and never less than
            uploaders and overseers were promised.
        days_with_match: Days that a segment with a match is kept after its own; a pilot
            or a court case may need its records for a year.
        contents_recorded: Most contents that a decision lists, those first that matched
            or have a reason. The others are counted.
        reserve_bytes: Room on the disk that decisions leave to records that must be
            written all the same; 0 for none.
    """

    segment_bytes: int = 64 * 1024 * 1024
    queue_records: int = 10_000
    days_without_match: int = DEFAULT.days_without_match
    days_with_match: int = DEFAULT.days_with_match
    contents_recorded: int = CONTENTS_RECORDED
    reserve_bytes: int = RESERVE_BYTES

    def __post_init__(self) -> None:
        """Refuse to keep records for a shorter time than was promised."""
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
        if self.days_with_match < self.days_without_match:
            raise ValueError("days_with_match must not be less than days_without_match")

    @property
    def retention(self) -> Retention:
        """For how long segments are kept."""
        return Retention(
            days_without_match=self.days_without_match,
            days_with_match=self.days_with_match,
        )


_PROMISED = {
    "days_without_match": "a person who objects to a rejection must get an answer",
    "days_with_match": "a pilot or a court case may need the records for a year",
}

MOST_DAYS_KEPT = 36_500
"""A hundred years: more is a slip, and would be no date any more."""
