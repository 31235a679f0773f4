"""Routes: the first that fits a request wins."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.readers import ORIGINS, PATHS
from uploadfilter.contents.kinds.families import FAMILIES, FileFamily
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action, Mode, Reason
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.routing.readings import is_plain
from uploadfilter.web.routing.routes import Route, Routes, host_name, is_host_pattern

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
    """Only the text after the bracket is a port."""
    assert host_name(b"[::1]:80") == "[::1]"
    assert host_name(b"[::1]") == "[::1]"


@pytest.mark.parametrize(
    ("stands_for", "is_ambiguous", "mode"),
    [
        pytest.param([], False, Mode.MONITOR, id="nothing"),
        pytest.param(["PATCH"], False, Mode.MONITOR, id="same route"),
        pytest.param(["PUT"], True, Mode.ENFORCE, id="stricter route"),
        pytest.param(["DELETE"], True, Mode.MONITOR, id="route of another origin"),
        pytest.param(["MOVE"], True, Mode.ENFORCE, id="no route"),
        pytest.param(["POST", "PUT"], True, Mode.ENFORCE, id="any of two"),
        pytest.param(["POST"] * 5, True, Mode.ENFORCE, id="too many"),
    ],
)
def test_method_that_is_meant_gains_nothing(
    stands_for: list[str], is_ambiguous: bool, mode: Mode
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


# What can be read in more than one way, compared with a slow and obvious twin: for each
# origin with its own reading, the reading here gives no advantage.

STRICTNESS = (Action.ACCEPT, Action.RETRY_LATER, Action.REJECT)


def treatment(route: Route | None) -> list[int]:
    """Return how strictly a route treats an upload, by everything that it says."""
    if route is None:
        return [
            2,
            1,
            0,
            *(1 for _ in FileFamily),
            *(len(STRICTNESS) for _ in [*Reason, *CATEGORIES]),
        ]
    policy = route.policy
    actions = [
        *(policy.action_for(reason) for reason in Reason),
        *(policy.action_for_category(category) for category in CATEGORIES),
    ]
    return [
        0 if route.exempt else 1,
        1 if route.mode is Mode.ENFORCE else 0,
        -route.limits.max_body_bytes,
        *(family not in route.accept for family in FileFamily),
        *(STRICTNESS.index(action) for action in actions),
    ]


def is_no_milder(route: Route | None, other: Route | None) -> bool:
    """Return whether one treatment is nowhere milder than another."""
    pairs = zip(treatment(route), treatment(other), strict=True)
    return all(own >= its for own, its in pairs)


CATEGORIES = ("x", "y")
_POLICIES = st.builds(
    Policy,
    truncated=st.sampled_from(Action),
    categories=st.dictionaries(st.sampled_from(CATEGORIES), st.sampled_from(Action)),
)
_ROUTES = st.lists(
    st.builds(
        Route,
        name=st.just("some"),
        origin=st.sampled_from(["one", "two"]),
        path=st.sampled_from(["/", "/a", "/A", "/b/", "/a/b", "/b"]),
        methods=st.sampled_from([frozenset(), frozenset({"PUT"})]),
        mode=st.sampled_from(Mode),
        exempt=st.booleans(),
        accept=st.sampled_from([FAMILIES, frozenset({FileFamily.PICTURES})]),
        limits=st.builds(UploadLimits, max_body_bytes=st.sampled_from([1, 2])),
        policy=_POLICIES,
    ),
    max_size=4,
).map(Routes)


def meant(routes: Routes, origin: str, path: str, method: str) -> Route | None:
    """Return the route that an operator expects for the path an origin reads."""
    read = ORIGINS[origin](path)
    for route in routes:
        prefix = route.path
        if origin == "windows":
            read, prefix = read.lower(), prefix.lower()
        if route.takes(host="h", method=method) and is_under(read, prefix):
            return route
    return None


def is_under(path: str, prefix: str) -> bool:
    """Return whether a path begins with a prefix, segment by segment."""
    if prefix.endswith("/"):
        return prefix == "/" or path.startswith(prefix)
    wanted = prefix.split("/")
    return path.split("/")[: len(wanted)] == wanted


@pytest.mark.parametrize("origin", ORIGINS)
@given(routes=_ROUTES, path=PATHS, overrides=st.booleans())
def test_nobody_gains_by_a_target_that_can_be_read_otherwise(
    origin: str, routes: Routes, path: str, overrides: bool
) -> None:
    """The route of the bytes is as strict as that of the origin's reading, or refused.

    In MONITOR nothing is refused, unless the other route is in ENFORCE.
    """
    method = "PUT" if overrides else "POST"
    stands_for = [method] if overrides else []
    choice = routes.choose(
        host=b"h", target=f"{path}?q", method="POST", stands_for=stands_for
    )
    other = meant(routes, origin, path.partition("?")[0], method)

    if choice.route is None:
        return
    if choice.is_ambiguous:
        enforced = other is None or other.mode is Mode.ENFORCE
        if enforced and not is_no_milder(choice.route, other):
            assert choice.route.mode is Mode.ENFORCE
    else:
        assert is_no_milder(choice.route, other)
        assert origin == "windows" or (other and choice.route.origin == other.origin)


@given(_ROUTES, PATHS)
def test_target_with_odd_characters_is_never_exempt(routes: Routes, path: str) -> None:
    """This holds for any routes."""
    route = routes.choose(host=b"h", target=path, method="PUT").route

    assert route is None or not route.exempt or is_plain(path.partition("?")[0])


@given(_ROUTES)
def test_plain_target_is_ambiguous_for_its_case_only(routes: Routes) -> None:
    """Honest targets are not refused for routes that nobody could mean by them."""
    choice = routes.choose(host=b"h", target="/c/d.jpg", method="PUT")

    assert not choice.is_ambiguous


@pytest.mark.parametrize(
    ("target", "is_ambiguous"),
    [
        ("/free/a", False),
        ("/free/../upload", True),
        ("/free/%2e%2e/upload", True),
        ("/free//../upload", True),
        ("/upload/../free/a", False),  # the stricter route is taken
        ("/Upload", False),  # so it is by default
        ("/free/a%2fb", False),  # in the same route by every reading
        ("/free/a;b", False),
    ],
)
def test_milder_route_is_not_taken_where_a_stricter_one_may_be_meant(
    target: str, is_ambiguous: bool
) -> None:
    """A stricter route instead of a milder one is harmless, and not refused."""
    rest = Route(name="rest", origin="one", mode=Mode.ENFORCE)
    free = replace(rest, name="free", path="/free", mode=Mode.MONITOR)
    routes = Routes([free, rest])
    choice = routes.choose(host=b"h", target=target, method="PUT")

    assert choice.is_ambiguous is is_ambiguous
    assert choice.route
    assert not is_ambiguous or choice.route.mode is Mode.ENFORCE


@pytest.mark.parametrize(
    ("target", "is_exempt"),
    [("/free/a", True), ("/free/a%20b", False), ("/free/../a", False), ("/a", False)],
)
def test_exempt_target_is_plain(target: str, is_exempt: bool) -> None:
    """A request that could be read otherwise is inspected like any other."""
    rest = Route(name="rest", origin="one", mode=Mode.ENFORCE)
    routes = Routes([replace(rest, name="free", path="/free", exempt=True), rest])
    choice = routes.choose(host=b"h", target=target, method="PUT")

    assert not choice.is_ambiguous
    assert choice.route
    assert choice.route.exempt is is_exempt


def test_target_with_endless_readings_is_refused() -> None:
    """Its meaning is unknown, and no honest client sends it."""
    routes = Routes(
        [
            Route(name="a", path="/a", origin="one", mode=Mode.MONITOR),
            Route(name="rest", origin="one", mode=Mode.MONITOR),
        ]
    )
    target = "/%" + "25" * 3000 + "2e"
    choice = routes.choose(host=b"h", target=target, method="PUT")

    assert choice.is_ambiguous
    assert choice.route
    assert choice.route.mode is Mode.ENFORCE


def test_other_origin_is_not_reached_by_another_reading() -> None:
    """A part of one origin is not public because a part of another one is."""
    routes = Routes(
        [
            Route(name="a", path="/a", origin="one", mode=Mode.ENFORCE),
            Route(name="b", path="/b", origin="two", mode=Mode.ENFORCE),
        ]
    )

    assert routes.choose(host=b"h", target="/a/../b", method="PUT").is_ambiguous
    assert routes.choose(host=b"h", target="/a/../c", method="PUT").is_ambiguous
    assert not routes.choose(host=b"h", target="/a/../a/x", method="PUT").is_ambiguous


@pytest.mark.parametrize(
    ("text", "is_pattern"),
    [
        ("photos.example.org", True),
        ("*.example.org", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("[::1]", True),
        ("my_host", True),
        ("*", False),
        ("a.*", False),
        ("**.a", False),
        ("a:80", False),
        ("-a", False),
        ("a..b", False),
        ("", False),
    ],
)
def test_host_patterns(text: str, is_pattern: bool) -> None:
    """A name, an address, or all names below one."""
    assert is_host_pattern(text) is is_pattern
