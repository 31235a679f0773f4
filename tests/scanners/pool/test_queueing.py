"""Whose turn it is, in every order of events, and against a slow obvious twin."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.scanners.pool.queueing import ASIDE_S, Lanes
from uploadfilter.scanners.pool.usage import MUCH_S, PROVISION_S
from uploadfilter.scanners.pool.waiting import PATIENCE_S, Claim, Standing

NOT_BEGUN = {Standing.OVER, Standing.WAITING, Standing.LAST}
HOUSE = tuple(f"20010db80000000{number}" for number in range(4))
"""Clients of one household."""

clients = st.sampled_from(["", "a", "b", *HOUSE])


def lanes_of(
    *,
    places: int = 1,
    small_lane: int = 0,
    slow_lane: int = 4,
    client_share: int = 1,
    queue_limit: int = 256,
) -> Lanes:
    """Return lanes with one place and a slow lane."""
    return Lanes(
        places=places,
        small_lane=small_lane,
        slow_lane=slow_lane,
        client_share=client_share,
        queue_limit=queue_limit,
        slow_after_s=0.1,
    )


def ask(
    lanes: Lanes, client: str, *, now_s: float = 0, is_small: bool = False
) -> Claim:
    """Let a client ask for a place, and admit the next claims."""
    claim = Claim(client, is_small=is_small)
    lanes.ask(claim, now_s=now_s)
    admit(lanes, now_s=now_s)
    return claim


def admit(lanes: Lanes, *, now_s: float = 0) -> list[Claim]:
    """Admit the next claims."""
    return list(lanes.admit(now_s=now_s))


def served(
    lanes: Lanes, first: Claim, *, each_s: float = 0.005, since_s: float = 0.0
) -> list[str]:
    """Serve everybody who waits, one after the other, and return whose turn it was."""
    order: list[str] = []
    now_s, claim = since_s, first
    while True:
        now_s += each_s
        lanes.leave(claim, now_s=now_s)
        admitted = admit(lanes, now_s=now_s)
        if not admitted:
            return order
        (claim,) = admitted
        order.append(claim.client)


def test_client_that_breaks_off_goes_after_others() -> None:
    """Its next uploads wait, even if the others have used more scanner time."""
    lanes = lanes_of()
    first = ask(lanes, "b", now_s=0)
    for _ in range(20):
        lanes.broken_off("a", now_s=0)
    for client in "abab":
        ask(lanes, client)

    assert served(lanes, first, each_s=0.1) == list("bbaa")


def test_flood_of_uploads_that_are_broken_off_is_forgotten_as_soon_as_a_few() -> None:
    """Those who share an address with such a client do not wait for minutes."""
    lanes = lanes_of()
    for _ in range(10_000):
        lanes.broken_off("a", now_s=0)
    first = ask(lanes, "b", now_s=60)
    for client in "abab":
        ask(lanes, client, now_s=60)

    assert served(lanes, first, each_s=0.1, since_s=60) == list("abab")


def test_clients_take_turns() -> None:
    """Ten waiting uploads of a client do not go before another client's only one."""
    lanes = lanes_of()
    first = ask(lanes, "a")
    for client in "aaaabcb":
        ask(lanes, client)

    assert served(lanes, first) == list("bcbaaaa")


def test_client_with_a_photo_now_and_then_is_not_behind_new_clients() -> None:
    """However much more it used than they, who have no history; issue 12."""
    lanes = lanes_of()
    for tenth in range(300):
        photo = ask(lanes, "innocent", now_s=tenth / 10)
        photo.cpu_s = 0.01
        lanes.leave(photo, now_s=tenth / 10 + 0.05)
    first = ask(lanes, "new 0", now_s=30)
    for number in range(64):
        ask(lanes, f"new {number % 8}", now_s=30)
    ask(lanes, "innocent", now_s=30)

    assert served(lanes, first, each_s=0.02, since_s=30)[0] == "innocent"


def test_light_clients_leave_turns_to_those_that_wait_too_long() -> None:
    """Many clients with one upload each take half of the turns from the others."""
    lanes = lanes_of()
    placed = ask(lanes, "many")
    for _ in range(10):
        ask(lanes, "many")
    order = []
    for number in range(40):
        now_s = 2 * PATIENCE_S * (number + 1)
        ask(lanes, f"light {number}", now_s=now_s)
        ask(lanes, f"light too {number}", now_s=now_s)
        lanes.leave(placed, now_s=now_s)
        (placed,) = admit(lanes, now_s=now_s)
        order.append(placed.client)

    # Then it uses much, and waits for all of them.
    assert [name == "many" for name in order[:10]] == [False, True] * 5


def test_client_that_breaks_off_is_not_light() -> None:
    """Its single upload waits for the backlog of others."""
    lanes = lanes_of()
    first = ask(lanes, "first")
    lanes.broken_off("breaks off", now_s=0)
    for client in ("breaks off", "a", "a", "a"):
        ask(lanes, client)

    assert served(lanes, first)[-1] == "breaks off"


def test_uploads_of_one_client_are_served_in_order() -> None:
    """The first claim is served first."""
    lanes = lanes_of()
    first = ask(lanes, "a")
    claims = [ask(lanes, "a") for _ in range(5)]
    standings = []
    for last, following in zip([first, *claims], claims, strict=False):
        lanes.leave(last, now_s=1)
        standings.append(admit(lanes, now_s=1) == [following])

    assert all(standings)


def test_claim_is_overtaken_only_for_a_while() -> None:
    """Among many clients there is always one that used less, and yet all get a turn."""
    lanes = lanes_of()
    used = ask(lanes, "used")
    lanes.leave(used, now_s=0.5)
    placed = ask(lanes, "first", now_s=0.5)
    ask(lanes, "used", now_s=0.5)
    order = []
    for number in range(40):
        now_s = 0.5 + (number + 1) * 0.005
        ask(lanes, f"new-{number}", now_s=now_s)
        lanes.leave(placed, now_s=now_s)
        (placed,) = admit(lanes, now_s=now_s)
        order.append(placed.client)

    # For PATIENCE_S newcomers go first, then the client that waited longest.
    assert order.index("used") == PATIENCE_S / 0.005


def test_client_that_uses_much_is_overtaken_for_long() -> None:
    """A flood does not come first because it has waited."""
    lanes = lanes_of()
    flood = ask(lanes, "flood")
    lanes.leave(flood, now_s=2 * MUCH_S)
    placed = ask(lanes, "first", now_s=2 * MUCH_S)
    ask(lanes, "flood", now_s=2 * MUCH_S)
    late_s = 2 * MUCH_S + 5 * PATIENCE_S
    ask(lanes, "other", now_s=late_s)
    lanes.leave(placed, now_s=late_s)

    assert [claim.client for claim in admit(lanes, now_s=late_s)] == ["other"]


def test_wait_is_expected_from_those_that_go_before() -> None:
    """A short queue is not a wait, and neither is the queue of another client."""
    lanes = lanes_of(places=2)
    assert lanes.expected_wait_s("a", now_s=0) == 0
    for _ in range(12):
        ask(lanes, "a")

    assert lanes.expected_wait_s("b", now_s=0) == 0
    assert lanes.expected_wait_s("a", now_s=0) == pytest.approx(11 * PROVISION_S / 2)


def test_wait_is_expected_from_the_first_claims_of_all_others() -> None:
    """Everybody has a turn before a client has its second one."""
    lanes = lanes_of(places=2)
    for client in "aabbccddeeff":
        ask(lanes, client)

    assert lanes.expected_wait_s("z", now_s=0) == pytest.approx(6 * PROVISION_S / 2)


def test_wait_is_expected_from_what_scans_are_expected_to_take() -> None:
    """Until the time at which a large one makes room."""
    lanes = lanes_of()
    for cost_s in (0.05, 0.05, 0.09, 1.0):
        lanes.ask(Claim("a", cost_s=cost_s), now_s=0)

    expected_s = 0.05 + 0.09 + 0.1 + PROVISION_S
    assert lanes.expected_wait_s("a", now_s=0) == pytest.approx(expected_s)


def test_wait_is_expected_from_how_long_scans_hold_their_places() -> None:
    """A scan that was moved to the slow lane held its place for as long as it did."""
    lanes = lanes_of()
    bomb = ask(lanes, "a")
    for _ in range(4):
        ask(lanes, "b")
    lanes.slow_down(bomb, now_s=0.1)

    assert lanes.expected_wait_s("b", now_s=0.1) == pytest.approx(5 * 0.1)


def test_client_that_used_much_waits_for_the_others() -> None:
    """Recent seconds count, and not only the number of scans."""
    lanes = lanes_of()
    greedy = ask(lanes, "a")
    lanes.leave(greedy, now_s=2)
    present = ask(lanes, "c", now_s=2)
    for client in "ab" * 3:
        ask(lanes, client, now_s=2)
    order = []
    for _ in range(3):
        lanes.leave(present, now_s=2)
        (present,) = admit(lanes, now_s=2)
        order.append(present.client)

    assert order == ["b"] * 3


def test_full_queue_sheds_the_newest_of_the_greediest() -> None:
    """A client that fills the queue cannot have another one turned away."""
    lanes = lanes_of(queue_limit=4)
    ask(lanes, "a")
    waiting = [ask(lanes, "a") for _ in range(4)]
    other = Claim("b")

    assert lanes.ask(other, now_s=0) is waiting[-1]
    assert waiting[-1].standing is Standing.OVER
    assert other.standing is Standing.WAITING


def test_full_queue_sheds_the_newcomer_of_the_greediest() -> None:
    """One more of the client that fills the queue is turned away itself."""
    lanes = lanes_of(queue_limit=4)
    ask(lanes, "a")
    for client in "bbbc":
        ask(lanes, client)
    newcomer = Claim("b")

    assert lanes.ask(newcomer, now_s=0) is newcomer


def test_slow_scan_makes_room() -> None:
    """A claim that waits for a bomb's place gets it."""
    lanes = lanes_of()
    bomb, photo = ask(lanes, "a"), ask(lanes, "b")
    lanes.slow_down(bomb, now_s=0.1)

    assert admit(lanes, now_s=0.1) == [photo]
    assert (bomb.standing, photo.standing) == (Standing.SLOW, Standing.PLACED)
    assert bomb.is_slow


def test_full_slow_lane_leaves_a_scan_its_place() -> None:
    """A limited number is scanned at a time; the next one follows later."""
    lanes = lanes_of(places=2, slow_lane=1)
    first, second = ask(lanes, "a"), ask(lanes, "b")
    lanes.slow_down(first, now_s=0.1)
    lanes.slow_down(second, now_s=0.1)
    before = second.standing
    lanes.leave(first, now_s=1)

    assert before is Standing.HELD_UP
    assert second.standing is Standing.SLOW


def held_up(places: int, *, slow_lane: int = 1) -> tuple[Lanes, list[Claim]]:
    """Return lanes that are full of slow scans of as many clients, and those."""
    lanes = lanes_of(places=places, slow_lane=slow_lane)
    bombs: list[Claim] = []
    for number in range(slow_lane + places):
        bombs.append(ask(lanes, f"bomber {number}", now_s=number))
        lanes.slow_down(bombs[-1], now_s=number + 0.1)
    return lanes, bombs


def test_slow_scan_is_put_back_for_whoever_waits() -> None:
    """Bombs of many unknown clients do not hold the places; one of them gives way.

    It is the one that was begun last, so that the least is lost.
    """
    lanes, bombs = held_up(2)
    photo = Claim("b")
    lanes.ask(photo, now_s=3)

    assert admit(lanes, now_s=3) == [bombs[-1], photo]
    assert photo.standing is Standing.PLACED
    assert [bomb.standing for bomb in bombs] == [
        Standing.SLOW,
        Standing.HELD_UP,
        Standing.PUT_BACK,
    ]


def test_scan_that_was_put_back_goes_on_in_the_slow_lane() -> None:
    """Its turn is before those that still hold a place, and it is notified."""
    lanes, bombs = held_up(2)
    ask(lanes, "b", now_s=3)
    lanes.leave(bombs[0], now_s=4)

    assert admit(lanes, now_s=4) == [bombs[-1]]
    assert bombs[-1].standing is Standing.SLOW
    assert lanes.put_back == 0


def test_no_scan_is_put_back_for_a_client_that_would_hold_the_place() -> None:
    """A known bomber must go on waiting, and no other scan is put back for it."""
    lanes, bombs = held_up(2)
    more = ask(lanes, bombs[0].client, now_s=3)

    assert more.standing is Standing.WAITING
    assert lanes.put_back == 0


@pytest.mark.parametrize(
    ("slow_lane", "limit"),
    [pytest.param(0, 9, id="no-lane"), pytest.param(1, 0, id="no-queue")],
)
def test_no_scan_is_put_back_for_ever(slow_lane: int, limit: int) -> None:
    """Where it could not go on, or too many wait for it, it keeps its place."""
    lanes = lanes_of(slow_lane=slow_lane, queue_limit=limit)
    bombs: list[Claim] = []
    for number in range(slow_lane + 1):
        bombs.append(ask(lanes, f"bomber {number}"))
        lanes.slow_down(bombs[-1], now_s=0.1)
    ask(lanes, "b", now_s=1)

    assert bombs[-1].standing is Standing.HELD_UP


def test_time_in_which_a_scan_is_put_back_is_not_charged() -> None:
    """A client is charged for the time of its scans, and not for their waiting."""
    lanes, bombs = held_up(2)
    ask(lanes, "b", now_s=3)
    lanes.leave(bombs[0], now_s=1000)
    lanes.leave(bombs[1], now_s=1000)
    admit(lanes, now_s=1000)
    lanes.leave(bombs[2], now_s=1000.5)

    # The last place, which a client is not given whose scans have taken much.
    assert ask(lanes, bombs[2].client, now_s=1000.5).standing is Standing.PLACED


def test_greedy_client_never_gets_the_last_place() -> None:
    """A client with its share of slow scans leaves one place to the others."""
    lanes = lanes_of(places=2)
    bombs = [ask(lanes, "a"), ask(lanes, "a")]
    for bomb in bombs:
        lanes.slow_down(bomb, now_s=0.1)
    more, photo = ask(lanes, "a", now_s=0.1), ask(lanes, "b", now_s=0.1)

    assert [bomb.standing for bomb in bombs] == [Standing.SLOW, Standing.HELD_UP]
    assert more.standing is Standing.WAITING
    assert photo.standing is Standing.PLACED


def test_greedy_client_is_served_again_when_its_bombs_have_ended() -> None:
    """It only waits for its own slow scans."""
    lanes = lanes_of()
    bomb = ask(lanes, "a")
    lanes.slow_down(bomb, now_s=0.1)
    more = ask(lanes, "a", now_s=0.1)
    lanes.leave(bomb, now_s=2)

    assert admit(lanes, now_s=2) == [more]


def test_greedy_client_gets_places_that_nobody_needs() -> None:
    """With places to spare, its next uploads need not wait."""
    lanes = lanes_of(places=3)
    bomb = ask(lanes, "a")
    lanes.slow_down(bomb, now_s=0.1)
    more = [ask(lanes, "a", now_s=0.1) for _ in range(3)]

    assert [claim.standing for claim in more] == [
        *[Standing.PLACED] * 2,
        Standing.WAITING,
    ]


def bombed(lanes: Lanes, client: str) -> None:
    """Have a client's bomb scanned for two seconds, from 0 on."""
    bomb = ask(lanes, client)
    lanes.slow_down(bomb, now_s=0.1)
    lanes.leave(bomb, now_s=2)


def test_client_known_to_be_slow_leaves_a_place() -> None:
    """When the bombs of a client end, its next ones do not take all places at once."""
    lanes = lanes_of(places=2)
    bombed(lanes, "a")
    bombs = [ask(lanes, "a", now_s=2) for _ in range(2)]
    photo = ask(lanes, "b", now_s=2)

    assert [claim.standing for claim in [*bombs, photo]] == [
        Standing.PLACED,
        Standing.WAITING,
        Standing.PLACED,
    ]


def test_client_known_to_be_slow_may_have_the_only_place() -> None:
    """With one place, and room in the slow lane, no client is kept out for its past."""
    lanes = lanes_of(places=1)
    bombed(lanes, "a")

    assert ask(lanes, "a", now_s=2).standing is Standing.PLACED


def test_many_clients_known_to_be_slow_leave_a_place() -> None:
    """Clients that send bombs together do not lock the others out either."""
    lanes = lanes_of(places=2, slow_lane=1)
    for client in "cdef":
        bombed(lanes, client)
    bombs = [ask(lanes, client, now_s=2) for client in "cdef"]
    lanes.slow_down(bombs[0], now_s=2.1)
    admit(lanes, now_s=2.1)
    photo = ask(lanes, "b", now_s=2.1)

    assert [bomb.standing for bomb in bombs] == [
        Standing.SLOW,
        Standing.PLACED,
        Standing.WAITING,
        Standing.WAITING,
    ]
    assert photo.standing is Standing.PLACED


def test_nobody_in_particular_has_no_limit_of_a_client() -> None:
    """A front end that does not name its clients is not taken for one client."""
    lanes = lanes_of(slow_lane=3)
    for _ in range(3):
        lanes.slow_down(ask(lanes, ""), now_s=0.1)

    assert lanes.slow == 3
    assert ask(lanes, "").standing is Standing.PLACED


def test_end_of_the_pool_turns_away_all() -> None:
    """No claim is left waiting."""
    lanes = lanes_of()
    ask(lanes, "a")
    waiting = [ask(lanes, "b"), ask(lanes, "c")]

    assert lanes.turn_away_all() == waiting
    assert lanes.waiting == 0


def test_end_of_the_pool_turns_away_what_was_put_back() -> None:
    """A scan that was broken off is not left waiting either."""
    lanes, bombs = held_up(1)
    ask(lanes, "b", now_s=3)

    assert lanes.turn_away_all() == bombs[1:]
    assert lanes.put_back == 0


def test_small_scan_is_not_behind_large_ones() -> None:
    """Where all places are taken, it goes aside, and those that follow it wait."""
    lanes = lanes_of(places=2, small_lane=1)
    large = [ask(lanes, "a"), ask(lanes, "b"), ask(lanes, "c")]
    small = [ask(lanes, "d", is_small=True), ask(lanes, "e", is_small=True)]

    assert [claim.standing for claim in large] == [*["placed"] * 2, "waiting"]
    assert [claim.standing for claim in small] == ["aside", "waiting"]

    lanes.leave(small[0], now_s=0.01)

    assert admit(lanes, now_s=0.01) == [small[1]]
    assert large[2].standing is Standing.WAITING


def test_small_scan_that_is_slow_leaves_the_lane_for_small_ones() -> None:
    """A header that lies keeps no other small scan waiting."""
    lanes = lanes_of(places=1, small_lane=1, slow_lane=1)
    ask(lanes, "a")
    liars = [ask(lanes, client, is_small=True) for client in "bc"]
    lanes.slow_down(liars[0], now_s=0.1)
    admit(lanes, now_s=0.1)
    lanes.slow_down(liars[1], now_s=0.2)
    small = ask(lanes, "d", now_s=0.2, is_small=True)

    assert [claim.standing for claim in liars] == [Standing.SLOW, Standing.PUT_BACK]
    assert small.standing is Standing.ASIDE


def test_scan_in_the_lane_for_small_ones_is_slow_sooner() -> None:
    """A scan that takes four times as long as expected shows that its header lies."""
    lanes = lanes_of(small_lane=3)
    ask(lanes, "a")
    claims = [Claim("b", cost_s=cost, is_small=True) for cost in (0.005, 0.01, 0.03)]
    for claim in claims:
        lanes.ask(claim, now_s=0)

    assert [claim.standing for claim in claims] == [Standing.ASIDE] * 3
    assert [claim.slow_after_s for claim in claims] == [ASIDE_S, 0.04, 0.1]


def test_scan_that_is_expected_to_be_slow_is_so_from_its_beginning() -> None:
    """It goes into the slow lane while that has room, and else may be put back."""
    lanes = lanes_of(places=2, slow_lane=1)
    large = [Claim(client, cost_s=0.4) for client in "abcd"]
    for claim in large:
        lanes.ask(claim, now_s=0)
        admit(lanes)
    begun = [claim.standing for claim in large]
    photo = ask(lanes, "e")
    lanes.slow_down(large[0], now_s=0.1)

    assert begun == ["slow", "held_up", "held_up", "waiting"]
    assert photo.standing is Standing.PLACED
    assert [claim.standing for claim in large[1:]] == ["held_up", "put_back", "waiting"]


def test_small_upload_is_not_turned_away_for_what_is_large() -> None:
    """With the small lane, it only waits for small scans."""
    lanes = lanes_of(places=1, small_lane=1)
    for client in "aabbccdd":
        lanes.ask(Claim(client, cost_s=0.09), now_s=0)
    ask(lanes, "e", is_small=True)
    ask(lanes, "f", is_small=True)

    assert lanes.expected_wait_s("z", now_s=0) > 0.3
    small_s = lanes.expected_wait_s("z", may_be_small=True, now_s=0)
    assert small_s == pytest.approx(2 * PROVISION_S)


def test_client_with_slow_scans_is_not_in_the_lane_for_small_ones() -> None:
    """Its headers are not believed, as long as its share of the slow lane is full."""
    lanes = lanes_of(places=1, small_lane=1)
    lanes.slow_down(ask(lanes, "a"), now_s=0.1)
    ask(lanes, "b", now_s=0.1)
    liar = ask(lanes, "a", now_s=0.1, is_small=True)
    small = ask(lanes, "c", now_s=0.1, is_small=True)

    assert liar.standing is Standing.WAITING
    assert small.standing is Standing.ASIDE


def test_what_was_expected_beyond_what_it_took_is_given_back() -> None:
    """A client is charged for the time of its scans, whatever their headers claim."""
    lanes = lanes_of()
    claim = Claim("a", cost_s=100.0)
    lanes.ask(claim, now_s=0)
    lanes.leave(claim, now_s=0.1)
    placed = ask(lanes, "c", now_s=0.1)
    ask(lanes, "b", now_s=0.1)
    ask(lanes, "a", now_s=0.1)
    lanes.leave(placed, now_s=0.1 + 2 * PATIENCE_S)
    (first,) = admit(lanes, now_s=0.1 + 2 * PATIENCE_S)
    lanes.leave(first, now_s=0.11 + 2 * PATIENCE_S)

    # As one that uses much it would wait for all others.
    assert [claim.client for claim in admit(lanes, now_s=0.4)] == ["a"]


events = st.one_of(
    st.tuples(st.just("ask small"), clients),
    st.tuples(st.just("ask large"), clients),
    st.tuples(st.just("ask"), clients),
    st.tuples(st.just("slow"), st.integers(0, 9)),
    st.tuples(st.just("leave"), st.integers(0, 9)),
    st.tuples(st.just("set last"), st.integers(0, 9)),
)


@given(
    places=st.integers(1, 4),
    small_lane=st.integers(0, 2),
    slow_lane=st.integers(0, 4),
    share=st.integers(1, 2),
    limit=st.integers(0, 5),
    happenings=st.lists(events, max_size=60),
)
def test_lanes_keep_their_bounds(
    places: int,
    small_lane: int,
    slow_lane: int,
    share: int,
    limit: int,
    happenings: list[tuple[str, str | int]],
) -> None:
    """In any case no limit is exceeded, no claim is lost, and no wait is useless."""
    lanes = lanes_of(
        places=places,
        small_lane=small_lane,
        slow_lane=slow_lane,
        client_share=share,
        queue_limit=limit,
    )
    claims: list[Claim] = []
    for now, (what, which) in enumerate(happenings):
        _happen(lanes, claims, what, which, now_s=float(now))
        admit(lanes, now_s=float(now))
        standing = Counter(claim.standing for claim in claims)
        holding = standing[Standing.PLACED] + standing[Standing.HELD_UP]

        assert holding == lanes.placed <= places
        assert standing[Standing.ASIDE] == lanes.aside <= small_lane
        assert standing[Standing.SLOW] == lanes.slow <= slow_lane
        assert standing[Standing.WAITING] + standing[Standing.LAST] == lanes.waiting
        assert standing[Standing.WAITING] <= limit
        assert standing[Standing.LAST] <= limit
        assert standing[Standing.PUT_BACK] == lanes.put_back <= limit
        _check_shares(claims, slow_lane=slow_lane, share=share)
        _check_that_nobody_waits_in_vain(
            lanes,
            claims,
            places=places,
            small_lane=small_lane,
            slow_lane=slow_lane,
            share=share,
        )


def _check_shares(claims: list[Claim], *, slow_lane: int, share: int) -> None:
    """No client has more of the slow lane than its share, and none waits for less."""
    lane = Counter(c.client for c in claims if c.standing is Standing.SLOW)
    full = {client for client, count in lane.items() if client and count >= share}
    of_house = sum(lane[client] for client in HOUSE)
    assert of_house <= 2 * share
    full |= set(HOUSE) if of_house == 2 * share else set()
    wanting = {Standing.HELD_UP, Standing.PUT_BACK, Standing.ASIDE}

    assert all(count <= share for client, count in lane.items() if client)
    assert lane.total() == slow_lane or all(
        claim.client in full
        for claim in claims
        if claim.standing in wanting and claim.is_slow
    )


def _happen(
    lanes: Lanes, claims: list[Claim], what: str, which: str | int, *, now_s: float
) -> None:
    if isinstance(which, str):
        cost_s = 1.0 if what == "ask large" else PROVISION_S
        claims.append(Claim(which, cost_s=cost_s, is_small=what == "ask small"))
        lanes.ask(claims[-1], now_s=now_s)
        return
    fast = {Standing.PLACED, Standing.ASIDE}
    wanted = {"slow": fast, "set last": {Standing.WAITING}}.get(what, set(Standing))
    found = [claim for claim in claims if claim.standing in wanted]
    if what == "slow":
        found = [claim for claim in found if not claim.is_slow]
    if not found:
        return
    claim = found[which % len(found)]
    if what == "slow":
        lanes.slow_down(claim, now_s=now_s)
    elif what == "set last":
        lanes.set_last(claim)
    else:
        lanes.leave(claim, now_s=now_s)


def _check_that_nobody_waits_in_vain(
    lanes: Lanes,
    claims: list[Claim],
    *,
    places: int,
    small_lane: int,
    slow_lane: int,
    share: int,
) -> None:
    """Where a place is free, only clients wait that must not have the last one."""
    free = places - lanes.placed
    slow = Counter(
        claim.client
        for claim in claims
        if claim.is_slow and claim.standing not in NOT_BEGUN
    )
    barred = {client for client, count in slow.items() if count >= share}
    if sum(slow[client] for client in HOUSE) >= 2 * share:
        barred |= set(HOUSE)
    if places > 1 or lanes.slow >= max(slow_lane, 1):
        barred |= {claim.client for claim in claims if claim.is_slow}
        barred |= set(HOUSE) if barred & set(HOUSE) else set()
    wanting = {Standing.WAITING, Standing.LAST}
    waiting = {c.client for c in claims if c.standing in wanting}

    small = {c.client for c in claims if c.standing is Standing.WAITING and c.is_small}

    assert lanes.aside == small_lane or small <= barred - {""}
    assert free != 1 or waiting <= barred - {""}
    assert free < 2 or not waiting


def test_claims_of_clients_that_ended_their_side_wait_for_all_others() -> None:
    """They are served when nobody else waits, and are ahead of no new claim."""
    lanes = lanes_of(places=1)
    placed = ask(lanes, "a")
    ended = [ask(lanes, "gone") for _ in range(20)]
    for claim in ended:
        assert lanes.set_last(claim) is None
    wait_s = lanes.expected_wait_s("z", now_s=0)
    others = [ask(lanes, "b"), ask(lanes, "a")]
    order = []
    for now in range(1, 23):
        lanes.leave(placed, now_s=now)
        (placed,) = admit(lanes, now_s=now)
        order.append(placed)

    assert wait_s == 0
    assert set(order[:2]) == set(others)
    assert order[2:] == ended


@pytest.mark.parametrize("standing", list(Standing))
def test_claim_may_leave_wherever_it_stands(standing: Standing) -> None:
    """A client may vanish at any moment, and twice."""
    lanes = lanes_of(places=1, small_lane=1, slow_lane=1, client_share=1)
    claim = _standing_claim(lanes, standing)

    assert claim.standing is standing

    lanes.leave(claim, now_s=9)
    lanes.leave(claim, now_s=9)

    assert claim.standing is Standing.OVER


def _standing_claim(lanes: Lanes, standing: Standing) -> Claim:
    claim = ask(lanes, "a")
    match standing:
        case Standing.PLACED:
            pass
        case Standing.WAITING:
            claim = ask(lanes, "a")
        case Standing.LAST:
            claim = ask(lanes, "a")
            lanes.set_last(claim)
        case Standing.ASIDE:
            claim = ask(lanes, "b", is_small=True)
        case Standing.OVER:
            lanes.leave(claim, now_s=1)
        case Standing.SLOW:
            lanes.slow_down(claim, now_s=1)
        case Standing.HELD_UP | Standing.PUT_BACK:
            lanes.slow_down(claim, now_s=1)
            claim = ask(lanes, "b")
            lanes.slow_down(claim, now_s=2)
    if standing is Standing.PUT_BACK:
        ask(lanes, "c", now_s=3)
    return claim
