"""What a route takes, for any kinds, reasons and policies; the table has the cases."""

from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.evidence import (
    CONTENT_REASONS,
    FAILURES,
    MATCHES,
    POLICIES,
    scan,
)
from uploadfilter.contents.kinds.families import FileFamily, families_of
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.decisions.accepting import MOST_FIELD_BYTES, Accept
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.model import Action, Match, Mode, Reason, Scan

MODES = st.sampled_from(Mode)
STRICTNESS = (Action.ACCEPT, Action.RETRY_LATER, Action.REJECT)
KINDS = st.sampled_from([*(kind.value for kind in Kind), "unscanned"])
SENT = st.lists(
    st.builds(
        scan,
        st.sampled_from("0123"),
        st.none() | st.sampled_from(CONTENT_REASONS),
        st.builds(scan, st.just("0!/1"), kind=KINDS),
        kind=KINDS,
        size=st.sampled_from([0, 1, MOST_FIELD_BYTES]),
    ),
    min_size=1,
    max_size=3,
)
ACCEPTS = st.builds(
    Accept,
    families=st.frozensets(st.sampled_from(FileFamily), min_size=1),
    fields=st.frozensets(st.sampled_from("0123")),
)
PICTURES_ONLY = frozenset({FileFamily.PICTURES})


@given(SENT, MATCHES, FAILURES, MODES, POLICIES, ACCEPTS)
def test_route_that_takes_less_is_never_milder(
    scans: list[Scan],
    matches: list[Match],
    failure: Reason | None,
    mode: Mode,
    policy: Policy,
    accept: Accept,
) -> None:
    """Whatever is sent, saying what a route takes lets nothing more pass."""
    all_of_it = decide(scans, matches, mode=mode, policy=policy, failure=failure)
    less = decide(
        scans, matches, mode=mode, policy=policy, failure=failure, accept=accept
    )

    assert STRICTNESS.index(less.action) >= STRICTNESS.index(all_of_it.action)


@given(SENT, MATCHES, POLICIES, st.frozensets(st.sampled_from("0123")))
def test_route_for_pictures_passes_whole_pictures_and_short_texts_only(
    scans: list[Scan], matches: list[Match], policy: Policy, fields: frozenset[str]
) -> None:
    """Of any kind, with any reason and under any policy, nothing else is accepted."""
    accept = Accept(families=PICTURES_ONLY, fields=fields)
    judged = decide(scans, matches, mode=Mode.ENFORCE, policy=policy, accept=accept)
    whole = {None, Reason.EVIDENCE_UNFINISHED}
    files = [
        content
        for each in scans
        if each.path not in fields or families_of(each.kind) != {FileFamily.TEXTS}
        if each.kind != Kind.EMPTY
        for content in each.walk()
    ]

    if judged.effect is Action.ACCEPT:
        assert all(
            it.kind == Kind.EMPTY or families_of(it.kind) == PICTURES_ONLY
            for it in files
        )
        assert {reason for each in scans for reason in (None, *each.reasons)} <= whole
