"""Decisions depend on how much time passes, and never on the time of a clock.

A monotonic clock begins at 0 when a machine starts, and shows millions of seconds after
weeks. Every module that is told the time as ``now_s`` is driven here with one sequence
of events, at several starts of the clock. Times are binary fractions, so that they are
exact at every start, and decisions are compared exactly.
"""

import ast
import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from structlog.testing import capture_logs

import uploadfilter
from tests.decisions.logs import NOON, REFUSED, decision
from uploadfilter.decisions.files.clients import ClientHasher
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.room import Surveyor
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records import flooding
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.records import DecisionRecord, moment
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.doors.quotas import Quota, Quotas, Scope
from uploadfilter.forms.rates import Rates
from uploadfilter.inspection import arriving, budgets, pacing
from uploadfilter.networks import path_of
from uploadfilter.scanners.inside.walking import accounts as walking
from uploadfilter.scanners.pool import lightness, queueing, waiting
from uploadfilter.scanners.pool import usage as usages
from uploadfilter.web.clients.connections import Connections
from uploadfilter.web.clients.silent import SilentConnection
from uploadfilter.web.clients.waiting import Waiters
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.limits import ProxyLimits

STARTS_S: Final = (0.0, 1e4, 1e7, 1e9)
TICK_S: Final = 1 / 1024
CLIENTS: Final = (
    "20010db800000001",
    "20010db800000002",
    "20010db9ffff0001",
    "c6336401",
)

Step = tuple[int, int, int]
"""Ticks that pass, which event comes then, and a number for it."""

Drive = Callable[[float, list[Step]], list[object]]
"""Drives a module from a start of the clock on, and returns what it decided."""

ticks = st.one_of(
    st.integers(0, 200),
    st.integers(0, 40_000),
    st.sampled_from((11_000 << 10, 1 << 32)),
)
steps = st.lists(st.tuples(ticks, st.integers(0, 7), st.integers(0, 999)), max_size=40)


def passing(start_s: float, taken: list[Step]) -> Iterator[tuple[float, int, int]]:
    """Yield what a clock shows at each step, and the step."""
    now_s = start_s
    for later, event, number in taken:
        now_s += later * TICK_S
        yield now_s, event, number


def lanes(start_s: float, taken: list[Step]) -> list[object]:
    """Have scans wait, begin, become slow and end."""
    found: list[object] = []
    claims: list[waiting.Claim] = []
    several = queueing.Lanes(
        places=2,
        small_lane=1,
        slow_lane=2,
        client_share=1,
        queue_limit=6,
        slow_after_s=0.1,
    )
    for now_s, event, number in passing(start_s, taken):
        client = CLIENTS[number % len(CLIENTS)]
        if event < 4 or not claims:
            cost_s, is_small = number / 4096, bool(number % 3)
            claims.append(waiting.Claim(client, cost_s=cost_s, is_small=is_small))
            several.ask(claims[-1], now_s=now_s)
        elif event == 4 and not claims[number % len(claims)].is_slow:
            claim = claims[number % len(claims)]
            if claim.standing in {waiting.Standing.PLACED, waiting.Standing.ASIDE}:
                several.slow_down(claim, now_s=now_s)
        else:
            several.leave(claims[number % len(claims)], now_s=now_s)
        found += [claims.index(claim) for claim in several.admit(now_s=now_s)]
        found.append([claim.standing for claim in claims])
        found.append(several.expected_wait_s(client, now_s=now_s))
    return found


def usage(start_s: float, taken: list[Step]) -> list[object]:
    """Charge clients, who are asked how they stand."""
    found: list[object] = []
    used = usages.Usage()
    for now_s, event, number in passing(start_s, taken):
        client = CLIENTS[number % len(CLIENTS)]
        if event < 4:
            used.charge(client, number / 1024, now_s=now_s)
        found += [used.scale(now_s=now_s), used.is_much(client, now_s=now_s)]
        found += [used.of(client), used.is_over(client, 0.001, now_s=now_s)]
    return found


def lights(start_s: float, taken: list[Step]) -> list[object]:
    """Have clients wait, use scanners, and break uploads off."""
    found: list[object] = []
    light = lightness.Lightness()
    for now_s, event, number in passing(start_s, taken):
        client = CLIENTS[number % len(CLIENTS)]
        if event < 3:
            light.charge(client, number / 4096, now_s=now_s)
        elif event < 6:
            light.waits(client, now_s=now_s)
        elif event == 6:
            light.hold_back(client, now_s=now_s)
        found.append(light.is_light(client, now_s=now_s))
    return found


def forms(start_s: float, taken: list[Step]) -> list[object]:
    """Have clients use the public forms."""
    found: list[object] = []
    rates = Rates(most=3, within_s=3600.0)
    for now_s, event, number in passing(start_s, taken):
        client = CLIENTS[number % len(CLIENTS)]
        found.append(rates.is_open(client, now_s=now_s))
        found.append(rates.wait_s(client, now_s=now_s))
        if event < 6:
            rates.count(client, now_s=now_s)
    return found


def pace(start_s: float, taken: list[Step]) -> list[object]:
    """Charge clients with what they take of the event loop."""
    found: list[object] = []
    owed = pacing.ClientDebts()
    stiles = pacing.Turnstiles()
    shown = [start_s]
    for now_s, event, number in passing(start_s, taken):
        shown[0] = now_s
        client = CLIENTS[number % len(CLIENTS)]
        meter = pacing.LoopMeter(owed, stiles, client, clock=lambda: shown[0])
        meter.received(number)
        if event < 4:
            meter.spend(number * 2**-14)
        elif event == 4:
            meter.fine()
        found += [owed.wait_s(each, now_s=now_s) for each in CLIENTS]
    return found


def bodies(start_s: float, taken: list[Step]) -> list[object]:
    """Have bodies arrive, and one yield for another."""
    found: list[object] = []
    open_bodies: list[arriving.Body] = []
    all_bodies = arriving.Arriving()
    for now_s, event, number in passing(start_s, taken):
        network = path_of(CLIENTS[number % len(CLIENTS)]).site
        if event < 3 or not open_bodies:
            open_bodies.append(arriving.Body(network=network, begun_s=now_s))
            all_bodies.add(open_bodies[-1])
            continue
        body = open_bodies[number % len(open_bodies)]
        if event < 5:
            body.received_bytes += number * 100
        elif event == 5:
            all_bodies.end(body)
            open_bodies.remove(body)
        else:
            all_bodies.make_room(network, now_s=now_s)
        found.append([each.has_yielded for each in open_bodies])
    return found


class Slow:
    """An answer whose client accepts it at a known rate."""

    def __init__(self, network: str, rate: float) -> None:
        self.network = network
        self.rate = rate
        self.is_broken_off = False

    def is_waiting(self) -> bool:
        """Its client accepts less than it could have."""
        return True

    def slow_rate(self) -> float:
        """Return the rate."""
        return self.rate

    def break_off(self) -> None:
        """Note the end."""
        self.is_broken_off = True


def answers(start_s: float, taken: list[Step]) -> list[object]:
    """Have answers wait for slow clients."""
    found: list[object] = []
    waiters = Waiters(lambda: found.append("ended"))
    slow: list[Slow] = []
    for now_s, event, number in passing(start_s, taken):
        if event < 6 or not slow:
            slow.append(Slow(CLIENTS[number % len(CLIENTS)], number))
            waiters.add(slow[-1], most=3, now_s=now_s)
        else:
            waiters.remove(slow[number % len(slow)])
        found.append([each.is_broken_off for each in slow])
    return [*found, len(waiters)]


def rejections(start_s: float, taken: list[Step]) -> list[object]:
    """Have clients use up their budgets of matches."""
    found: list[object] = []
    few = budgets.MatchBudgets(clients_kept=2)
    for now_s, event, number in passing(start_s, taken):
        client = CLIENTS[number % len(CLIENTS)]
        if event < 6:
            few.rejected(client, now_s=now_s, window_s=float(number))
        found += [few.spent_for_s(each, now_s=now_s, budget=2) for each in CLIENTS]
    return found


BROKEN_OFF: Final = replace(decision("d", REFUSED), status=400)


def floods(start_s: float, taken: list[Step]) -> list[object]:
    """Have refusals come, of which some have decisions."""
    found: list[object] = []
    refused = flooding.Flooding(flooding.Groups())
    for now_s, event, number in passing(start_s, taken):
        who = flooding.Who(CLIENTS[number % len(CLIENTS)], "net")
        found += [refused.is_listed(now_s=now_s) for _ in range(number % 50)]
        if event == 0:
            refused.add(who, BROKEN_OFF)
        elif event == 1:
            found += refused.take(now=moment(NOON))
    return found


class Speaking:
    """A connection that is idle or not."""

    def __init__(self, *, is_idle: bool) -> None:
        self._is_idle = is_idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing is sent."""

    def data_received(self, data: bytes) -> None:
        """Nothing comes."""

    def end_if_idle(self) -> bool:
        """End once."""
        was_idle, self._is_idle = self._is_idle, False
        return was_idle


def connections(start_s: float, taken: list[Step]) -> list[object]:
    """Let connections in, up to two, and more where one is idle."""
    live: Any = SimpleNamespace(limits=ProxyLimits(connections=2))
    crowd = Connections(lambda: live, Metrics(), descriptors=10_000)
    found: list[object] = []
    with capture_logs() as said:
        for now_s, event, number in passing(start_s, taken):
            stranger = cast("SilentConnection", object())  # as much as is looked at
            found.append(crowd.let_in(stranger, now_s))
            if found[-1]:
                crowd.spoke(stranger, Speaking(is_idle=event < 4))
            crowd.say(str(number % 3), now_s)
    return [*found, said]


def walks(start_s: float, taken: list[Step]) -> list[object]:
    """Take the steps of a search, on a clock of CPU seconds."""
    found: list[object] = []
    shown = [start_s]
    walk = walking.Accounts(
        lambda: shown[0],
        deadline_s=start_s + 64,
        contents=8,
        signals=8,
        content_bytes=1 << 26,
    )

    def searched(begun_s: float) -> Iterator[None]:
        for _ in range(3):
            shown[0] += (shown[0] - begun_s) + TICK_S
            walk.check_time()
            yield

    for now_s, event, number in passing(start_s, taken):
        shown[0] = max(shown[0], now_s)
        try:
            walk.check_time()
            if event < 3:
                found.append(len(list(walk.searching(searched(now_s), found.append))))
            elif event == 3:
                walk.waste(number / 4096)
        except walking.Ended as ended:
            found.append(ended.reason)
        found.append(walk.has_patience)
    return found


def questions(start_s: float, taken: list[Step]) -> list[object]:
    """Quotas of questions: which are asked, and how long the others wait."""
    # One question a second, so that a bucket counts in binary fractions, too.
    quotas, quota = Quotas(lambda: 256), Quota(per_minute=60, at_once=64)
    decided = list[object]()
    for now_s, _, number in passing(start_s, taken):
        for _ in range(number % 90):
            with quotas.question(Scope.SCAN, "a", quota, now_s=now_s) as wait_s:
                decided.append(wait_s)
    return decided


PARTS: Final[dict[str, Drive]] = {
    "scanners/pool/queueing.py": lanes,
    "scanners/pool/waiting.py": lanes,
    "scanners/pool/usage.py": usage,
    "scanners/pool/lightness.py": lights,
    "scanners/inside/walking/accounts.py": walks,
    "inspection/pacing.py": pace,
    "inspection/arriving.py": bodies,
    "inspection/budgets.py": rejections,
    "web/clients/waiting.py": answers,
    "web/clients/connections.py": connections,
    "decisions/records/flooding.py": floods,
    "forms/rates.py": forms,
    "doors/quotas.py": questions,
}


@pytest.mark.parametrize("drive", PARTS.values(), ids=PARTS)
@settings(max_examples=60)
@given(taken=steps)
def test_decisions_are_the_same_at_any_start_of_the_clock(
    drive: Drive, taken: list[Step]
) -> None:
    """Just after boot, after three hours, after months, and after thirty years."""
    first, *others = [drive(start_s, taken) for start_s in STARTS_S]

    assert all(other == first for other in others)


def test_whatever_is_told_the_time_is_driven_here() -> None:
    """A module with a public function that takes ``now_s`` has its part above."""
    package = Path(uploadfilter.__file__).parent
    told = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(map(_is_told_the_time, ast.walk(ast.parse(path.read_text("utf-8")))))
    }

    assert told <= PARTS.keys()


def _is_told_the_time(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
        return False
    taken = (*node.args.args, *node.args.kwonlyargs)
    return any(argument.arg == "now_s" for argument in taken)


@settings(max_examples=10)
@given(
    jumps=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12),
    refusals=st.integers(0, 100),
)
def test_wall_clock_that_jumps_takes_nothing_off_the_record(
    jumps: list[int], refusals: int
) -> None:
    """Refusals are listed by the time that passed, and the chain stays whole."""
    listed = {}
    for name, moved in (("steady", [0] * len(jumps)), ("jumping", jumps)):
        with TemporaryDirectory() as folder:
            listed[name] = _recorded(Path(folder), moved, refusals)

    assert listed["jumping"] == listed["steady"]


def _recorded(folder: Path, jumps: list[int], refusals: int) -> tuple[int, int]:
    """Record refusals while a clock jumps; return how many were listed and counted."""
    wall_s = NOON
    refused = flooding.Flooding(flooding.Groups())
    with DecisionLog.open(folder, instance="main", clock=lambda: wall_s) as log:
        hasher = ClientHasher(folder, clock=lambda: wall_s)
        surveyor = Surveyor(folder, retention=Retention(), reserve_bytes=0)
        for number, jump in enumerate(jumps):
            wall_s = NOON + jump
            hasher.hash("192.0.2.1")
            for _ in range(refusals):
                record = replace(BROKEN_OFF, time=moment(wall_s), id=f"d{number}")
                if refused.is_listed(now_s=float(number)):
                    log.append_soon(record)
                else:
                    refused.add(flooding.Who("c"), record)
            for summary in refused.take(now=moment(wall_s)):
                log.append_soon(summary)
            surveyor.look(wall_s)
    found = list(read(folder))
    assert verify(folder).ok
    return (
        sum(isinstance(record, DecisionRecord) for record in found),
        sum(it.count for it in found if isinstance(it, SummaryRecord)),
    )
