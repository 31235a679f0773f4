"""Count the cost of searches whose work depends on the bytes of a content.

No clock is used, so that a content gives the same result every time. A step is work of
about a microsecond, and a search may take a limited number of steps.

There are two accounts. The first pays for finding the beginnings of pictures in a text,
both unchanged and with its layers undone; the second pays for all other readings of the
text. So an expensive text does not keep the texts after it from being searched for the
beginnings of pictures.
"""

from dataclasses import dataclass


class SpentError(Exception):
    """The budget of steps is used up. Never leaves ``contents``."""


class Effort:
    """A budget of steps.

    Args:
        steps: Their number, at least 0.
    """

    def __init__(self, steps: int) -> None:
        self._left = steps

    def give(self, steps: int) -> None:
        """Add steps to the budget."""
        self._left += steps

    def take(self, steps: int) -> None:
        """Take steps from the budget, before the work is done.

        Raises:
            SpentError: The budget has fewer steps left.
        """
        self._left -= steps
        if self._left < 0:
            raise SpentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Efforts:
    """The two accounts of a content and all that is nested in it.

    Attributes:
        plain: For the beginnings of pictures.
        deep: For all other readings.
    """

    plain: Effort
    deep: Effort
