"""Pages and forms listen in one way, and say alike why they cannot."""

import stat
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web

from uploadfilter.errors import ServiceError
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress
from uploadfilter.web.serving import serving

ANY_PORT = TCPAddress(host="127.0.0.1", port=0)


async def hello(_request: web.BaseRequest) -> web.StreamResponse:
    """Answer every request."""
    return web.Response(text="hello")


async def test_port_that_was_picked_is_told() -> None:
    """A link to the page needs it."""
    async with (
        serving(hello, ANY_PORT, who="this", hint="") as bound,
        ClientSession() as client,
        client.get(f"http://{bound}/") as answer,
    ):
        said = await answer.text()

    assert isinstance(bound, TCPAddress)
    assert bound.port
    assert said == "hello"


async def test_socket_is_closed_to_other_users(tmp_path: Path) -> None:
    """Its group may be given to a front end, and nobody else may connect."""
    path = tmp_path / "socket"
    address = UnixAddress(path=str(path))
    async with (
        serving(hello, address, who="this", hint="") as bound,
        ClientSession(connector=UnixConnector(path=str(path))) as client,
        client.get("http://page/") as answer,
    ):
        mode = stat.S_IMODE(path.stat().st_mode)
        said = await answer.text()

    assert (bound, said, mode) == (address, "hello", 0o660)


async def test_address_that_is_taken_is_said_with_what_to_do() -> None:
    """The message names who cannot listen, where, and why."""
    async with serving(hello, ANY_PORT, who="this", hint="") as bound:
        with pytest.raises(ServiceError) as refused:
            async with serving(hello, bound, who="that", hint="Take another."):
                raise AssertionError("it listens twice")

    assert (
        str(refused.value) == f"that cannot listen on {bound}: Address already in use"
    )
    assert refused.value.hint == "Take another."


async def test_fault_of_what_runs_meanwhile_is_its_own() -> None:
    """It is not said to be the address's."""
    with pytest.raises(ConnectionResetError, match="of something else"):
        async with serving(hello, ANY_PORT, who="this", hint=""):
            raise ConnectionResetError("of something else")
