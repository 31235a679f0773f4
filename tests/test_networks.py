"""Whose a client is, by its name."""

import pytest

from uploadfilter.networks import Path, in_group, path_of


@pytest.mark.parametrize(
    ("client", "networks"),
    [
        pytest.param("c0000207", (), id="ipv4"),
        pytest.param("20010db800010203", ("20010db80001", "20010db8000102"), id="ipv6"),
        pytest.param(in_group("c0000207", "a"), ("@a",), id="grouped-ipv4"),
        pytest.param(
            in_group("20010db800010203", "a"),
            ("@a", "20010db80001", "20010db8000102"),
            id="grouped-ipv6",
        ),
        pytest.param("", (), id="nobody"),
    ],
)
def test_networks(client: str, networks: tuple[str, ...]) -> None:
    """All that one customer may get of IPv6 is one network, and so is a household."""
    path = path_of(client)

    assert path.networks == networks
    assert path.names == (*networks, client)
    assert len(path) == len(Path._fields)
    assert path.client == client
