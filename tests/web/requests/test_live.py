"""Live settings: replaced for those who come, kept for those who are there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proxy.site import settings
from tests.proxy.wire import wire_origin
from tests.waiting import until
from uploadfilter.errors import ServiceError
from uploadfilter.service.chores import beside
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.live import InForce, LiveSettings


@pytest.fixture
def first(tmp_path: Path) -> LiveSettings:
    """Return live settings with one origin."""
    return settings(tmp_path, "http://127.0.0.1:9").live


def to(live: LiveSettings, port: int) -> LiveSettings:
    """Return settings with another origin."""
    url = f"http://127.0.0.1:{port}"
    return replace(live, origins={"default": OriginSettings(url=url)})


@asynccontextmanager
async def opened(live: LiveSettings) -> AsyncIterator[InForce]:
    """Keep settings in force, and close unused origins, as the service does."""
    async with (
        InForce.opened(live) as in_force,
        beside(origins=in_force.keep_closing()),
    ):
        yield in_force


async def test_request_keeps_the_settings_it_began_with(first: LiveSettings) -> None:
    """An upload that began under the old file ends under it."""
    second = to(first, 10)
    async with opened(first) as in_force:
        with in_force.use() as begun:
            await in_force.replace(second)
            with in_force.use() as later:
                assert (begun.settings, later.settings) == (first, second)


async def test_old_origin_is_closed_when_nobody_uses_it(first: LiveSettings) -> None:
    """It stays open as long as uploads still use it."""
    async with opened(first) as in_force:
        with in_force.use():
            await in_force.replace(to(first, 10))
            assert (in_force.old_terms, in_force.open_origins) == (1, 2)
        await until(lambda: in_force.open_origins == 1)

        assert in_force.old_terms == 0


async def test_same_origin_stays_open(first: LiveSettings) -> None:
    """Connections are not lost because something else has changed."""
    async with opened(first) as in_force:
        with in_force.use() as begun:
            await in_force.replace(replace(first, trusted_proxies=()))
            with in_force.use() as later:
                assert begun.origins == later.origins
                assert in_force.open_origins == 1


async def test_storm_of_changes_leaves_nothing_behind(first: LiveSettings) -> None:
    """An upload that is stuck keeps its own settings, and no later ones."""
    async with opened(first) as in_force:
        with in_force.use():
            for port in range(10, 200):
                await in_force.replace(to(first, port))
                with in_force.use():
                    pass
            await until(lambda: in_force.open_origins == 2)

            assert in_force.old_terms == 1


async def test_origin_that_comes_back_at_once_is_not_closed(
    first: LiveSettings,
) -> None:
    """An origin that was released and taken again is still needed."""
    async with opened(first) as in_force:
        await in_force.replace(to(first, 10))
        await in_force.replace(first)
        await until(lambda: in_force.open_origins == 1)
        with in_force.use() as live:
            async with asyncio.timeout(30):
                (origin,) = live.origins.values()
                async with origin.asked("GET", "/", [], None) as answer:
                    assert answer is not None


async def test_origin_that_is_taken_while_another_closes_is_not_closed(
    first: LiveSettings,
) -> None:
    """Two origins were released, and one is used again before it is closed."""
    async with wire_origin() as served:
        both = replace(
            first,
            origins={
                "first": OriginSettings(url="http://127.0.0.1:10"),
                "second": OriginSettings(url=served.url),
            },
        )
        async with opened(both) as in_force:
            await in_force.replace(first)
            # At every turn of the loop: the second is closed in the next ones.
            while in_force.open_origins == len(both.origins) + 1:  # noqa: ASYNC110
                await asyncio.sleep(0)
            # The one that is still open comes first, so that it is taken at once.
            again = dict(reversed(list(both.origins.items())))
            await in_force.replace(replace(both, origins=again))
            await until(lambda: in_force.open_origins == len(both.origins))
            with in_force.use() as live:
                second = live.origins["second"]
                async with second.asked("GET", "/", [(b"Host", b"x")], None) as answer:
                    assert isinstance(answer, OriginAnswer)


async def test_origin_that_cannot_be_opened_changes_nothing(
    first: LiveSettings, tmp_path: Path
) -> None:
    """The settings in force stay, and no origin is left half open."""
    missing = OriginSettings(url="https://x", ca_file=str(tmp_path / "missing"))
    broken = replace(
        first, origins={"a": OriginSettings(url="http://127.0.0.1:10"), "b": missing}
    )
    async with opened(first) as in_force:
        with pytest.raises(ServiceError):
            await in_force.replace(broken)
        await until(lambda: in_force.open_origins == 1)

        assert in_force.settings == first


async def test_renewed_certificate_is_read(first: LiveSettings, tmp_path: Path) -> None:
    """A file that has changed under its name makes another origin of it."""
    file = tmp_path / "ca.pem"
    file.write_text(_NO_AUTHORITY)
    live = replace(
        first, origins={"a": OriginSettings(url="https://x", ca_file=str(file))}
    )
    with pytest.raises(ServiceError):
        async with opened(live):
            pass


_NO_AUTHORITY = "nothing that could be a certificate"
