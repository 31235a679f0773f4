"""The results of checks of an installation."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good an area of the installation is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Area(StrEnum):
    """The areas of an installation that are checked, in this order."""

    CONFIGURATION = "configuration"
    STATE = "state directory"
    REFERENCE = "reference set"
    SIGNED = "signed sets"
    LOG = "decision log"
    DISK = "disk"
    SCANNERS = "scanners"
    PROXY = "proxy"
    DOORS = "doors"
    CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The result of one check.

    Attributes:
        text: What was found, in one sentence.
        hint: What to do next; empty only if the grade is ``OK``.
    """

    area: Area
    grade: Grade
    text: str
    hint: str = ""

    def __post_init__(self) -> None:
        """Refuse a bad result without a remedy."""
        if self.grade is not Grade.OK and not self.hint:
            raise ValueError(f"a result that is {self.grade} needs a hint: {self.text}")


def success(area: Area, text: str) -> Diagnosis:
    """Return a good result."""
    return Diagnosis(area=area, grade=Grade.OK, text=text)


def warning(area: Area, text: str, hint: str) -> Diagnosis:
    """Return a result that an operator should know."""
    return Diagnosis(area=area, grade=Grade.WARNING, text=text, hint=hint)


def failure(area: Area, text: str, hint: str) -> Diagnosis:
    """Return a result with which uploads are not checked, or not as intended."""
    return Diagnosis(area=area, grade=Grade.FAILED, text=text, hint=hint)
