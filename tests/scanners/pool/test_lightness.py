"""Which clients are light."""

import pytest

from uploadfilter.scanners.pool.lightness import (
    CROWDED_S,
    FEW,
    LATELY_S,
    LIGHT_S,
    NETWORK_TIMES,
    Lightness,
)
from uploadfilter.scanners.pool.queueing import Lanes
from uploadfilter.scanners.pool.waiting import Claim, Standing

HOUSE = tuple(f"20010db80000000{number}" for number in range(8))
"""Clients of one household."""


def test_client_that_used_little_is_light() -> None:
    """A client that nobody has seen, and one that sent some photos."""
    lightness = Lightness()
    lightness.charge("a", LIGHT_S / 2, now_s=0)

    assert lightness.is_light("a", now_s=0)
    assert lightness.is_light("b", now_s=0)


def test_client_that_used_much_lately_is_light_again_soon() -> None:
    """After a few half-lives of what it used."""
    lightness = Lightness()
    lightness.charge("a", 4 * LIGHT_S, now_s=0)

    assert not lightness.is_light("a", now_s=LATELY_S)
    assert lightness.is_light("a", now_s=3 * LATELY_S)


def test_nobody_in_particular_is_not_light() -> None:
    """A front end that names no clients would have all of its uploads go first."""
    assert not Lightness().is_light("", now_s=0)


@pytest.mark.parametrize("left", [0, 1, FEW])
def test_client_with_a_crowd_is_not_light_while_few_are_left(left: int) -> None:
    """Only after a while."""
    lightness = Lightness()
    for _ in range(FEW + 1):
        lightness.waits("a", now_s=0)
    for _ in range(FEW + 1 - left):
        lightness.waits_no_more("a")

    assert not lightness.is_light("a", now_s=CROWDED_S / 2)
    assert lightness.is_light("a", now_s=CROWDED_S)


def test_upload_to_come_counts() -> None:
    """A client whose next upload would be one too many is not light."""
    lightness = Lightness()
    for _ in range(FEW):
        lightness.waits("a", now_s=0)

    assert lightness.is_light("a", now_s=0)
    assert not lightness.is_light("a", more=1, now_s=0)


def test_household_with_many_networks_is_not_light() -> None:
    """Each of its networks has one upload; together they have a crowd."""
    lightness = Lightness()
    few = FEW * NETWORK_TIMES
    for client in HOUSE[:few]:
        lightness.waits(client, now_s=0)
    before = lightness.is_light(HOUSE[0], now_s=0)
    lightness.waits(HOUSE[few], now_s=0)

    assert before
    assert not lightness.is_light(HOUSE[0], now_s=0)
    assert lightness.is_light("a", now_s=0)


def test_household_that_used_much_is_not_light() -> None:
    """Each of its networks used little."""
    lightness = Lightness()
    for client in HOUSE:
        lightness.charge(client, LIGHT_S / 2, now_s=0)

    assert not lightness.is_light(HOUSE[0], now_s=0)


def test_client_that_made_us_work_in_vain_is_not_light_for_a_while() -> None:
    """As if it had waited with a crowd."""
    lightness = Lightness()
    lightness.hold_back("a", now_s=0)

    assert not lightness.is_light("a", now_s=0)
    assert lightness.is_light("a", now_s=CROWDED_S)


def test_crowds_that_are_over_are_forgotten() -> None:
    """However many clients come, memory is bounded."""
    lightness = Lightness()
    for number in range(10_000):
        lightness.hold_back(str(number), now_s=number)

    assert len(lightness) <= 4096 + 1


def test_scan_that_was_put_back_does_not_make_its_client_light() -> None:
    """Its expected time is given back once, not each time that it leaves a place."""
    lanes = Lanes(
        places=1,
        small_lane=0,
        slow_lane=1,
        client_share=1,
        queue_limit=9,
        slow_after_s=0.1,
    )
    slow, liar, photo = Claim("slow"), Claim("liar", cost_s=2.0), Claim("photo")
    lanes.ask(slow, now_s=0)
    lanes.slow_down(slow, now_s=1)
    for claim in (liar, photo):
        lanes.ask(claim, now_s=1)
    assert list(lanes.admit(now_s=1)) == [liar, photo]
    assert liar.standing is Standing.PUT_BACK
    lanes.leave(slow, now_s=1)
    liar.cpu_s = 1.0
    lanes.leave(liar, now_s=1)
    again, light = Claim("liar"), Claim("light")
    for claim in (again, light):
        lanes.ask(claim, now_s=1)
    lanes.leave(photo, now_s=1)

    assert light in lanes.admit(now_s=1)
    assert again.standing is Standing.WAITING
