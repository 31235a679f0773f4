"""Where the doors may listen."""

import pytest

from uploadfilter.doors.settings import APISettings
from uploadfilter.proxy.clients.addresses import TCPAddress, UnixAddress


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
    with pytest.raises(ValueError, match=r"listen of|must|HOST:PORT"):
        APISettings(listen=listen)
