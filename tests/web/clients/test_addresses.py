"""Addresses to listen on: the printed form equals the operator's."""

import pytest

from uploadfilter.web.clients.addresses import (
    Address,
    InheritedAddress,
    TCPAddress,
    UnixAddress,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", TCPAddress(host="127.0.0.1", port=8080)),
        ("[::1]:443", TCPAddress(host="::1", port=443)),
        ("localhost:0", TCPAddress(host="localhost", port=0)),
        ("unix:/run/uploadfilter/http", UnixAddress(path="/run/uploadfilter/http")),
        (
            "[::1]:443 proxy_protocol",
            TCPAddress(host="::1", port=443, proxy_protocol=True),
        ),
        (
            "unix:/run/http mode=0660 group=www-data proxy_protocol",
            UnixAddress(
                path="/run/http", mode=0o660, group="www-data", proxy_protocol=True
            ),
        ),
        ("inherited", InheritedAddress()),
        ("inherited:uploads", InheritedAddress(name="uploads")),
    ],
)
def test_address_is_read_and_written_alike(text: str, address: Address) -> None:
    """Every kind has one spelling."""
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "::1:443",
        "host:",
        "host:http",
        "host:65536",
        "unix:relative",
        "host:80 mode=0660",
        "host:80 proxy_protocols",
        "unix:/run/http mode=0999",
        "unix:/run/http mode=660x",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)
