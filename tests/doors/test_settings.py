"""Where the doors may listen."""

import pytest

from uploadfilter.doors.settings import APISettings, ClamdSettings
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress


def test_doors_are_closed_unless_an_address_opens_them() -> None:
    """A unix socket has the mode and the group that its address names."""
    text = "unix:/run/a mode=0660 group=www-data"
    socket = UnixAddress(path="/run/a", mode=0o660, group="www-data")

    assert APISettings().address is None
    assert APISettings(listen=text).address == socket
    assert APISettings(listen="[::]:80").address == TCPAddress(host="::", port=80)


@pytest.mark.parametrize(
    "listen", ["x", "inherited", "unix:a", "127.0.0.1:80 proxy_protocol"]
)
def test_address_of_another_kind_is_refused(listen: str) -> None:
    """A door has a socket of its own."""
    for settings in (APISettings, ClamdSettings):
        with pytest.raises(ValueError, match=r"listen of|must|HOST:PORT"):
            settings(listen=listen)


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.7", "example.org"])  # noqa: S104 - refused
def test_clamd_listens_on_this_machine_alone(host: str) -> None:
    """The protocol knows no token: other machines could ask without one."""
    with pytest.raises(ValueError, match="this machine alone"):
        ClamdSettings(listen=f"{host}:3310")


@pytest.mark.parametrize("listen", ["127.0.0.1:3310", "[::1]:3310", "localhost:3310"])
def test_clamd_may_have_a_loopback_address(listen: str) -> None:
    """Programs that know no unix socket ask over TCP."""
    assert str(ClamdSettings(listen=listen).address) == listen
