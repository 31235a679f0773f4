"""Networks take turns, and the clients in them."""

from uploadfilter.web.requests.turntaking import TurnTaking

HOUSE = tuple(f"20010db80000000{number}" for number in range(4))
"""Clients of one household."""


def test_client_whose_turn_was_longest_ago_is_next() -> None:
    """A client that never had one comes before all."""
    turns = TurnTaking()
    for client in ("a", "", "b"):
        turns.took(client)

    assert sorted(("b", "a", "", "new"), key=turns.last) == ["new", "a", "", "b"]


def test_network_has_one_turn_for_all_of_its_clients() -> None:
    """A household with many networks goes behind a client that came before."""
    turns = TurnTaking()
    for client in (HOUSE[0], "a", HOUSE[1]):
        turns.took(client)

    assert min(("a", *HOUSE), key=turns.last) == "a"
    assert min(HOUSE, key=turns.last) in HOUSE[2:]


def test_turns_of_very_many_clients_are_forgotten() -> None:
    """Memory is bounded, and all are equal then."""
    turns = TurnTaking()
    for number in range(10_000):
        turns.took(str(number))

    assert turns.last("0") == (0, 0, 0)
