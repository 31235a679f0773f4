"""Aims, and whether they were met; what each part of a run hands back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One figure that something was promised of.

    Attributes:
        text: What it is a figure of.
        measured: The figure.
        most: What it may be at most; ``None`` for no such bound.
        least: What it must be at least; ``None`` for no such bound.
    """

    text: str
    measured: float
    most: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is within its bounds; what is not a number, is not."""
        return (self.most is None or self.measured <= self.most) and (
            self.least is None or self.measured >= self.least
        )

    def line(self) -> str:
        """Return it as a line for people."""
        sign, bound = ("<=", self.most) if self.least is None else (">=", self.least)
        verdict = "met   " if self.met else "MISSED"
        return f"  {verdict}  {self.measured:10.3f} {sign} {bound:<8g} {self.text}"

    def kept(self) -> Mapping[str, object]:
        """Return it for the results."""
        bound = {"most": self.most} if self.least is None else {"least": self.least}
        return {
            "text": self.text,
            "measured": round(self.measured, 3),
            "met": self.met,
        } | bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one part of a run has found.

    Attributes:
        rows: The figures.
        aims: What was promised of them.
        notes: What was left out, and why.
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
