"""Settings of the judgement of altered copies: the table ``[evidence]``."""

from dataclasses import dataclass

from uploadfilter.evidence import chance

MOST_VIEWS_LIMIT = 1024
"""Largest ``most_views``: a thousand cost some ten seconds of one CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """Whether altered copies are looked for, and how rare chance must be.

    Thresholds follow the size of the reference set by themselves, because E counts the
    chance matches of one upload in the whole set.

    Attributes:
        enabled: Whether matches state their chance.
        copies: Whether altered copies are looked for where nothing matched within the
            threshold; the action for them is ``altered`` in ``[policy]``. Each
            photograph then costs 8 ms of CPU time more with 1,000 entries, and 20 ms on
            average with a million; its answer comes later by more. E counts chance:
            drawings of one shape, plots and windows of one program are near each other
            by more than that. Try it beside a sample first.
        turned: Whether copies that are mirrored or turned by a quarter, and cut or
            covered besides, are looked for too, where the upright search finds nothing.
            That costs seven times as much again, and E counts eight times the tries.
        altered: Most chance matches that are expected of one upload, for a match of the
            kind ``altered``. At 1e-9, a site with a million uploads a day waits three
            years for one.
        near: The same for the kind ``near``, whose reason is ``near_match``; at least
            ``altered``. At 1e-4, one upload of ten thousand has one by chance.
        most_views: Most views of one upload that are searched; each costs some 10 ms of
            CPU time at a million entries. A photograph has one to three, an animation
            up to thirty. Beyond it the reason is ``evidence_unfinished``. More views
            cost more than the dearest picture that is decoded.
    """

    enabled: bool = True
    copies: bool = False
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
