"""What each client used, and how it fades."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.scanners.pool.usage import HALF_LIFE_S, PROVISION_S, Usage

clients = st.sampled_from(
    ["", "a", "b", "20010db800000001", "20010db800000002", "20010db800000101"]
)
"""Clients in no network, and three of one site; two of these are of one household."""


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
