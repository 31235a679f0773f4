"""The policies that an operator may begin with, and the effect of each."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.evidence import MATCHES, POLICIES, SCANS
from tests.decisions.logs import ACCEPTED, REFUSED, REJECTED, decision
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.policy import FIGHTING, Policy, decide
from uploadfilter.decisions.presets import PRESETS, Comparison, action_under
from uploadfilter.model import (
    Action,
    Match,
    Mode,
    Preset,
    Reason,
    Scan,
    Verdict,
)


def of(*reasons: Reason, action: Action = Action.REJECT) -> Judgement:
    """Return a policy's decision on an upload with these reasons and no match."""
    return Judgement(
        verdict=Verdict.INCONCLUSIVE,
        action=action,
        effect=action,
        reason=reasons[0],
        would=action,
        would_reason=reasons[0],
        reasons=reasons,
    )


def test_defaults_are_the_balanced_preset() -> None:
    """That preset is the default."""
    assert PRESETS[Preset.BALANCED] == Policy()
    assert {it: policy.preset for it, policy in PRESETS.items()} == {
        it: it for it in Preset
    }


def test_presets_grow_stricter() -> None:
    """Whatever one rejects, the next one rejects too."""
    assert list(PRESETS) == list(Preset)
    for milder, stricter in itertools.pairwise(PRESETS.values()):
        assert stricter.is_as_strict_as(milder)
        assert not milder.is_as_strict_as(stricter)


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("reason", sorted(FIGHTING))
def test_what_fights_the_scanner_is_rejected_by_all(
    preset: Preset, reason: Reason
) -> None:
    """No honest file does that."""
    assert PRESETS[preset].action_for(reason) is Action.REJECT


@pytest.mark.parametrize("preset", Preset)
def test_incapacity_of_the_filter_is_accepted_by_none(preset: Preset) -> None:
    """Without a log, scanners or a reference set nothing passes, whatever is chosen."""
    for reason in (Reason.LOG_UNWRITABLE, Reason.NO_SCANNER, Reason.NO_REFERENCE_SET):
        assert PRESETS[preset].action_for(reason) is Action.RETRY_LATER


@pytest.mark.parametrize(
    ("reason", "rejecting"),
    [
        (Reason.ENCRYPTED, [Preset.STRICT]),
        (Reason.SEARCH_UNFINISHED, [Preset.STRICT]),
        (Reason.NOT_INSPECTED, [Preset.STRICT]),
        (Reason.TOO_MANY_FRAMES, [Preset.STRICT]),
        (Reason.OUT_OF_TIME, [Preset.BALANCED, Preset.STRICT]),
        (Reason.UNDECODABLE, [Preset.BALANCED, Preset.STRICT]),
        (Reason.LOW_QUALITY, [Preset.BALANCED, Preset.STRICT]),
        (Reason.NEAR_MATCH, []),
        (Reason.EVIDENCE_UNFINISHED, []),
    ],
)
def test_reason_is_rejected_by_the_presets_that_say_so(
    reason: Reason, rejecting: list[Preset]
) -> None:
    """The choices of an operator."""
    found = [
        preset
        for preset, policy in PRESETS.items()
        if policy.action_for(reason) is Action.REJECT
    ]

    assert found == rejecting


@given(SCANS, MATCHES, POLICIES, st.sampled_from(Preset))
def test_record_tells_what_a_preset_would_have_done(
    scans: list[Scan], matches: list[Match], policy: Policy, preset: Preset
) -> None:
    """The record of another policy gives the action that the preset gives itself.

    So it does where a match is of a hash set that is only monitored.
    """
    plain = replace(policy, categories={})
    judged = decide(scans, matches, mode=Mode.MONITOR, policy=plain)
    asked = decide(scans, matches, mode=Mode.MONITOR, policy=PRESETS[preset])
    record = decision("d", judged)

    assert action_under(record, preset) is asked.would


def test_uploads_are_counted_by_preset_and_reason() -> None:
    """Matches are rejected by all, and are not among those without one."""
    compared, more = Comparison(), Comparison()
    for judged in (ACCEPTED, REJECTED, REFUSED):
        compared.add(decision("d", judged))
    more.add(decision("d", of(Reason.TRUNCATED, Reason.ENCRYPTED)))
    more.add(decision("d", of(Reason.ENCRYPTED, action=Action.ACCEPT)))
    compared.merge(more)

    assert compared.uploads == 5
    assert compared.in_force == {Action.ACCEPT: 2, Action.REJECT: 3}
    assert {it: compared.actions[it][Action.REJECT] for it in Preset} == {
        Preset.MATCHES_ONLY: 2,
        Preset.BALANCED: 3,
        Preset.STRICT: 4,
    }
    assert compared.unmatched == {
        Preset.MATCHES_ONLY: {Reason.MALFORMED_FORM: 1},
        Preset.BALANCED: {Reason.MALFORMED_FORM: 1, Reason.TRUNCATED: 1},
        Preset.STRICT: {
            Reason.MALFORMED_FORM: 1,
            Reason.TRUNCATED: 1,
            Reason.ENCRYPTED: 1,
        },
    }
