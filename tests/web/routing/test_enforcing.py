"""Where ENFORCE would reject no match, held against the policy that decides."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.evidence import POLICIES, match
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.model import Action, Mode, SignalType
from uploadfilter.reference.entries.countable import Countable
from uploadfilter.reference.entries.sets import LOCAL_ISSUER, SetInfo
from uploadfilter.web.routing.enforcing import (
    WHAT_TO_DO,
    WORDS,
    Lack,
    Unenforced,
    enforcing,
    lack_of,
    unenforced,
)
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route

ALONE = Countable(alone=frozenset({"1"}))
WEAK = Countable(weak=frozenset({"1"}))
DEFAULT = Route(name=DEFAULT_ROUTE, origin=DEFAULT_ROUTE, mode=Mode.ENFORCE)


def info(*, enforced: bool = True, entries: int = 1, revoked: int = 0) -> SetInfo:
    """Return the description of a hash set."""
    return SetInfo(
        name="unit7",
        issuer=LOCAL_ISSUER,
        categories=("1",),
        enforced=enforced,
        imported_at=0,
        entries=entries,
        revoked=revoked,
    )


@dataclass(frozen=True)
class Listed:
    """Entries, as a generation tells of them."""

    sets: tuple[SetInfo, ...] = (info(),)
    found: Countable = ALONE
    also_withdrawn: Countable = ALONE

    def countable(
        self, sets: Collection[str] | None = None, *, also_withdrawn: bool = False
    ) -> Countable:
        """Return the categories that count."""
        assert sets is None
        return self.also_withdrawn if also_withdrawn else self.found


@pytest.mark.parametrize(
    ("listed", "policy", "lack"),
    [
        pytest.param(Listed(), Policy(), None, id="enforced"),
        pytest.param(
            Listed(sets=(), found=Countable()), Policy(), Lack.ENTRIES, id="no-set"
        ),
        pytest.param(
            Listed(sets=(info(entries=2, revoked=2),), found=Countable()),
            Policy(),
            Lack.ENTRIES,
            id="all-revoked",
        ),
        pytest.param(
            Listed(sets=(info(enforced=False),), found=Countable()),
            Policy(),
            Lack.MONITORED,
            id="monitored",
        ),
        pytest.param(
            Listed(sets=(info(entries=0), info(enforced=False)), found=Countable()),
            Policy(),
            Lack.MONITORED,
            id="an-empty-set-beside-a-monitored-one",
        ),
        pytest.param(
            Listed(found=Countable()), Policy(), Lack.WITHDRAWN, id="suppressed"
        ),
        pytest.param(
            Listed(found=Countable(), also_withdrawn=Countable()),
            Policy(),
            Lack.SIGNALS,
            id="low-quality",
        ),
        pytest.param(Listed(found=WEAK), Policy(), Lack.SIGNALS, id="one-64-bit-type"),
        pytest.param(
            Listed(found=WEAK),
            Policy(near_match=Action.REJECT),
            None,
            id="weak-rejects",
        ),
        pytest.param(
            Listed(),
            Policy(categories={"1": Action.ACCEPT}),
            Lack.POLICY,
            id="accepted-category",
        ),
        pytest.param(
            Listed(), Policy(categories={"1": Action.RETRY_LATER}), None, id="later"
        ),
        pytest.param(
            Listed(found=Countable(alone=frozenset({"1", "2"}))),
            Policy(categories={"1": Action.ACCEPT}),
            None,
            id="another-category",
        ),
    ],
)
def test_lack_is_named(listed: Listed, policy: Policy, lack: Lack | None) -> None:
    """Every cause that makes ENFORCE reject no match has a name of its own."""
    assert lack_of(policy, listed) is lack


@given(
    POLICIES,
    st.dictionaries(st.sampled_from("12"), st.sampled_from(Action)),
    st.frozensets(st.sampled_from("12"), min_size=1),
    st.booleans(),
)
def test_nothing_is_lacking_exactly_where_a_match_is_not_accepted(
    policy: Policy,
    actions: dict[str, Action],
    categories: frozenset[str],
    is_weak: bool,
) -> None:
    """The finding about a policy equals its decision, for a match of each category."""
    policy = replace(policy, categories=actions)
    kind = SignalType.PHASH if is_weak else SignalType.SHA256
    found = Countable(weak=categories) if is_weak else Countable(alone=categories)
    done = {
        decide((), [match(kind, category=it)], mode=Mode.ENFORCE, policy=policy).effect
        for it in categories
    }

    lack = lack_of(policy, Listed(found=found))

    assert (lack is None) is (done != {Action.ACCEPT})


MONITORED = replace(DEFAULT, name="all", mode=Mode.MONITOR)


@pytest.mark.parametrize(
    ("routes", "mode", "names"),
    [
        pytest.param([DEFAULT], Mode.ENFORCE, [], id="enforced"),
        pytest.param([MONITORED], Mode.MONITOR, [], id="nobody-asks-for-it"),
        pytest.param([MONITORED], Mode.ENFORCE, [Lack.ROUTES], id="route-monitors"),
        pytest.param(
            [MONITORED, DEFAULT], Mode.ENFORCE, [Lack.ROUTES], id="never-taken"
        ),
        pytest.param(
            [replace(DEFAULT, exempt=True)], Mode.ENFORCE, [Lack.ROUTES], id="exempt"
        ),
        pytest.param(
            [replace(MONITORED, path="/a"), DEFAULT], Mode.ENFORCE, [], id="one-of-two"
        ),
        pytest.param([], Mode.ENFORCE, [Lack.ROUTES], id="none"),
    ],
)
def test_routes_that_enforce_nothing(
    routes: list[Route], mode: Mode, names: list[Lack]
) -> None:
    """An operator whose file asks for ENFORCE without effect is told so."""
    found = unenforced(routes, mode=mode, generation=Listed())

    assert [item.lack for item in found] == names


def test_each_route_has_its_own_lack() -> None:
    """One route may accept an upload that another one rejects."""
    mild = replace(
        DEFAULT, name="mild", path="/a", policy=Policy(categories={"1": Action.ACCEPT})
    )
    found = unenforced([mild, DEFAULT], mode=Mode.MONITOR, generation=Listed())

    assert enforcing([mild, DEFAULT]) == (mild, DEFAULT)
    assert found == (Unenforced(route="mild", lack=Lack.POLICY),)
    assert "'mild'" in found[0].words
    assert found[0].to_do == WHAT_TO_DO[Lack.POLICY]


def test_every_lack_is_explained() -> None:
    """The problem, and the remedy."""
    assert set(WORDS) == set(WHAT_TO_DO) == set(Lack)
