"""Where the admin listener may be."""

import pytest

from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        pytest.param("", None, id="off"),
        pytest.param(
            "127.0.0.1:9180", TCPAddress(host="127.0.0.1", port=9180), id="v4"
        ),
        pytest.param("[::1]:9180", TCPAddress(host="::1", port=9180), id="v6"),
        pytest.param("unix:/run/a.sock", UnixAddress(path="/run/a.sock"), id="unix"),
    ],
)
def test_address_table(listen: str, address: TCPAddress | UnixAddress | None) -> None:
    """A port, a socket in the file system, or nothing."""
    assert AdminSettings(listen=listen).address == address


@pytest.mark.parametrize("listen", ["9180", "inherited", "inherited:admin", "unix:a"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    """Nothing is guessed, and an inherited socket is never used for the operator."""
    with pytest.raises(ValueError):  # noqa: PT011 - several messages, of two modules
        AdminSettings(listen=listen)
