"""The shipped corpus in two halves: one is the cohort, the other gives the strangers.

The strangers are compared after a quarter turn: then a picture and an edited copy of
it, which is in the same package or in another one, are no pair, and nearness is chance
(or two pictures that look the same when turned, such as stars).
"""

from dataclasses import dataclass

import numpy as np

from uploadfilter.evidence.background import Background, signs_of
from uploadfilter.evidence.cohort import Words, cohort_of
from uploadfilter.gate.variants import all_variants
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.store import shipped

SEED = 89

TURNED = range(4, 8)
"""The variants of ``all_variants`` whose rows are columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """The corpus, parted.

    Attributes:
        background: The cohort.
        strangers: The other half, shape (n, 4), in an order by chance.
    """

    background: Background
    strangers: Words


def halves() -> Halves:
    """Part the shipped corpus.

    Raises:
        FileNotFoundError: The program has none.
    """
    path = shipped()
    if path is None:
        raise FileNotFoundError("uploadfilter/knowngood/default.corpus")
    values = cohort_of([read(path).values]).values
    order = np.random.default_rng(SEED).permutation(len(values))
    middle = len(values) // 2
    cohort = np.ascontiguousarray(values[order[:middle]])
    return Halves(
        background=Background.of(cohort),
        strangers=np.ascontiguousarray(values[order[middle:]]),
    )


def turned(values: Words, way: int) -> Words:
    """Return values of the pictures turned or mirrored; see ``all_variants``."""
    return np.ascontiguousarray(all_variants(values[:, None])[:, way])


def bits(values: Words) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """Return the bits of values as -1 and 1."""
    return signs_of(values)
