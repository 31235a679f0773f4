"""Settings of the judgement of altered copies: the table ``[evidence]``."""

from dataclasses import dataclass

from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """Whether altered copies are looked for.

    Where ``altered`` in ``[policy]`` is ``accept``, a process of low priority looks for
    them after the answer. With any other action they are looked for before it, in each
    upload that matches nothing: 5 ms of CPU time for a photograph with 100,000 entries,
    7 ms with a million, 17 ms with ten million.

    Attributes:
        enabled: Whether matches state their chance, and altered copies are looked for.
    """

    enabled: bool = True

    def is_before_answer(self, policy: Policy) -> bool:
        """Tell whether uploads that a policy decides on are searched before it."""
        return self.enabled and policy.altered is not Action.ACCEPT

    def is_after_answer(self, policy: Policy) -> bool:
        """Tell whether uploads that a policy decides on are searched afterwards."""
        return self.enabled and policy.altered is Action.ACCEPT
