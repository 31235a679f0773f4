"""Define the conclusion from the evidence of one upload.

It is the result of ``decisions/policy.py``, and what records state.
"""

from dataclasses import dataclass

from uploadfilter.model import Action, Reason, Verdict
from uploadfilter.rejections import Outcome, outcome_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The policy's conclusion from the evidence of one upload.

    >>> from uploadfilter.decisions.policy import Policy, decide
    >>> from uploadfilter.model import Mode
    >>> judgement = decide(
    ...     [], [], mode=Mode.MONITOR, policy=Policy(), failure=Reason.SPOOL_FULL
    ... )
    >>> judgement.action.value, judgement.effect.value
    ('RETRY_LATER', 'ACCEPT')

    Attributes:
        verdict: The conclusion from the evidence.
        action: The policy's choice.
        effect: The action to execute; always ``ACCEPT`` in ``MONITOR``, except for a
            request that cannot be forwarded at all.
        reason: Why the verdict is inconclusive or the action is not ``ACCEPT``;
            ``None`` for a match and for a complete scan without one.
        would: The action if every hash set were enforced, whatever the mode; a pilot
            counts it. It equals ``action`` if no matching entry is only monitored.
        would_reason: The reason for ``would``, as ``reason`` is for the action.
        reasons: All reasons, whatever their action: they show the conclusion of
            another policy.
        altered: True if the verdict is ``MATCH`` because of altered copies alone.
    """

    verdict: Verdict
    action: Action
    effect: Action
    reason: Reason | None
    would: Action
    would_reason: Reason | None
    reasons: tuple[Reason, ...] = ()
    altered: bool = False

    @property
    def outcome(self) -> Outcome:
        """What becomes of the upload."""
        return outcome_by(self.effect, self.reason)

    @property
    def is_rejection(self) -> bool:
        """Whether the upload is rejected by policy."""
        return self.outcome is Outcome.REJECTED
