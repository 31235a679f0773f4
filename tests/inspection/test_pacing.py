"""The share of the event loop of one client, compared with a slow obvious twin."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.inspection.pacing import (
    BROKEN_OFF_S,
    BURST_S,
    CLIENT_SHARE,
    FREE_S,
    HOUSEHOLD_SHARE,
    LONGEST_DEBT_S,
    PART_S,
    SCAN_S,
    SHARE,
    SITE_SHARE,
    UPLOAD_S,
    ClientDebts,
    LoopMeter,
    Turnstiles,
)
from uploadfilter.inspection.rounds import BYTE_S, PIECE_S

ONE, NEIGHBOUR = "20010db800000001", "20010db800000002"
"""Two networks of 64 bits, of one household."""

UPSTAIRS, ELSEWHERE, IPV4 = "20010db800000101", "20010db9ffff0001", "c6336401"
"""Another of the same site and another household; of another site; an address."""

CLIENTS = (ONE, NEIGHBOUR, UPSTAIRS, ELSEWHERE, IPV4, "")

clients = st.sampled_from(CLIENTS)
charges = st.lists(
    st.tuples(st.floats(0, 2), clients, st.floats(0.001, 0.5)), max_size=20
)


class Buckets:
    """The twin: leaky buckets, which ITU-T I.371 shows to be the same.

    Each bucket is filled by charges, and leaks at its share.
    """

    def __init__(self) -> None:
        self.levels: dict[str, float] = {}
        self.now_s = 0.0

    def pass_to(self, now_s: float) -> None:
        """Let all leak."""
        for name, level in self.levels.items():
            leaked = _share(name) * (now_s - self.now_s)
            self.levels[name] = max(level - leaked, 0.0)
        self.now_s = now_s

    def charge(self, client: str, seconds: float) -> None:
        """Fill the buckets of a client, each up to its brim."""
        for name in _buckets(client) if client else ():
            level = self.levels.get(name, 0.0) + seconds
            self.levels[name] = min(level, LONGEST_DEBT_S * _share(name))

    def wait_s(self, client: str) -> float:
        """Return when all buckets of a client that owes are low enough."""
        if self.levels.get(client, 0.0) <= 0:
            return 0.0
        over = [
            (self.levels[name] - BURST_S) / _share(name) for name in _buckets(client)
        ]
        return max(0.0, *over)


def _buckets(client: str) -> list[str]:
    if client == IPV4:
        return [client, "all"]
    return [client, f"household {client[:14]}", f"site {client[:12]}", "all"]


def _share(name: str) -> float:
    if name == "all":
        return SHARE
    shares = {"site": SITE_SHARE, "household": HOUSEHOLD_SHARE}
    return shares.get(name.partition(" ")[0], CLIENT_SHARE)


@given(charges)
def test_virtual_scheduling_is_a_leaky_bucket(
    charged: list[tuple[float, str, float]],
) -> None:
    """However clients are charged, each waits as long as in the slow model."""
    accounts, twin = ClientDebts(), Buckets()
    now_s = 0.0
    for later_s, client, seconds in charged:
        now_s += later_s
        twin.pass_to(now_s)
        accounts.charge(client, seconds, now_s=now_s)
        twin.charge(client, seconds)

        waits = [accounts.wait_s(each, now_s=now_s) for each in CLIENTS]
        assert waits == pytest.approx([twin.wait_s(each) for each in CLIENTS])


@given(charges)
def test_who_owes_nothing_waits_for_nobody(
    charged: list[tuple[float, str, float]],
) -> None:
    """A newcomer goes on at once, whatever others were charged."""
    accounts = ClientDebts()
    for later_s, client, seconds in charged:
        accounts.charge(client, seconds, now_s=later_s)

    assert accounts.wait_s("c6336402", now_s=2) == 0
    assert accounts.wait_s("", now_s=2) == 0


@given(st.lists(st.floats(0.001, 0.1), min_size=1, max_size=50))
def test_client_that_waits_as_told_gets_its_share(costs: list[float]) -> None:
    """It takes only its share of the time, and one burst."""
    accounts = ClientDebts()
    now_s = 0.0
    for cost_s in costs:
        now_s += accounts.wait_s(ONE, now_s=now_s)
        accounts.charge(ONE, cost_s, now_s=now_s)

    assert sum(costs[:-1]) <= now_s * CLIENT_SHARE + BURST_S + max(costs)


def test_accounts_that_owe_nothing_are_forgotten() -> None:
    """A client with millions of addresses does not fill the memory."""
    accounts = ClientDebts()
    for number in range(100_000):
        accounts.charge(f"{number:08x}", 1e-6, now_s=float(number))

    assert len(accounts) < 20_000


def meter(accounts: ClientDebts, client: str = ONE) -> LoopMeter:
    """Return the meter of an upload."""
    return LoopMeter(accounts, Turnstiles(), client, clock=lambda: 0.0)


def test_ordinary_upload_is_free() -> None:
    """Its time is below the free time for its size."""
    accounts = ClientDebts()
    ordinary = meter(accounts)
    ordinary.received(1_000_000)
    ordinary.spend(FREE_S - UPLOAD_S)
    ordinary.spend(0.02)

    assert accounts.wait_s(ONE, now_s=0) == 0


def test_what_is_beyond_is_charged_once() -> None:
    """Only time beyond the free part counts; for a forfeited upload, all of it."""
    accounts = ClientDebts()
    for _ in range(2):
        dear = meter(accounts)
        dear.forfeit()
        dear.forfeit()
        dear.spend(BURST_S / 2)

    assert accounts.wait_s(ONE, now_s=0) == pytest.approx(0)
    meter(accounts).fine()
    assert accounts.wait_s(ONE, now_s=0) > 0


def test_nothing_is_free_for_a_client_that_owes() -> None:
    """Sixty uploads at once have no sixty free parts."""
    accounts = ClientDebts()
    accounts.charge(ONE, 1.0, now_s=0)
    owed_s = accounts.wait_s(ONE, now_s=0)
    meter(accounts).spend(FREE_S)

    assert accounts.wait_s(ONE, now_s=0) == pytest.approx(
        owed_s + (UPLOAD_S + FREE_S) / CLIENT_SHARE
    )


def test_upload_that_is_broken_off_was_not_free() -> None:
    """The time that it took is charged, and a fine, once."""
    accounts, twin = ClientDebts(), ClientDebts()
    broken = meter(accounts)
    broken.spend(FREE_S / 2)
    owed_before_s = accounts.wait_s(ONE, now_s=0)
    for _ in range(2):
        broken.broken_off()
    twin.charge(ONE, UPLOAD_S + FREE_S / 2, now_s=0)
    twin.fine(ONE, BROKEN_OFF_S, now_s=0)
    for owing in (accounts, twin):
        owing.charge(ONE, 1.0, now_s=0)

    assert owed_before_s == 0
    assert accounts.wait_s(ONE, now_s=0) == twin.wait_s(ONE, now_s=0) > 0


@given(charges)
def test_fines_of_others_delay_nobody(charged: list[tuple[float, str, float]]) -> None:
    """A client that owes a little waits for time that was taken, and no longer."""
    accounts, twin = ClientDebts(), ClientDebts()
    now_s = 0.0
    for later_s, client, seconds in charged:
        now_s += later_s
        for owing in (accounts, twin):
            owing.charge(client, seconds / 100, now_s=now_s)
        accounts.fine(client, seconds, now_s=now_s)
    for owing in (accounts, twin):
        owing.charge("c6336403", 0.001, now_s=now_s)

    waits = [owing.wait_s("c6336403", now_s=now_s) for owing in (accounts, twin)]
    assert waits[0] == waits[1]


async def test_turn_that_was_paid_for_is_not_charged_again() -> None:
    """A client that owes pays for its turn before it; breaking off adds a fine."""
    accounts = ClientDebts()
    accounts.charge(ONE, 0.06, now_s=0)
    clock = iter([0.0, 0.0, *(1e3 for _ in range(9))])
    owing = LoopMeter(accounts, Turnstiles(), ONE, clock=lambda: next(clock, 1e3))
    await owing.turn(is_wanted=lambda: True)
    owing.spend(0.004)
    owing.broken_off()
    accounts.charge(ONE, BURST_S / 2, now_s=1e3)

    assert accounts.wait_s(ONE, now_s=1e3) == 0


async def test_upload_costs_by_its_bytes_parts_and_scans() -> None:
    """What a part of its body cost is not charged again with the next one."""
    accounts, twin = ClientDebts(), ClientDebts()
    dear = meter(accounts)
    dear.forfeit()
    await dear.round(1000)
    for parts, unpacked in ((20, 0), (300, -50), (300, 10_000)):
        dear.charge_body(parts=parts, unpacked=unpacked)
    dear.charge_scans(400)
    bytes_s = PIECE_S + 11_000 * BYTE_S
    twin.charge(ONE, bytes_s + 300 * PART_S + 400 * SCAN_S, now_s=0)

    assert accounts.wait_s(ONE, now_s=0) == pytest.approx(twin.wait_s(ONE, now_s=0))
    assert twin.wait_s(ONE, now_s=0) > 0


async def test_upload_that_is_not_wanted_any_more_waits_no_longer() -> None:
    """A client that has disconnected, or lost its place, makes room at once."""
    accounts = ClientDebts()
    accounts.charge(ONE, 1000.0, now_s=0)

    await meter(accounts).turn(is_wanted=lambda: False)


async def test_one_upload_of_a_client_passes_at_a_time() -> None:
    """Uploads of others do not wait for it; a cancelled one is left out."""
    turnstiles, order = Turnstiles(), []

    async def passing(client: str, name: str) -> None:
        async with turnstiles.through(client, is_wanted=lambda: True):
            order.append(f"in {name}")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            order.append(f"out {name}")

    async with asyncio.TaskGroup() as group:
        for name in ("a1", "a2", "a3", "b1"):
            task = group.create_task(passing(name[0], name))
            if name == "a2":
                group.create_task(_cancelled(task))

    of_a = [step for step in order if "a" in step]
    assert of_a == ["in a1", "out a1", "in a3", "out a3"]
    assert order.index("in b1") < order.index("out a1")


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()


async def test_one_upload_of_a_client_is_in_a_block_at_a_time() -> None:
    """Uploads of others are beside it, and nothing is forfeited."""
    accounts, turnstiles, order = ClientDebts(), Turnstiles(), []
    gate = asyncio.Event()

    async def pass_through(name: str, client: str) -> None:
        it = LoopMeter(accounts, turnstiles, client, clock=lambda: 0.0)
        async with it.one_at_a_time():
            order.append(name)
            await gate.wait()
        it.spend(0.005)

    async with asyncio.TaskGroup() as group:
        for name, client in (("a1", ONE), ("a2", ONE), ("b1", "c0000205")):
            group.create_task(pass_through(name, client))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first = list(order)
        gate.set()

    assert first == ["a1", "b1"]
    assert order == ["a1", "b1", "a2"]
    assert accounts.wait_s(ONE, now_s=0.0) == 0
