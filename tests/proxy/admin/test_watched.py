"""A running proxy, as the operator sees it."""

import re
from pathlib import Path

from tests.proxy.admin.desk import watched
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.proxy.admin.watched import own_cpu_s, version


async def test_level_is_what_is_held_now(tmp_path: Path) -> None:
    """It shows a spool that holds bytes, and a pool without work."""
    async with watched(tmp_path) as proxy:
        with proxy.room.spool() as spool:
            await spool.write(b"x" * 100)
            level = proxy.level()

    assert (level.spool_memory, level.spool_disk) == (100, 0)
    assert (level.waiting, level.scanning) == (0, 0)


async def test_generation_is_the_one_that_was_used_last(tmp_path: Path) -> None:
    """Reading the state never opens a generation."""
    list_entries(tmp_path, [exact_entry(1, b"a")])
    async with watched(tmp_path) as proxy:
        before = proxy.generation
        proxy.reference.current()
        after = proxy.generation

        assert before is None
        assert after is not None
        assert after.entry_count == 1


def test_own_cpu_time_rises() -> None:
    """It is the CPU time of the process, and not the time of the day."""
    assert 0 < own_cpu_s() <= own_cpu_s()


def test_version_is_the_installed_one() -> None:
    """It stands on the page and in the metrics."""
    assert re.fullmatch(r"\d+\.\d+.*", version())
