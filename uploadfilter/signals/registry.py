"""List all perceptual types; ``exact.py`` has the exact ones.

To add one: its name and width in ``model.SignalType``, its class in a module of this
room, its line below, and its vectors in ``tests/vectors/``. Every class here passes
``tests/conformance/signal_types.py``.
"""

from typing import Protocol

from uploadfilter.model import SignalRow, SignalType
from uploadfilter.pictures.picture import Blend, Floats, Picture, Shape, Shrunk
from uploadfilter.signals.hashes import AHASH, DHASH, WHASH
from uploadfilter.signals.operators import Axis
from uploadfilter.signals.pdq import PDQ
from uploadfilter.signals.phash import PHash


class PerceptualType(Protocol):
    """A signal type that is compared by distance; its values describe a picture.

    A type that is linear before its comparison returns column operators, and gets their
    results: all types share one pass over the picture. Other types return no operators.
    """

    @property
    def type(self) -> SignalType:
        """The signal type."""

    @property
    def is_linear(self) -> bool:
        """Return whether its data of a blend are the blend of both pictures' data."""

    def columns(self, shape: Shape) -> tuple[Axis, ...]:
        """Return the operators to apply to the columns of a plane of this shape."""

    def shrink(self, picture: Picture | Blend, projected: list[Floats]) -> Shrunk:
        """Return the data that the signals need, from the results of ``columns``."""

    def rows(self, shrunk: Shrunk) -> tuple[SignalRow, ...]:
        """Return the signals of all variants, one row for each geometry."""


PERCEPTUAL_TYPES: tuple[PerceptualType, ...] = (
    PDQ(),
    PHash(),
    DHASH,
    AHASH,
    WHASH,
)
"""The perceptual types, in the order of their signals in a view."""
