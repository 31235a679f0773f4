"""Tests of uploadfilter.forms.rates."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.forms import rates
from uploadfilter.forms.rates import NETWORK_TIMES, Rates

HOUR_S = 3600.0
CLIENT, NEIGHBOUR, STRANGER = "20010db800000001", "20010db800000002", "c6336401"


def used(it: Rates, client: str, *, now_s: float, tries: int) -> int:
    """Return how many of several tries a client may make at one moment."""
    made = 0
    for _ in range(tries):
        if it.is_open(client, now_s=now_s):
            it.count(client, now_s=now_s)
            made += 1
    return made


@given(
    most=st.integers(1, 20),
    gaps_s=st.lists(st.floats(0, 2 * HOUR_S), min_size=1, max_size=60),
)
def test_client_never_exceeds_its_rate(most: int, gaps_s: list[float]) -> None:
    """In no stretch of an hour more than twice the bucket, and never more at once."""
    it, now_s, made = Rates(most=most, within_s=HOUR_S), 0.0, list[float]()
    for gap_s in gaps_s:
        now_s += gap_s
        if it.is_open(CLIENT, now_s=now_s):
            assert it.wait_s(CLIENT, now_s=now_s) == 0
            it.count(CLIENT, now_s=now_s)
            made.append(now_s)
        else:
            assert 0 < it.wait_s(CLIENT, now_s=now_s) <= HOUR_S

    for at_s in made:
        assert sum(at_s <= it_s < at_s + HOUR_S for it_s in made) <= 2 * most


def test_ten_thousand_tries_of_one_client_cost_others_nothing() -> None:
    """One client is stopped, its network at several times that, nobody else."""
    it = Rates(most=10, within_s=HOUR_S)

    assert used(it, CLIENT, now_s=0, tries=10_000) == 10
    assert used(it, NEIGHBOUR, now_s=0, tries=10) == 10
    assert used(it, STRANGER, now_s=0, tries=10) == 10


def test_clients_of_one_network_share_a_bucket() -> None:
    """A network of addresses does not multiply what its owner may do."""
    it = Rates(most=10, within_s=HOUR_S)
    made = sum(
        used(it, f"20010db80000{at:04x}", now_s=0, tries=10) for at in range(1000)
    )

    assert made == 10 * NETWORK_TIMES


def test_unnamed_client_has_no_limit() -> None:
    """It stands for all who come through a front end that names nobody."""
    assert used(Rates(most=1, within_s=HOUR_S), "", now_s=0, tries=100) == 100


def test_buckets_are_bounded() -> None:
    """Addresses that are used once do not fill the memory."""
    it = Rates(most=1, within_s=HOUR_S)
    for at in range(rates.MOST_NAMES + 10):
        it.count(f"{at:08x}", now_s=at)

    assert len(it) == rates.MOST_NAMES
