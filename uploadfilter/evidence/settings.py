"""Settings of the judgement of altered copies: the table ``[evidence]``."""

from dataclasses import dataclass
from enum import StrEnum

from uploadfilter.decisions.policy import Policy
from uploadfilter.evidence import chance
from uploadfilter.model import Action

MOST_VIEWS_LIMIT = 1024
"""Largest ``most_views``: a thousand cost some ten seconds of one CPU."""


class Copies(StrEnum):
    """When altered copies are looked for, in uploads that match nothing else."""

    ALWAYS = "always"
    SPARE = "spare"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """Whether altered copies are looked for, and how rare chance must be.

    Thresholds follow the size of the reference set by themselves, because E counts the
    chance matches of one upload in the whole set.

    Attributes:
        copies: When altered copies are looked for, where nothing matched within the
            threshold: in each upload (``always``), where there is capacity that no
            other upload wants (``spare``), or ``never``. A search takes 5 to 17 ms of
            CPU time, by the size of the set. No answer may depend on how busy the
            filter is: where ``altered`` in ``[policy]`` is not ``accept``, ``spare``
            searches each upload; where only ``near_match`` is not, none.
        turned: Whether copies that are mirrored or turned by a quarter, and cut or
            covered besides, are looked for too. That costs seven times as much again.
        altered: Most chance matches that are expected of one upload, for the kind
            ``altered``. At 1e-9, a site with a million uploads a day waits three years
            for one.
        near: The same for the kind ``near``, whose reason is ``near_match``; at least
            ``altered``. At 1e-4, one upload of ten thousand has one by chance.
        most_views: Most views of one upload that are searched; each costs some 10 ms of
            CPU time at a million entries. A photograph has one to three, an animation
            up to thirty. Beyond: ``evidence_unfinished``.
    """

    copies: Copies = Copies.SPARE
    turned: bool = False
    altered: float = chance.ALTERED
    near: float = chance.NEAR
    most_views: int = 16

    def __post_init__(self) -> None:
        """Refuse thresholds that are no rarity, and a budget out of bounds."""
        for name in ("altered", "near"):
            value: float = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(f"{name} must be above 0 and below 1, not {value}")
        if self.altered > self.near:
            raise ValueError(
                f"altered must be at most near ({self.near}), not {self.altered}"
            )
        if not 1 <= self.most_views <= MOST_VIEWS_LIMIT:
            raise ValueError(
                f"most_views must be from 1 to {MOST_VIEWS_LIMIT}, "
                f"not {self.most_views}"
            )

    def copies_under(self, policy: Policy) -> Copies:
        """Return when copies are looked for, in uploads that a policy decides on.

        No decision may depend on the load. So a policy that does not accept altered
        copies has each upload searched, and fails closed where that was not possible.
        One that only does not accept near matches is left as it is without copies.
        """
        if self.copies is not Copies.SPARE:
            return self.copies
        if policy.altered is not Action.ACCEPT:
            return Copies.ALWAYS
        return Copies.SPARE if policy.near_match is Action.ACCEPT else Copies.NEVER
