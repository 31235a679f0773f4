"""Count what looking at a content costs, where its bytes decide how often one looks.

There are no clocks here, so that a content gives the same every time: what takes about
a microsecond is a step, and so many steps are enough.

There are two accounts. From the first is taken what finds the beginnings of pictures in
a text as it stands and once its layers are undone; from the second all that reads it in
yet another way. So a text that is dear to read does not keep those behind it from being
searched for what begins like a picture.
"""

from dataclasses import dataclass


class SpentError(Exception):
    """What may be spent is spent; never leaves ``contents``."""


class Effort:
    """The steps that may be taken.

    Args:
        steps: How many, at least 0.
    """

    def __init__(self, steps: int) -> None:
        self._left = steps

    def give(self, steps: int) -> None:
        """Let some more steps be taken."""
        self._left += steps

    def take(self, steps: int) -> None:
        """Count steps that are about to be taken.

        Raises:
            SpentError: They are more than are left.
        """
        self._left -= steps
        if self._left < 0:
            raise SpentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Efforts:
    """The two accounts of a content and all that is nested in it.

    Attributes:
        plain: For what begins like a picture.
        deep: For all other readings.
    """

    plain: Effort
    deep: Effort
