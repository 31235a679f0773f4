"""The next of the waiting claims, and the use of each client."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.scanners.pool.lightness import Lightness
from uploadfilter.scanners.pool.usage import PROVISION_S, Usage
from uploadfilter.scanners.pool.waiting import Claim, WaitingClaims

ONE, NEIGHBOUR, UPSTAIRS = "20010db800000001", "20010db800000002", "20010db800000101"
"""Clients of one site; two are of one household."""

clients = st.sampled_from(["", "a", "b", "c", ONE, NEIGHBOUR, UPSTAIRS])
queued = st.lists(st.tuples(clients, st.floats(PROVISION_S, 0.05)), max_size=20)
used = st.dictionaries(clients, st.floats(0, 0.5))


@given(queued, used, used, clients)
def test_what_goes_before_a_claim_is_what_a_simulation_serves_before_it(
    queue: list[tuple[str, float]],
    before: dict[str, float],
    lately: dict[str, float],
    asking: str,
) -> None:
    """The twin serves one claim after the other, up to the new one."""
    state = Usage(), Lightness()
    for client, seconds in before.items():
        state[0].charge(client, seconds, now_s=0)
    for client, seconds in lately.items():
        state[1].charge(client, seconds, now_s=0)
    waiting = WaitingClaims(limit=100, usage=state[0], lightness=state[1])
    for client, cost_s in queue:
        waiting.add(Claim(client, cost_s=cost_s))
    expected = waiting.ahead_of(asking, now_s=0)

    served = _served_before(copy.deepcopy((waiting, *state)), asking)

    # The first claim of each other client may go before or after, and its last one.
    others = len({client for client, _ in queue if client != asking})
    assert {claim.client for claim in expected} >= {
        claim.client for claim in served if claim.client == asking
    }
    assert len(served) <= len(expected) <= len(served) + 2 * others


def _served_before(
    state: tuple[WaitingClaims, Usage, Lightness], asking: str
) -> list[Claim]:
    waiting, usage, lightness = state
    new = Claim(asking)
    waiting.add(new)
    served: list[Claim] = []
    while True:
        claim = waiting.take(except_for=(), now_s=0)
        if claim is new or claim is None:
            return served
        usage.charge(claim.client, claim.cost_s, now_s=0)
        lightness.charge(claim.client, claim.cost_s, now_s=0)
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
