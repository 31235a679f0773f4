"""The decision table of the documentation, and rules beyond its rows."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.decisions.evidence import (
    FAILURES,
    MATCHES,
    POLICIES,
    SCANS,
    match,
    scan,
)
from uploadfilter.contents.kinds.families import FAMILIES, FileFamily
from uploadfilter.decisions.accepting import MOST_FIELD_BYTES, Accept
from uploadfilter.decisions.policy import (
    CHOICE_OF,
    CHOICES,
    FIGHTING,
    UNFORWARDABLE,
    Policy,
    decide,
    verdict_of,
)
from uploadfilter.model import (
    EXEMPTIONS,
    INCAPACITY,
    REFUSALS,
    Action,
    EntryState,
    Match,
    MatchKind,
    Mode,
    Reason,
    Scan,
    SignalType,
    Variant,
    Verdict,
)

TABLE = Path(__file__).parents[2] / "docs" / "decision-table.md"
MODES = st.sampled_from(Mode)
STRICTNESS = (Action.ACCEPT, Action.RETRY_LATER, Action.REJECT)


class Row(NamedTuple):
    """A row of the table, cell by cell."""

    case: str
    conditions: str
    scans: str
    matches: str
    decision: str
    reason: str


def stricter(one: Policy, other: Policy) -> Policy:
    """Return the policy that is as strict as both of two."""
    return Policy(
        categories={
            name: max(
                one.action_for_category(name),
                other.action_for_category(name),
                key=STRICTNESS.index,
            )
            for name in {*one.categories, *other.categories}
        },
        **cast(
            "Any",
            {
                it: max(one.chosen(it), other.chosen(it), key=STRICTNESS.index)
                for it in CHOICES
            },
        ),
    )


def rows() -> list[Row]:
    """Read all rows of all tables on the page."""
    found = []
    for line in TABLE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("case", "---"):
            found += alternatives(Row(*cells))
    return found


def alternatives(row: Row) -> list[Row]:
    """Return one row for each of the words between "or"; "the same" is that word."""
    for name in ("conditions", "scans", "matches"):
        head, mark, text = getattr(row, name).rpartition("failure=")
        if " or " in text:
            return [
                row._replace(
                    case=f"{row.case}-{word}",
                    reason=word if row.reason == "the same" else row.reason,
                    **{name: f"{head}{mark}{word}"},
                )
                for word in text.split(" or ")
            ]
    return [row]


def parse_scan(text: str, path: str) -> Scan:
    """Read ``truncated``, ``complete`` or ``complete(truncated)``."""
    outer, _, inner = text.rstrip(")").partition("(")
    nested = (parse_scan(inner, f"{path}!/0"),) if inner else ()
    *words, found = outer.split()
    kind = words[-1] if words else "jpeg"
    size = MOST_FIELD_BYTES + 1 if "long" in words else 1
    reason = None if found == "complete" else Reason(found)
    return scan(path, reason, *nested, kind=kind, size=size)


def parse_accept(word: str, scans: list[str]) -> Accept:
    """Read ``pictures+videos``, and which scans are those of fields of a form."""
    return Accept(
        families=frozenset(map(FileFamily, word.split("+"))) if word else FAMILIES,
        fields=frozenset(
            str(i) for i, text in enumerate(scans) if text.startswith("field ")
        ),
        aside=frozenset(
            str(i) for i, text in enumerate(scans) if text.startswith("aside ")
        ),
    )


def parse_match(text: str) -> Match:
    """Read ``pdq:49 active entry=b view=white``."""
    kind, state, *rest = text.split()
    name, _, quality = kind.partition(":")
    differs = dict(word.split("=") for word in rest)
    return match(
        SignalType(name),
        EntryState(state),
        quality=int(quality) if quality else None,
        variant=Variant(differs.pop("variant", "upright")),
        kind=MatchKind(differs.pop("kind", "within")),
        **differs,
    )


def parts(cell: str, separator: str) -> list[str]:
    """Split a cell; an empty one has no parts."""
    return [part.strip() for part in cell.split(separator) if part.strip()]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.case) for row in rows()])
def test_decide_table(row: Row) -> None:
    """Every row of docs/decision-table.md equals the decision of the policy."""
    first, *_ = conditions = row.conditions.split() or [""]
    mode = Mode.MONITOR if first == Mode.MONITOR else Mode.ENFORCE
    overrides = dict(part.split("=") for part in conditions if "=" in part)
    failure = overrides.pop("failure", "")
    categories = {
        name.removeprefix("category:"): Action(overrides.pop(name))
        for name in [*overrides]
        if name.startswith("category:")
    }
    scans = parts(row.scans, ",")
    accept = parse_accept(overrides.pop("accept", ""), scans)
    judgement = decide(
        [parse_scan(text, str(i)) for i, text in enumerate(scans)],
        [parse_match(text) for text in parts(row.matches, ";")],
        mode=mode,
        policy=Policy(
            categories=categories,
            **cast("Any", {name: Action(word) for name, word in overrides.items()}),
        ),
        failure=Reason(failure) if failure else None,
        accept=accept,
    )

    verdict, _, rest = row.decision.partition(" ")
    action, _, effect = rest.partition(">")
    assert (judgement.verdict, judgement.action, judgement.effect) == (
        Verdict(verdict),
        Action(action),
        Action(effect or action),
    )
    assert judgement.reason == (Reason(row.reason) if row.reason else None)


def test_every_reason_is_named() -> None:
    """The effect of another policy can be computed, even if the set is enforced."""
    scan = parse_scan("not_inspected", "0")
    scan = replace(scan, further=(Reason.ENCRYPTED, Reason.SEARCH_UNFINISHED))
    match = parse_match("phash monitored")
    judgement = decide([scan], [match], mode=Mode.ENFORCE, policy=Policy())

    assert judgement.reasons == (
        Reason.NEAR_MATCH,
        Reason.ENCRYPTED,
        Reason.SEARCH_UNFINISHED,
        Reason.NOT_INSPECTED,
    )


@pytest.mark.parametrize("reason", CHOICE_OF)
def test_no_reason_of_a_content_hides_another(reason: Reason) -> None:
    """In any order: a reason that rejects alone also rejects beside others."""
    actions: dict[str, Any] = dict.fromkeys(CHOICES, Action.ACCEPT)
    actions[CHOICE_OF[reason]] = Action.REJECT
    policy = Policy(**actions)
    others = tuple(it for it in CHOICE_OF if CHOICE_OF[it] != CHOICE_OF[reason])
    scan = replace(parse_scan(others[0].value, "0"), further=(*others[1:], reason))

    assert decide([scan], [], mode=Mode.ENFORCE, policy=policy).reason is reason


def test_decision_table_names_every_reason() -> None:
    """No reason an upload may have is left out of the documentation."""
    text = TABLE.read_text("utf-8")

    named = {reason for reason in Reason if re.search(rf"\b{reason.value}\b", text)}

    assert set(Reason) - named == {Reason.UNREADABLE}


def test_decision_table_has_no_case_twice() -> None:
    """A case's name points at one row."""
    names = [row.case for row in rows()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("reason", Reason)
def test_policy_has_an_action_for_every_reason(reason: Reason) -> None:
    """A reason is chosen for, refused, our own fault, or of `scan` alone."""
    groups = (
        {*CHOICE_OF},
        FIGHTING,
        REFUSALS,
        INCAPACITY,
        EXEMPTIONS,
        {Reason.UNREADABLE},
    )
    judgement = decide([scan("0", reason)], (), mode=Mode.ENFORCE, policy=Policy())

    assert sum(reason in group for group in groups) == 1
    assert judgement.reason is reason


@given(SCANS, MATCHES, FAILURES, MODES, POLICIES)
def test_active_exact_match_is_always_rejected(
    scans: list[Scan],
    matches: list[Match],
    failure: Reason | None,
    mode: Mode,
    policy: Policy,
) -> None:
    """Whatever else is in an upload, it cannot shield a listed picture."""
    judgement = decide(
        scans,
        [*matches, match(category="not in the policy")],
        mode=mode,
        policy=policy,
        failure=failure,
    )

    assert judgement.verdict is Verdict.MATCH
    assert judgement.action is Action.REJECT
    assert judgement.reason is None


@given(st.data(), SCANS, MATCHES, FAILURES, MODES, POLICIES)
def test_order_of_evidence_does_not_matter(
    data: st.DataObject,
    scans: list[Scan],
    matches: list[Match],
    failure: Reason | None,
    mode: Mode,
    policy: Policy,
) -> None:
    """The same evidence in another order is judged alike."""
    judgement = decide(scans, matches, mode=mode, policy=policy, failure=failure)
    other = decide(
        data.draw(st.permutations(scans)),
        data.draw(st.permutations(matches)),
        mode=mode,
        policy=policy,
        failure=failure,
    )

    assert judgement == other


@given(SCANS, MATCHES, FAILURES, POLICIES)
def test_effect_is_the_action_in_enforce(
    scans: list[Scan], matches: list[Match], failure: Reason | None, policy: Policy
) -> None:
    """In ENFORCE the decision of the policy is carried out."""
    judgement = decide(
        scans, matches, mode=Mode.ENFORCE, policy=policy, failure=failure
    )

    assert judgement.effect is judgement.action


@given(SCANS, MATCHES, FAILURES, MODES, POLICIES)
def test_what_would_be_done_is_the_action_of_enforced_sets_in_enforce(
    scans: list[Scan],
    matches: list[Match],
    failure: Reason | None,
    mode: Mode,
    policy: Policy,
) -> None:
    """A pilot counts exactly the rejections that would follow it, and never less."""
    judgement = decide(scans, matches, mode=mode, policy=policy, failure=failure)
    after = decide(
        scans,
        [replace(it, state=EntryState.ACTIVE) for it in matches],
        mode=Mode.ENFORCE,
        policy=policy,
        failure=failure,
    )

    assert (judgement.would, judgement.would_reason) == (after.effect, after.reason)
    assert STRICTNESS.index(judgement.would) >= STRICTNESS.index(judgement.action)


@given(SCANS, MATCHES, FAILURES, POLICIES)
def test_monitor_only_records(
    scans: list[Scan], matches: list[Match], failure: Reason | None, policy: Policy
) -> None:
    """MONITOR judges like ENFORCE and accepts whatever can be forwarded."""
    enforced = decide(scans, matches, mode=Mode.ENFORCE, policy=policy, failure=failure)
    watched = decide(scans, matches, mode=Mode.MONITOR, policy=policy, failure=failure)

    assert watched.verdict is enforced.verdict
    assert watched.action is enforced.action
    assert watched.reason is enforced.reason
    if failure in UNFORWARDABLE:
        assert watched.effect is enforced.effect
    else:
        assert watched.effect is Action.ACCEPT


@given(SCANS, MATCHES, FAILURES, MODES, POLICIES)
def test_no_match_means_that_nothing_is_open(
    scans: list[Scan],
    matches: list[Match],
    failure: Reason | None,
    mode: Mode,
    policy: Policy,
) -> None:
    """Only complete scans without any evidence are NO_MATCH."""
    judgement = decide(scans, matches, mode=mode, policy=policy, failure=failure)
    is_clear = not matches and failure is None and not any(s.reason for s in scans)

    assert (judgement.verdict is Verdict.NO_MATCH) is is_clear


@given(SCANS, MATCHES, MATCHES, SCANS, FAILURES, POLICIES)
def test_more_evidence_never_softens_the_action(
    scans: list[Scan],
    matches: list[Match],
    more_matches: list[Match],
    more_scans: list[Scan],
    failure: Reason | None,
    policy: Policy,
) -> None:
    """An uploader gains nothing by adding content."""
    mode = Mode.ENFORCE
    less = decide(scans, matches, mode=mode, policy=policy, failure=failure)
    more = decide(
        scans + more_scans,
        matches + more_matches,
        mode=mode,
        policy=policy,
        failure=failure,
    )

    assert STRICTNESS.index(more.action) >= STRICTNESS.index(less.action)


@given(SCANS, MATCHES, FAILURES, POLICIES, POLICIES)
def test_stricter_policy_is_never_milder(
    scans: list[Scan],
    matches: list[Match],
    failure: Reason | None,
    policy: Policy,
    other: Policy,
) -> None:
    """A policy that calls itself as strict as another is so for every upload."""
    strict = stricter(policy, other)
    own = decide(scans, matches, mode=Mode.ENFORCE, policy=strict, failure=failure)
    its = decide(scans, matches, mode=Mode.ENFORCE, policy=other, failure=failure)

    assert strict.is_as_strict_as(other)
    assert STRICTNESS.index(own.action) >= STRICTNESS.index(its.action)


@pytest.mark.parametrize("choice", CHOICES)
def test_policy_is_compared_by_each_choice(choice: str) -> None:
    """One action that is milder makes a policy milder, and only that way round."""
    accept: dict[str, Any] = {choice: Action.ACCEPT}
    reject: dict[str, Any] = {choice: Action.REJECT}
    mild, strict = Policy(**accept), Policy(**reject)

    assert strict.is_as_strict_as(mild)
    assert not mild.is_as_strict_as(strict)


@example(
    scans=[],
    matches=[match(SignalType.PDQ, kind=MatchKind.ALTERED, quality=0)],
    failure=None,
    policy=Policy(near_match=Action.REJECT, low_quality=Action.ACCEPT),
)
@given(SCANS, MATCHES, FAILURES, POLICIES)
def test_altered_copy_is_never_treated_more_strictly_than_the_picture(
    scans: list[Scan], matches: list[Match], failure: Reason | None, policy: Policy
) -> None:
    """If every altered copy were the picture itself, the action would be as strict."""
    within = [replace(it, kind=MatchKind.WITHIN) for it in matches]
    own = decide(scans, matches, mode=Mode.ENFORCE, policy=policy, failure=failure)
    its = decide(scans, within, mode=Mode.ENFORCE, policy=policy, failure=failure)

    assert STRICTNESS.index(own.action) <= STRICTNESS.index(its.action)


@given(SCANS, MATCHES, POLICIES)
def test_verdict_tells_if_it_rests_on_altered_copies_alone(
    scans: list[Scan], matches: list[Match], policy: Policy
) -> None:
    """So that counts of matches and of altered copies can be kept apart."""
    judged = decide(scans, matches, mode=Mode.ENFORCE, policy=policy)
    others = [it for it in matches if it.kind is not MatchKind.ALTERED]
    without = decide(scans, others, mode=Mode.ENFORCE, policy=policy)
    is_match = judged.verdict is Verdict.MATCH

    assert judged.altered is (is_match and without.verdict is not Verdict.MATCH)


def test_policy_is_compared_by_each_category() -> None:
    """A category that is accepted makes a policy milder than one that is silent."""
    mild, silent = Policy(categories={"demo": Action.ACCEPT}), Policy()

    assert silent.is_as_strict_as(mild)
    assert not mild.is_as_strict_as(silent)


@given(SCANS, MATCHES)
def test_verdict_of_agrees_with_decide(scans: list[Scan], matches: list[Match]) -> None:
    """``scan`` says the same of a file as the proxy says of its upload."""
    verdict, reason = verdict_of(scans, matches)
    judgement = decide(scans, matches, mode=Mode.ENFORCE, policy=Policy())

    assert verdict is judgement.verdict
    assert (reason is not None) is (verdict is Verdict.INCONCLUSIVE)


def test_verdict_of_names_the_weightiest_reason() -> None:
    """The most important of several reasons is named."""
    scans = [scan("0", Reason.NOT_INSPECTED), scan("1", Reason.TRUNCATED)]

    assert verdict_of(scans, ()) == (Verdict.INCONCLUSIVE, Reason.TRUNCATED)
    assert verdict_of(scans, [match(SignalType.PHASH)]) == (
        Verdict.INCONCLUSIVE,
        Reason.NEAR_MATCH,
    )
