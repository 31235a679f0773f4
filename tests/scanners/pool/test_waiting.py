"""The next of the waiting claims, and the use of each client."""

import copy
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.scanners.pool.waiting import (
    HALF_LIFE_S,
    PROVISION_S,
    Claim,
    Usage,
    WaitingClaims,
)

ONE, NEIGHBOUR, UPSTAIRS = "20010db800000001", "20010db800000002", "20010db800000101"
"""Clients of one site; two are of one household."""

clients = st.sampled_from(["", "a", "b", "c", ONE, NEIGHBOUR, UPSTAIRS])
queued = st.lists(st.tuples(clients, st.floats(PROVISION_S, 0.05)), max_size=20)
used = st.dictionaries(clients, st.floats(0, 0.5))


def test_usage_fades() -> None:
    """Use half a minute ago counts less than a little now."""
    usage = Usage()
    usage.charge("a", 1.0, now_s=0)
    usage.charge("b", 0.2, now_s=3 * HALF_LIFE_S)

    assert usage.of("a") < usage.of("b")


@given(
    charges=st.lists(
        st.tuples(clients, st.floats(0, 1e6), st.floats(0.001, 10)), max_size=30
    )
)
def test_usage_orders_clients_as_fading_sums_do(
    charges: list[tuple[str, float, float]],
) -> None:
    """Scaling up new use orders clients like scaling down old use."""
    usage = Usage()
    charges = sorted(charges, key=lambda charge: charge[1])
    for client, at_s, seconds in charges:
        usage.charge(client, seconds, now_s=at_s)
    end_s = charges[-1][1] if charges else 0.0
    faded: defaultdict[str, float] = defaultdict(float)
    for client, at_s, seconds in charges:
        for name in {client, client[:12], client[:14]}:
            faded[name] += seconds * 2 ** ((at_s - end_s) / HALF_LIFE_S)

    for one in faded:
        for other in faded:
            if faded[one] > 1.001 * faded[other] and faded[one] > PROVISION_S:
                assert usage.of(one) > usage.of(other)


def test_usage_remembers_only_so_many_clients() -> None:
    """However many clients come, those that used most are remembered."""
    usage = Usage()
    usage.charge("greedy", 100, now_s=0)
    for number in range(20_000):
        usage.charge(str(number), PROVISION_S, now_s=number / 1000)

    assert len(usage) <= 4096
    assert usage.of("greedy") > usage.of("19999")


@given(queued, used, clients)
def test_what_goes_before_a_claim_is_what_a_simulation_serves_before_it(
    queue: list[tuple[str, float]], before: dict[str, float], asking: str
) -> None:
    """The twin serves one claim after the other, up to the new one."""
    usage = Usage()
    for client, seconds in before.items():
        usage.charge(client, seconds, now_s=0)
    waiting = WaitingClaims(limit=100, usage=usage)
    for client, cost_s in queue:
        waiting.add(Claim(client, cost_s=cost_s))
    expected = waiting.ahead_of(asking, now_s=0)

    served = _served_before(copy.deepcopy((waiting, usage)), asking)

    # The first claim of each other client may go before or after, and its last one.
    others = len({client for client, _ in queue if client != asking})
    assert {claim.client for claim in expected} >= {
        claim.client for claim in served if claim.client == asking
    }
    assert len(served) <= len(expected) <= len(served) + 2 * others


def _served_before(state: tuple[WaitingClaims, Usage], asking: str) -> list[Claim]:
    waiting, usage = state
    new = Claim(asking)
    waiting.add(new)
    served: list[Claim] = []
    while True:
        claim = waiting.take(except_for=(), now_s=0)
        if claim is new or claim is None:
            return served
        usage.charge(claim.client, claim.cost_s, now_s=0)
        served.append(claim)


def test_networks_take_turns_before_clients_do() -> None:
    """A client with many addresses gets as many turns as one with a single address."""
    usage = Usage()
    waiting = WaitingClaims(limit=100, usage=usage)
    for number in range(8):
        waiting.add(Claim(f"20010db8000000{number:02x}"))
        waiting.add(Claim(f"20010db80000ff{number:02x}"))
        waiting.add(Claim("c0000207"))
    order = []
    while len(waiting):
        claim = waiting.take(except_for=(), now_s=0)
        assert claim is not None
        usage.charge(claim.client, claim.cost_s, now_s=0)
        order.append(claim.client)

    assert order[:16].count("c0000207") == 8
    assert sum(client[12:14] == "ff" for client in order[:16]) == 4


def test_network_with_the_most_is_turned_away_first() -> None:
    """However few claims each of its clients has."""
    waiting = WaitingClaims(limit=3, usage=Usage())
    for client in (ONE, NEIGHBOUR, "a"):
        waiting.add(Claim(client))

    assert waiting.add(shed := Claim(UPSTAIRS)) is not None
    assert shed.client == UPSTAIRS
    assert {claim.client for claim in waiting} >= {"a"}


@pytest.mark.parametrize("now_s", [0.0, 1e4, 1e6, 1e9])
def test_wait_is_reckoned_however_long_the_machine_has_been_up(now_s: float) -> None:
    """Before the first charge, and after hours without a charge."""
    usage = Usage()
    waiting = WaitingClaims(limit=4, usage=usage)
    assert waiting.ahead_of("a", now_s=now_s) == []

    usage.charge("a", 1.0, now_s=now_s)
    later_s = now_s + 1e6
    assert waiting.ahead_of("a", now_s=later_s) == []
    assert usage.scale(now_s=later_s) == 1.0
    assert not usage.is_over("a", 0.0, now_s=later_s)
