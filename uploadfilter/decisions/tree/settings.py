"""Settings of submission to witnesses: the table ``[witnesses]``."""

from dataclasses import dataclass
from typing import Final

from uploadfilter.decisions.tree.submitting import KnownWitness

MOST_WITNESSES: Final = 16
"""A note has to hold as many signatures; three witnesses are usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessSettings:
    """The witnesses that sign the checkpoints of the decision log.

    Attributes:
        submit_to: Witnesses, each as ``URL KEY``, with the key that
            the witness prints; at most 16. Each gets every signed
            checkpoint, which holds hashes and no record. Empty submits to none.
    """

    submit_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse other texts, and a witness that is named twice."""
        if len(self.submit_to) > MOST_WITNESSES:
            raise ValueError(
                f"submit_to must be at most {MOST_WITNESSES} witnesses, "
                f"not {len(self.submit_to)}"
            )
        if len({it.key for it in self.known}) < len(self.submit_to):
            raise ValueError("submit_to must name different witnesses")

    @property
    def known(self) -> tuple[KnownWitness, ...]:
        """The witnesses.

        Raises:
            ValueError: A text is not a witness.
        """
        return tuple(map(KnownWitness.parse, self.submit_to))
