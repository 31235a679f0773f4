"""Define the three predefined policies, and compare their effects on past uploads.

A preset is an action for every reason; single reasons and categories override it. All
presets reject a faulty request and content that attacks the scanner, and answer "try
again later" if the filter itself fails.

Every preset accepts altered copies, which an operator counts before they are rejected.

- ``matches_only``: it rejects matches. All other content passes and is recorded, even
  if it could not be inspected.
- ``balanced``: it also rejects content that a program might show as a picture and that
  was not compared; everyday content that was not inspected completely passes.
- ``strict``: it rejects all content that was not compared completely.

Rules this module keeps: a later preset of this list is never milder than an earlier
one, for any reason; a test checks it.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.decisions.policy import CHOICES, Policy, strictest
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import Action, Preset, Reason

_COUNTED: Final = frozenset({"altered", "near_match"})
"""The choices that even ``strict`` accepts: altered copies are counted first, and
chance may explain that an entry is near."""


def _policy(preset: Preset, rejected: Collection[str]) -> Policy:
    actions: dict[str, Any] = {
        it: Action.REJECT if it in rejected else Action.ACCEPT for it in CHOICES
    }
    return Policy(preset=preset, **actions)


PRESETS: Final[Mapping[Preset, Policy]] = MappingProxyType(
    {
        Preset.MATCHES_ONLY: _policy(Preset.MATCHES_ONLY, ()),
        Preset.BALANCED: Policy(),
        Preset.STRICT: _policy(Preset.STRICT, set(CHOICES) - _COUNTED),
    }
)
"""The presets, the mildest first. The defaults of ``Policy`` are the second one."""


def action_under(record: DecisionRecord, preset: Preset) -> Action:
    """Return the action that a preset would have taken for a recorded upload.

    Args:
        record: The upload's decision. A match counts as if its hash set were enforced,
            with the default action for its category, as presets have none.
        preset: The preset, without overrides.
    """
    policy = PRESETS[preset]
    actions = [policy.action_for(reason) for reason in _reasons(record)]
    would, reason = record.if_enforced
    if reason is None:
        actions.append(policy.altered if record.altered else would)
    return strictest(actions)


def _reasons(record: DecisionRecord) -> tuple[Reason, ...]:
    """Return the reasons of an upload; a refusal may name only one."""
    return record.reasons or (() if record.reason is None else (record.reason,))


class Comparison:
    """The actions of each preset for some uploads, in ``ENFORCE``.

    Hash sets that are only monitored count as if they were enforced, so that a pilot
    finds out how a preset would affect its users.

    Its size depends on the number of presets, actions and reasons, not of uploads.

    Attributes:
        uploads: Number of uploads.
        in_force: Uploads by the action of the policy in force.
        actions: Uploads by the action of each preset.
        unmatched: Uploads without a match that each preset would have rejected, by the
            most important reason that the preset rejects.
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
            # Nearly all uploads: no preset rejects them.
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
        """Add the counts of another comparison."""
        self.uploads += other.uploads
        self.in_force.update(other.in_force)
        for preset in Preset:
            self.actions[preset].update(other.actions[preset])
            self.unmatched[preset].update(other.unmatched[preset])


def _rejects(policy: Policy, reason: Reason) -> bool:
    return policy.action_for(reason) is Action.REJECT
