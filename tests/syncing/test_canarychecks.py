"""Sending a canary, and comparing the decision with the signed sets."""

import asyncio
from pathlib import Path

from tests.issuing.offices import Office, line_of
from tests.proxy.site import site
from tests.syncing.moments import epoch_s
from tests.syncing.sites import Site
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.signedsets import canaries
from uploadfilter.syncing.canaries import doors, listed_in
from uploadfilter.syncing.canarychecks import CanaryCheck, check_door


async def test_set_whose_canary_is_lost_is_named(tmp_path: Path) -> None:
    """The proxy answers, and one set did not find its canary."""
    state = tmp_path / "state"
    office = Office(tmp_path / "office", epoch_s=epoch_s())
    office.canaries = canaries.entries()
    office.issue(line_of("a", 1))
    Site(state, office).sync()

    def check(name: str) -> CanaryCheck:
        with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
            generation = reader.current()
            (listed,) = listed_in(generation)
            of = (canaries.ListedCanaries(set=name, ids=listed.ids, enforced=True),)
            return check_door(state, doors(state)[0], generation, of, clock=epoch_s)

    async with site(state, listed=None):
        good = await asyncio.to_thread(check, "unit7")
        bad = await asyncio.to_thread(check, "unit8")

    assert (good.faults, good.sent is not None) == ((), True)
    assert {name for name, _ in bad.faults} == {"unit8"}
