"""When altered copies are looked for follows from the policy alone."""

import pytest

from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.model import Action


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [
        pytest.param(Policy(altered=Action.REJECT), True, False, id="reject"),
        pytest.param(Policy(altered=Action.RETRY_LATER), True, False, id="later"),
        pytest.param(Policy(near_match=Action.REJECT), False, True, id="near"),
        *(pytest.param(it, False, True, id=name) for name, it in PRESETS.items()),
    ],
)
def test_upload_is_searched_before_the_answer_or_after_it(
    policy: Policy, before: bool, after: bool
) -> None:
    """Before it if altered copies have an effect; switched off, never."""
    on, off = EvidenceSettings(), EvidenceSettings(enabled=False)

    assert (on.is_before_answer(policy), on.is_after_answer(policy)) == (before, after)
    assert not off.is_before_answer(policy)
    assert not off.is_after_answer(policy)
