"""Live settings: replaced for those who come, kept for those who are there."""

from dataclasses import replace
from pathlib import Path

from tests.proxy.site import settings
from uploadfilter.proxy import texts
from uploadfilter.proxy.live import InForce


async def test_request_keeps_the_settings_it_began_with(tmp_path: Path) -> None:
    """An upload that began under the old file ends under it."""
    first = settings(tmp_path, "http://127.0.0.1:9").live
    second = replace(first, wording=texts.load(objection="another"))
    async with InForce.opened(first) as in_force:
        with in_force.use() as begun:
            await in_force.replace(second)
            with in_force.use() as later:
                assert (begun.settings, later.settings) == (first, second)


async def test_replaced_settings_are_closed_when_nobody_uses_them(
    tmp_path: Path,
) -> None:
    """Old origins stay open for the uploads that still go there."""
    first = settings(tmp_path, "http://127.0.0.1:9").live
    async with InForce.opened(first) as in_force:
        with in_force.use():
            await in_force.replace(
                replace(first, wording=texts.load(objection="another"))
            )
        await in_force.close_old()

        assert in_force.settings.wording == texts.load(objection="another")
