"""The three policies that an operator may begin with, and what each would have done.

A preset is an action for every reason; single reasons and categories override it. What
is wrong with a request is rejected in all of them, and what the filter itself could not
do is answered "try again later".

- ``matches_only``: a match rejects, and so does what fights the scanner: no honest file
  does that. Everything else passes and is recorded, also what nobody could look into.
- ``balanced``: what may be a picture to somebody, and was not compared, is rejected;
  everyday content that is not looked into as a whole passes.
- ``strict``: what was not compared to its end is rejected, whatever it is.

Rules this module keeps: of two presets the later one here is never milder, for any
reason; a test holds it.
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.decisions.policy import CHOOSABLE, Policy, strictest
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import Action, Preset, Reason

FIGHTING: Final = frozenset(
    {
        Reason.CRASHED,
        Reason.OUT_OF_MEMORY,
        Reason.TOO_COMPRESSED,
        Reason.TOO_MANY_JPEG_SCANS,
    }
)
"""What content does to a scanner that was made to do it."""

CHANCE: Final = frozenset({Reason.WEAK_MATCH})
"""What says so little that even ``strict`` accepts it: one 64-bit signal alone is near
three of a thousand harmless pictures, where the set is large."""


def _policy(preset: Preset, rejected: frozenset[Reason]) -> Policy:
    """Return the policy that rejects for these reasons and no others."""
    actions: dict[str, Any] = {
        reason.value: Action.REJECT if reason in rejected else Action.ACCEPT
        for reason in CHOOSABLE
    }
    return Policy(preset=preset, **actions)


PRESETS: Final[Mapping[Preset, Policy]] = MappingProxyType(
    {
        Preset.MATCHES_ONLY: _policy(Preset.MATCHES_ONLY, FIGHTING),
        Preset.BALANCED: Policy(),
        Preset.STRICT: _policy(Preset.STRICT, frozenset(CHOOSABLE) - CHANCE),
    }
)
"""The presets, the mildest first. The defaults of ``Policy`` are the second one."""


def action_under(record: DecisionRecord, preset: Preset) -> Action:
    """Return what a preset would have done with an upload that is on record.

    Args:
        record: Its decision. A match counts as if its hash set were enforced, with the
            action for its category: presets have none.
        preset: The preset, with nothing that overrides it.
    """
    policy = PRESETS[preset]
    actions = [policy.action_for(reason) for reason in _reasons(record)]
    would, reason = record.if_enforced
    if reason is None:
        actions.append(would)
    return strictest(actions)


def _reasons(record: DecisionRecord) -> tuple[Reason, ...]:
    """Return what would count against an upload; older records name one reason."""
    return record.reasons or (() if record.reason is None else (record.reason,))


class Comparison:
    """What each preset would have done with some uploads, in ``ENFORCE``.

    Hash sets that are only monitored count as if they were enforced: so a pilot finds
    out what a preset would do to its users.

    It holds numbers for presets, actions and reasons, however many uploads there are.

    Attributes:
        uploads: How many there were.
        in_force: Uploads by the action that the policy in force would have said.
        actions: Uploads by the action that each preset would have said.
        unmatched: Of those that each preset would have rejected, the ones without a
            match, by the weightiest reason that the preset rejects.
    """

    def __init__(self) -> None:
        self.uploads = 0
        self.in_force: Counter[Action] = Counter()
        self.actions: dict[Preset, Counter[Action]] = {it: Counter() for it in Preset}
        self.unmatched: dict[Preset, Counter[Reason]] = {it: Counter() for it in Preset}

    def add(self, record: DecisionRecord) -> None:
        """Count an upload."""
        self.uploads += 1
        would, reason = record.if_enforced
        self.in_force[would] += 1
        if would is Action.ACCEPT and reason is None and not _reasons(record):
            # Nearly all: no preset has anything against it.
            for actions in self.actions.values():
                actions[Action.ACCEPT] += 1
            return
        for preset, policy in PRESETS.items():
            action = action_under(record, preset)
            self.actions[preset][action] += 1
            if action is Action.REJECT and reason is not None:
                refused = (it for it in _reasons(record) if _rejects(policy, it))
                self.unmatched[preset].update([next(refused)])

    def merge(self, other: "Comparison") -> None:
        """Add what another one counted."""
        self.uploads += other.uploads
        self.in_force.update(other.in_force)
        for preset in Preset:
            self.actions[preset].update(other.actions[preset])
            self.unmatched[preset].update(other.unmatched[preset])


def _rejects(policy: Policy, reason: Reason) -> bool:
    return policy.action_for(reason) is Action.REJECT
