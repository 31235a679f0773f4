"""Count pairs by their predicted chance: as many are expected at a level as it says."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = tuple(10.0**power for power in range(-1, -13, -1))
"""Predicted probabilities of a pair at which pairs are counted."""

SIZES: Final = (100, 1_000, 10_000)
"""Sizes of sets, the first so many strangers each, besides all of them."""

SHARES: Final = (0.3, 0.1, 0.03, 0.01)
"""Figures of E at which uploads are counted."""


@dataclass(slots=True)
class Counts:
    """The pairs of one class.

    Attributes:
        highest: Predicted probability up to which every pair was looked at.
        pairs: Pairs of an upload and an entry.
        compared: Pairs of values: each view counts.
        observed: Pairs with a predicted probability up to each level.
        uploads: Uploads.
        sets: By size of the set: uploads whose best entry has E up to each share.
    """

    highest: float
    pairs: int = 0
    compared: int = 0
    observed: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    uploads: int = 0
    sets: dict[str, list[int]] = field(default_factory=dict)

    def add(self, predicted: NDArray[np.float64]) -> None:
        """Count pairs by their predicted probabilities."""
        for place, level in enumerate(LEVELS):
            self.observed[place] += int((predicted <= level).sum())

    def add_upload(
        self, predicted: NDArray[np.float64], rows: NDArray[np.intp], entries: int
    ) -> None:
        """Count the best entry of an upload, in sets of several sizes.

        Args:
            predicted: Probabilities of the pairs that were looked at.
            rows: Number of the entry of each.
            entries: All entries.
        """
        self.uploads += 1
        for size in (*(it for it in SIZES if it < entries), entries):
            best = predicted[rows < size].min(initial=1.0) * size
            found = self.sets.setdefault(str(size), [0] * len(SHARES))
            for place, share in enumerate(SHARES):
                found[place] += int(best <= share)

    def summary(self) -> dict[str, object]:
        """Return the counts, beside those that are expected."""
        return {
            "pairs": self.pairs,
            "compared": self.compared,
            "uploads": self.uploads,
            "levels": [
                {"predicted": level, "expected": level * self.pairs, "observed": seen}
                for level, seen in zip(LEVELS, self.observed, strict=True)
                if level <= self.highest
            ],
            "sets": {
                size: [
                    {"E": share, "expected": share * self.uploads, "observed": seen}
                    for share, seen in zip(SHARES, found, strict=True)
                ]
                for size, found in self.sets.items()
            },
        }
