"""The acts that the page offers, in every state of the folder."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.issuing.steps import (
    FIRST_ROLES,
    Act,
    Situation,
    Step,
    StepPlace,
    WaitingRole,
    due,
    offered,
    places,
)
from uploadfilter.signedsets.roles import HASHSET, REVOKE, ROOT, TARGETS

NAMES = st.lists(st.sampled_from(["ann", "bob", "dora"]), unique=True, max_size=3)


@st.composite
def waitings(draw: st.DrawFn) -> tuple[WaitingRole, ...]:
    """Draw a proposal: any roles, signed by any of their holders."""
    roles = draw(
        st.lists(st.sampled_from([ROOT, TARGETS, HASHSET, REVOKE]), unique=True)
    )
    return tuple(
        WaitingRole(
            role=role,
            by=tuple(draw(NAMES)),
            others=tuple(draw(NAMES)),
            missing=draw(st.integers(0, 3)),
        )
        for role in roles
    )


SITUATIONS = st.builds(
    Situation,
    sequence=st.integers(0, 3),
    built=st.none() | st.integers(0, 3),
    is_broken_off=st.booleans(),
    staged=st.integers(0, 3),
    waiting=waitings(),
)
STEPS_FORWARD = {
    Step.PICTURES: Act.BUILD,
    Step.SIGN: Act.SIGN,
    Step.PUBLISH: Act.PUBLISH,
}


@given(SITUATIONS)
def test_one_step_is_due_and_those_before_it_are_done(now: Situation) -> None:
    """People always see which step they are at."""
    found = list(places(now).items())
    at = [step for step, place in found if place is StepPlace.NOW]

    assert at == [due(now)]
    assert [step for step, _ in found] == list(Step)
    index = list(Step).index(due(now))
    assert {place for _, place in found[:index]} <= {StepPlace.DONE}
    assert {place for _, place in found[index + 1 :]} <= {StepPlace.LATER}


@given(SITUATIONS)
def test_nothing_is_published_below_its_threshold(now: Situation) -> None:
    """Publishing needs every signature, and everything that a publication needs."""
    roles = {item.role for item in now.waiting}
    is_right = bool(roles) and all(not item.missing for item in now.waiting)
    is_whole = now.sequence > 0 or roles == FIRST_ROLES

    assert (Act.PUBLISH in offered(now)) == (is_right and is_whole)


@given(SITUATIONS)
def test_signing_is_offered_while_somebody_is_missing(now: Situation) -> None:
    """A missing holder can sign, and nobody signs a complete proposal."""
    somebody = any(item.missing and item.others for item in now.waiting)

    assert (Act.SIGN in offered(now)) == somebody


@given(SITUATIONS)
def test_what_needs_a_publication_waits_for_one(now: Situation) -> None:
    """Before the first publication, nothing is withdrawn, confirmed or copied."""
    found = offered(now)

    for act in (Act.WITHDRAW, Act.RENEW, Act.EXPORT):
        assert (act in found) == (now.sequence > 0)
    assert now.sequence or Act.REMOVE not in found


@given(SITUATIONS)
def test_withdrawing_is_never_in_the_way_of_anything(now: Situation) -> None:
    """In every unfinished state, published entries can be withdrawn."""
    half_done = Situation(sequence=1, built=now.built, waiting=now.waiting)

    assert Act.WITHDRAW in offered(half_done)


@given(SITUATIONS)
def test_no_situation_is_a_dead_end(now: Situation) -> None:
    """Somebody can go on, unless nobody is left to sign a proposal."""
    forward = STEPS_FORWARD.get(due(now))
    nobody_is_left = due(now) is Step.SIGN and Act.SIGN not in offered(now)

    if forward is None:
        assert offered(now) & {Act.PROPOSE, Act.DISCARD}
    elif not nobody_is_left:
        assert forward in offered(now)


@given(SITUATIONS)
def test_build_is_not_lost_by_another(now: Situation) -> None:
    """A finished build must be proposed or discarded before the next one."""
    found = offered(now)

    assert not (now.built is not None and Act.BUILD in found)
    assert now.built is None or Act.DISCARD in found
    assert not (now.built == 0 and Act.PROPOSE in found)


@given(SITUATIONS)
def test_waiting_proposal_is_not_replaced_by_accident(now: Situation) -> None:
    """Signatures are not lost by accident: the proposal has to be deleted first."""
    if due(now) in {Step.SIGN, Step.PUBLISH}:
        assert not offered(now) & {Act.BUILD, Act.PROPOSE, Act.REMOVE}
        assert (Act.FORGET in offered(now)) == (now.is_set_proposed or now.staged > 0)


@given(SITUATIONS)
def test_key_is_made_at_any_time(now: Situation) -> None:
    """A new officer needs a key before anything else."""
    assert Act.KEY in offered(now)


@given(SITUATIONS)
def test_stopping_is_for_work(now: Situation) -> None:
    """Without work there is nothing to stop."""
    assert Act.STOP not in offered(now)
