"""The order of claims by heaps is that by ``min`` over all clients."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from uploadfilter.networks import path_of
from uploadfilter.scanners.pool.succession import succession
from uploadfilter.scanners.pool.waiting import Claim

SITE = "20010db80000"
CLIENTS = (f"{SITE}0000", f"{SITE}0001", f"{SITE}00ff", f"{SITE}0100", f"{SITE}01ff")
ELSEWHERE = (*CLIENTS, "c0000207", "c0000208")

costs = st.integers(1, 640).map(lambda parts: parts / 64)
"""In fractions that add up exactly, in whatever order."""

uses = st.sampled_from([0.0, 0.0, 0.125, 1.0, 1.0, 50.0])


def by_least(
    claims: Mapping[str, Sequence[Claim]],
    *,
    level: int,
    used: Mapping[str, float],
    scale: float,
) -> Iterator[Claim]:
    """The twin: look at all clients for each claim."""
    more: defaultdict[str, float] = defaultdict(float)
    left = {client: deque(those) for client, those in claims.items()}

    def turn(client: str) -> tuple[float, ...]:
        names = path_of(client)[level:]
        return (*(used[name] + more[name] for name in names), left[client][0].number)

    while left:
        client = min(left, key=turn)
        claim = left[client].popleft()
        for name in path_of(client).names:
            more[name] += claim.cost_s * scale
        if not left[client]:
            del left[client]
        yield claim


@given(
    clients=st.just(CLIENTS),
    queue=st.lists(st.tuples(st.integers(0, 6), costs), min_size=1, max_size=30),
    used=st.lists(uses, min_size=40, max_size=40),
    scale=st.sampled_from([1.0, 0.5, 2.0**40]),
)
def test_order_is_that_of_the_twin(
    clients: Sequence[str],
    queue: list[tuple[int, float]],
    used: list[float],
    scale: float,
) -> None:
    """Whatever was used before, at each level of the networks."""
    claims: dict[str, list[Claim]] = {}
    for number, (place, cost_s) in enumerate(queue):
        client = clients[place % len(clients)]
        claim = Claim(client, cost_s=cost_s)
        claim.number = number
        claims.setdefault(client, []).append(claim)
    names = sorted({name for client in clients for name in path_of(client)})
    before = {name: seconds * scale for name, seconds in zip(names, used, strict=False)}

    found = succession(claims, level=0, used=before.__getitem__, scale=scale)

    assert list(found) == list(by_least(claims, level=0, used=before, scale=scale))


def test_one_client_is_served_in_order_of_arrival() -> None:
    """This also holds at the level of clients, where there is no choice."""
    claims = [Claim(CLIENTS[0]) for _ in range(3)]

    found = succession({CLIENTS[0]: claims}, level=3, used=lambda _: 0.0, scale=1.0)

    assert list(found) == claims


def test_what_a_queue_of_one_network_takes_does_not_grow_with_its_square() -> None:
    """For each claim as much is compared as a heap of that size is deep, twice."""
    compared = 0

    class Number(int):
        """Counts how often it decides whose turn it is."""

        @override
        def __lt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return super().__lt__(other)

    count = 250
    claims: dict[str, list[Claim]] = {}
    for number in range(count):
        claim = Claim(f"{SITE}{number:04x}")
        claim.number = Number(number)
        claims[claim.client] = [claim]

    list(succession(claims, level=0, used=lambda _: 0.0, scale=1.0))

    assert 0 < compared <= 2 * count * count.bit_length()
