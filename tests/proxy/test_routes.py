"""Routes: the first that fits a request wins."""

import pytest

from uploadfilter.model import Mode
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


@pytest.mark.parametrize(
    ("stands_for", "is_ambiguous", "mode"),
    [
        pytest.param(None, False, Mode.MONITOR, id="nothing"),
        pytest.param("PATCH", False, Mode.MONITOR, id="same route"),
        pytest.param("PUT", True, Mode.ENFORCE, id="stricter route"),
        pytest.param("DELETE", True, Mode.MONITOR, id="route of another origin"),
        pytest.param("MOVE", True, Mode.ENFORCE, id="no route"),
    ],
)
def test_method_that_is_meant_gains_nothing(
    stands_for: str | None, is_ambiguous: bool, mode: Mode
) -> None:
    """A POST that stands for another method takes no looser route than that one."""
    routes = Routes(
        [
            Route(name="posts", origin="a", methods=frozenset({"POST", "PATCH"})),
            Route(
                name="puts",
                origin="a",
                methods=frozenset({"PUT"}),
                mode=Mode.ENFORCE,
            ),
            Route(name="other", origin="b", methods=frozenset({"DELETE"})),
        ]
    )
    choice = routes.choose(host=b"a", target="/", method="POST", stands_for=stands_for)

    assert choice.is_ambiguous is is_ambiguous
    assert choice.route is not None
    assert choice.route.mode is mode
