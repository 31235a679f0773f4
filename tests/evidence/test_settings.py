"""Thresholds of the judgement: a mistake is refused, with the reason."""

import re
from typing import Any

import pytest

from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.evidence.settings import Copies, EvidenceSettings
from uploadfilter.model import Action


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"altered": 0.0}, "altered must be above 0 and below 1, not 0.0"),
        ({"near": 1.0}, "near must be above 0 and below 1, not 1.0"),
        ({"altered": float("nan")}, "altered must be above 0"),
        ({"altered": 1e-3}, "altered must be at most near (0.0001), not 0.001"),
        ({"most_views": 0}, "most_views must be from 1 to 1024, not 0"),
        ({"most_views": 2000}, "most_views must be from 1 to 1024, not 2000"),
    ],
)
def test_impossible_setting_is_refused(values: dict[str, Any], message: str) -> None:
    """The message names the key, the bounds and the value."""
    with pytest.raises(ValueError, match=re.escape(message)):
        EvidenceSettings(**values)


def test_bounds_are_allowed() -> None:
    """Each bound itself is a setting, and equal thresholds leave no near match."""
    EvidenceSettings(altered=0.5, near=0.5, most_views=1)
    EvidenceSettings(altered=1e-30, near=1e-30, most_views=1024)


@pytest.mark.parametrize("action", [Action.REJECT, Action.RETRY_LATER])
@pytest.mark.parametrize("near_match", list(Action))
def test_policy_that_acts_on_copies_has_each_upload_searched(
    action: Action, near_match: Action
) -> None:
    """Otherwise an upload would pass because the filter was busy."""
    policy = Policy(altered=action, near_match=near_match)

    assert EvidenceSettings().copies_under(policy) is Copies.ALWAYS


@pytest.mark.parametrize("action", [Action.REJECT, Action.RETRY_LATER])
def test_policy_that_acts_on_near_matches_alone_has_none_searched(
    action: Action,
) -> None:
    """Otherwise an upload would be rejected because the filter was not busy."""
    policy = Policy(near_match=action)

    assert EvidenceSettings().copies_under(policy) is Copies.NEVER


def test_presets_leave_it_to_spare_capacity() -> None:
    """All of them only count altered copies."""
    for policy in PRESETS.values():
        assert EvidenceSettings().copies_under(policy) is Copies.SPARE


@pytest.mark.parametrize("choice", [Copies.ALWAYS, Copies.NEVER])
def test_choice_of_the_operator_holds_under_each_policy(choice: Copies) -> None:
    """Only what depends on the load is changed."""
    settings = EvidenceSettings(copies=choice)
    for policy in (Policy(), Policy(altered=Action.REJECT)):
        assert settings.copies_under(policy) is choice
