"""Where the page listens, and when it ends."""

import asyncio
import ipaddress
from pathlib import Path

import pytest

from tests.issuing.page.opening import Keys, office_of, opened
from uploadfilter.errors import ServiceError, UsageError
from uploadfilter.issuing.acts import Acts
from uploadfilter.issuing.page.orders import Orders
from uploadfilter.issuing.page.serving import PageSettings, serve
from uploadfilter.scanners.pool.settings import ScannerSettings


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:1", "192.0.2.1:80", "localhost:80", "127.0.0.1", "[::]:0", "x"]
)
def test_page_is_for_this_machine(listen: str) -> None:
    """No address of a network is accepted, and no name that could mean one."""
    with pytest.raises(UsageError, match="cannot listen"):
        PageSettings(listen=listen)


def test_page_lasts_for_a_while() -> None:
    """A time of zero or less is refused."""
    with pytest.raises(UsageError, match="before it begins"):
        PageSettings(idle_s=0)


async def test_address_is_one_of_this_machine_by_chance(tmp_path: Path) -> None:
    """Browsers keep cookies by address and not by port."""
    keys = Keys()
    office = office_of(tmp_path / "o", keys)
    hosts = set()
    for _ in range(2):
        async with opened(office, keys) as browser:
            hosts.add(browser.site.removeprefix("http://").partition(":")[0])

    assert len(hosts) == 2
    assert all(ipaddress.ip_address(host).is_loopback for host in hosts)


async def test_page_that_is_left_alone_ends(tmp_path: Path) -> None:
    """It ends by itself, without a request."""
    office = office_of(tmp_path / "o", Keys())
    orders = Orders(Acts(office.folder, clock=lambda: 0.0), ScannerSettings(), None)

    async with asyncio.timeout(20):
        settings = PageSettings(idle_s=0.05, listen="127.0.0.1:0")
        await serve(orders, settings, announce=lambda _: None)


async def test_address_that_is_taken_is_said(tmp_path: Path) -> None:
    """The message names the address and the remedy."""
    keys = Keys()
    office = office_of(tmp_path / "o", keys)
    async with opened(office, keys) as browser:
        taken = PageSettings(listen=browser.site.removeprefix("http://"))
        with pytest.raises(ServiceError, match="cannot listen on 127"):
            async with opened(office, keys, taken):
                pass
