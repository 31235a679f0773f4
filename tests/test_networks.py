"""Whose a client is, by its name."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.networks import Holdings, Path, path_of


@pytest.mark.parametrize(
    ("client", "networks"),
    [
        pytest.param("c0000207", (), id="ipv4"),
        pytest.param("20010db800010203", ("20010db80001", "20010db8000102"), id="ipv6"),
        pytest.param("", (), id="nobody"),
    ],
)
def test_networks(client: str, networks: tuple[str, ...]) -> None:
    """The IPv6 addresses of one customer or household are one network."""
    path = path_of(client)

    assert path.networks == networks
    assert path.names == (*networks, client)
    assert len(path) == len(Path._fields)
    assert path.client == client


HOUSE = tuple(f"20010db80000000{number}" for number in range(4))
CLIENTS = (*HOUSE, "20010db9ffff0001", "c0000207", "c0000208", "")


@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.integers(0, 5)), max_size=20))
def test_network_has_its_share_only_where_there_is_little_left(
    steps: list[tuple[str, int]],
) -> None:
    """A quarter is left, and the network holds half of all, or as much as a client."""
    held, twin = Holdings(), Counter[str]()
    for client, amount in steps:
        less = twin[client] and amount == 0
        held.add(client, -twin[client] if less else amount)
        twin[client] = 0 if less else twin[client] + amount
        of_house = sum(twin[it] for it in HOUSE)

        assert [held.of(it) for it in CLIENTS] == [twin[it] for it in CLIENTS]
        assert held.is_share_held(HOUSE[3], most=16, per_client=3) == (
            twin.total() >= 12 and of_house >= 8
        )
        assert held.is_share_held(HOUSE[3], most=16, per_client=9) == (
            twin.total() >= 12 and of_house >= 9
        )
        assert not held.is_share_held("c0000207", most=16, per_client=3)


@given(
    most=st.integers(8, 300),
    comers=st.lists(st.integers(0, 9), max_size=400),
)
def test_who_holds_what_is_left_gets_no_more(most: int, comers: list[int]) -> None:
    """However much some take, the last ones are for those that hold less."""
    held = Holdings()
    clients = [f"c00002{number:02x}" for number in range(10)]
    for number in comers:
        client, total = clients[number], sum(map(held.of, clients))
        if total < most and not held.is_fair_share_held(client, most=most):
            was_scarce = total >= 0.75 * most
            held.add(client)
            assert not was_scarce or held.of(client) <= most - total

    assert not held.is_fair_share_held("c6336401", most=most)


@pytest.mark.parametrize("clients", [1, 2, 8, 20])
def test_clients_that_take_what_they_get_leave_an_equal_part(clients: int) -> None:
    """Eight with 32 places each would take all of 256."""
    held, most = Holdings(), 256
    for _ in range(most):
        for number in range(clients):
            client = f"c00002{number:02x}"
            if not held.is_fair_share_held(client, most=most):
                held.add(client)
    total = sum(held.of(f"c00002{number:02x}") for number in range(clients))

    assert most - total >= min(most // (clients + 1), most // 4) - clients


def test_nobody_in_particular_has_no_equal_part() -> None:
    """A front end that does not name its clients would stand for all of them."""
    held = Holdings()
    held.add("", 100)

    assert not held.is_fair_share_held("", most=100)
    assert not held.is_fair_share_held("c0000207", most=100)
