"""Routes: the first that fits a request wins."""

import pytest

from uploadfilter.proxy.routes import Route, Routes, host_name

ROUTES = Routes(
    [
        Route(name="blog", origin="blog", hosts=("blog.example",), path="/wp-admin"),
        Route(name="puts", origin="store", methods=frozenset({"PUT"}), path="/files/"),
        Route(name="sites", origin="sites", hosts=("*.sites.example",)),
        Route(name="rest", origin="rest", hosts=("example",)),
    ]
)


@pytest.mark.parametrize(
    ("host", "target", "method", "name"),
    [
        (b"blog.example", "/wp-admin", "POST", "blog"),
        (b"BLOG.example:8080", "/wp-admin/async-upload.php?x=/y", "POST", "blog"),
        (b"blog.example.", "/wp-admin?x", "GET", "blog"),
        (b"blog.example", "/wp-administrator", "POST", None),
        (b"any", "/files/a", "PUT", "puts"),
        (b"any", "/files/a", "POST", None),
        (b"a.b.sites.example", "/", "GET", "sites"),
        (b"sites.example", "/", "GET", None),
        (b".sites.example", "/", "GET", None),
        (b"example", "*", "OPTIONS", "rest"),
        (None, "/", "GET", None),
    ],
)
def test_first_route_that_fits_is_taken(
    host: bytes | None, target: str, method: str, name: str | None
) -> None:
    """Host pattern, path prefix by whole segments, and methods all have to fit."""
    route = ROUTES.choose(host=host, target=target, method=method).route

    assert (route.name if route else None) == name


def test_host_of_an_ipv6_address_keeps_its_colons() -> None:
    """Only what is behind the bracket is a port."""
    assert host_name(b"[::1]:80") == "[::1]"
    assert host_name(b"[::1]") == "[::1]"
