"""Decide which acts are possible next, by the state of an issuer's folder.

Rules this module keeps: it is pure; in every state of the folder exactly one step is
due and somebody can go on; no act is offered that the room would refuse because
signatures or a publication are missing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from uploadfilter.signedsets.roles import HASHSET, REVOKE, ROOT, TARGETS

FIRST_ROLES: Final = frozenset({ROOT, TARGETS, HASHSET, REVOKE})
"""The roles that the first publication needs."""


class Act(StrEnum):
    """The acts that people can do."""

    BUILD = "build"
    STOP = "stop"
    DISCARD = "discard"
    PROPOSE = "propose"
    REMOVE = "remove"
    FORGET = "forget"
    SIGN = "sign"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    RENEW = "renew"
    EXPORT = "export"
    KEY = "key"


class Step(StrEnum):
    """A stage on the way from pictures to a publication."""

    PICTURES = "pictures"
    PREVIEW = "preview"
    SIGN = "sign"
    PUBLISH = "publish"


class StepPlace(StrEnum):
    """The state of a step."""

    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRole:
    """The proposal for one role."""

    role: str
    by: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The facts that decide the next step.

    Attributes:
        sequence: Sequence of the published set; 0 if there is none.
        built: Entries of a build that nobody has proposed; ``None`` if there is no such
            build.
        is_broken_off: Whether a build was interrupted, and can go on.
        staged: Operations that the next proposal takes up.
        waiting: The proposal, role by role.
    """

    sequence: int = 0
    built: int | None = None
    is_broken_off: bool = False
    staged: int = 0
    waiting: tuple[WaitingRole, ...] = ()

    @property
    def is_set_proposed(self) -> bool:
        """Whether a set is proposed, and not only other holders of roles."""
        return any(item.role == HASHSET for item in self.waiting)

    @property
    def is_signed(self) -> bool:
        """Whether the proposal has all signatures."""
        return bool(self.waiting) and not any(it.missing for it in self.waiting)

    @property
    def is_publishable(self) -> bool:
        """Whether the proposal would make a publication after it is signed."""
        if self.sequence:
            return bool(self.waiting)
        return {item.role for item in self.waiting} >= FIRST_ROLES


def due(now: Situation) -> Step:
    """Return the step that is due."""
    if now.is_publishable:
        return Step.PUBLISH if now.is_signed else Step.SIGN
    return Step.PREVIEW if now.built is not None else Step.PICTURES


def places(now: Situation) -> dict[Step, StepPlace]:
    """Return the state of each step, in order."""
    found, place = {}, StepPlace.DONE
    for step in Step:
        if step is due(now):
            found[step], place = StepPlace.NOW, StepPlace.LATER
        else:
            found[step] = place
    return found


def offered(now: Situation) -> frozenset[Act]:
    """Return the acts that are possible while no work is running."""
    step = due(now)
    # A key can be made at any time, for a new officer.
    found = {Act.KEY}
    if step is Step.PICTURES:
        found.add(Act.BUILD)
    if now.built is not None or now.is_broken_off:
        found.add(Act.DISCARD)
    if step in {Step.PICTURES, Step.PREVIEW} and _has_something_to_propose(now):
        found.add(Act.PROPOSE)
    if step is Step.PICTURES and now.sequence:
        found.add(Act.REMOVE)
    if now.is_set_proposed or now.staged:
        found.add(Act.FORGET)
    if any(item.missing and item.others for item in now.waiting):
        found.add(Act.SIGN)
    if now.is_publishable and now.is_signed:
        found.add(Act.PUBLISH)
    if now.sequence:
        found |= {Act.WITHDRAW, Act.RENEW, Act.EXPORT}
    return frozenset(found)


def _has_something_to_propose(now: Situation) -> bool:
    """Tell whether a proposal can be made, if only of a longer validity."""
    if now.built is not None:
        return now.built > 0
    return now.staged > 0 or now.sequence > 0
