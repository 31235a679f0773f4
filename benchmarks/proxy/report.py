"""Aims, and whether they were met; the results of each part of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One figure with an aim.

    Attributes:
        text: Description of the figure.
        measured: The figure.
        most: Its upper bound; ``None`` for no such bound.
        least: Its lower bound; ``None`` for no such bound.
    """

    text: str
    measured: float
    most: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is within its bounds; false for a NaN."""
        return (self.most is None or self.measured <= self.most) and (
            self.least is None or self.measured >= self.least
        )

    def line(self) -> str:
        """Return the aim as a line for people."""
        sign, bound = ("<=", self.most) if self.least is None else (">=", self.least)
        verdict = "met   " if self.met else "MISSED"
        return f"  {verdict}  {self.measured:10.3f} {sign} {bound:<8g} {self.text}"

    def kept(self) -> Mapping[str, object]:
        """Return the aim for the results."""
        bound = {"most": self.most} if self.least is None else {"least": self.least}
        return {
            "text": self.text,
            "measured": round(self.measured, 3),
            "met": self.met,
        } | bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The results of one part of a run.

    Attributes:
        rows: The figures.
        aims: The aims for them.
        notes: The parts that were left out, and why.
    """

    rows: Sequence[Mapping[str, Any]]
    aims: Sequence[Aim] = ()
    notes: Sequence[str] = field(default=())

    def show(self, name: str) -> None:
        """Print it."""
        print(f"\n{name}")
        for row in self.rows:
            if "samples" in row:  # for the results, and too many for people
                continue
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))
        for note in self.notes:
            print(f"  note: {note}")
        for aim in self.aims:
            print(aim.line(), flush=True)

    def kept(self) -> dict[str, object]:
        """Return it for the results."""
        return {
            "rows": list(self.rows),
            "aims": [aim.kept() for aim in self.aims],
            "notes": list(self.notes),
        }
