"""Routes and origins of the file, and every way to get them wrong."""

from pathlib import Path

import pytest

from uploadfilter import config
from uploadfilter.config.routing import MOST_ROUTES
from uploadfilter.contents.kinds.families import FAMILIES, FileFamily
from uploadfilter.errors import ConfigError
from uploadfilter.model import Action, Mode
from uploadfilter.web.routing.routes import DEFAULT_ROUTE

ORIGIN = 'origin = "http://127.0.0.1:81"\n'
ROUTE = '[[routes]]\nname = "a"\norigin = "http://127.0.0.1:82"\n'

A = "[[routes]]\nname = 'a'\n"

FULL = """
origin = "http://127.0.0.1:81"
mode = "monitor"

[limits]
max_body_bytes = "1 GiB"
max_parts = 7

[policy]
not_inspected = "reject"
categories = { "1" = "reject", "2" = "accept" }

[[routes]]
name = "photos"
host = ["Photos.example.org", "*.photos.example.org"]
path = "/upload"
methods = ["PUT", "POST"]
origin = "store"
mode = "enforce"
accept = ["pictures", "videos"]

[routes.limits]
max_body_bytes = "1 MiB"

[routes.policy]
undecodable = "accept"
categories = { "2" = "retry_later" }

[[routes]]
name = "static"
path = "/static/"
exempt = true

[[routes]]
name = "elsewhere"
host = "other.example"
origin = "http://127.0.0.1:83"

[origins.store]
url = "http://127.0.0.1:82"
answer_timeout_s = 300
"""


def load(tmp_path: Path, text: str) -> config.Settings:
    """Load a file with this text."""
    path = tmp_path / "uploadfilter.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, overrides={}, default_state=tmp_path)


def test_route_overrides_key_by_key(tmp_path: Path) -> None:
    """A route without a setting uses the one at the top of the file."""
    photos, static, elsewhere = load(tmp_path, FULL).routes

    assert photos.hosts == ("photos.example.org", "*.photos.example.org")
    assert photos.methods == {"PUT", "POST"}
    assert photos.mode is Mode.ENFORCE
    assert photos.accept == {FileFamily.PICTURES, FileFamily.VIDEOS}
    assert static.accept == FAMILIES
    assert (photos.limits.max_body_bytes, photos.limits.max_parts) == (1 << 20, 7)
    assert photos.policy.undecodable is Action.ACCEPT
    assert photos.policy.not_inspected is Action.REJECT
    assert photos.policy.categories == {"1": Action.REJECT, "2": Action.RETRY_LATER}
    assert (static.exempt, static.origin, static.mode) == (
        True,
        DEFAULT_ROUTE,
        Mode.MONITOR,
    )
    assert elsewhere.limits.max_body_bytes == 1 << 30


def test_origins_are_known_by_name_and_by_url(tmp_path: Path) -> None:
    """A route's URL is an origin with the usual times."""
    live = load(tmp_path, FULL).live

    assert live.origins["store"].answer_timeout_s == 300
    assert live.origins["http://127.0.0.1:83"].answer_timeout_s == 60
    assert live.origins[DEFAULT_ROUTE].url == "http://127.0.0.1:81"


def test_what_fits_no_route_goes_to_the_origin_at_the_top(tmp_path: Path) -> None:
    """The last route is the top of the file, if that names an origin."""
    names = [route.name for route in load(tmp_path, FULL).live.routes]

    assert names == ["photos", "static", "elsewhere", DEFAULT_ROUTE]
    assert [route.name for route in load(tmp_path, ROUTE).live.routes] == ["a"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param(
            ORIGIN + "[[routes]]\nhost = 'a'",
            "routes[0] has no name",
            "name",
            id="name",
        ),
        pytest.param(
            ORIGIN + "[[routes]]\nname = 'A b'",
            ":3: routes[0].name = 'A b' cannot be the name of a route",
            "lower-case",
            id="name-in-capitals",
        ),
        pytest.param(
            ORIGIN + "[[routes]]\nname = 'default'", "'default'", "taken", id="default"
        ),
        pytest.param(
            ORIGIN + A + "host = 'x'\n[[routes]]\nname = 'a'",
            ":6: routes[1].name = 'a' is already the name of a route",
            "of its own",
            id="name-twice",
        ),
        pytest.param(
            "[[routes]]\nname = 'a'", "routes[0] has no origin", "origin", id="origin"
        ),
        pytest.param(
            "[[routes]]\nname = 'a'\norigin = 'stor'\n[origins.store]\nurl = 'http://x'",
            ":3: routes[0].origin = 'stor' is not an origin",
            "Known origins: store",
            id="unknown-origin",
        ),
        pytest.param(
            "[[routes]]\nname = 'a'\norigin = 'http://x/path'",
            "an origin must not have a path",
            "",
            id="origin-with-path",
        ),
        pytest.param(
            ORIGIN + A + "host = 'http://x'",
            "routes[0].host = 'http://x' is not a host",
            "photos.example.org",
            id="host-is-url",
        ),
        pytest.param(
            ORIGIN + A + "host = 'x:80'",
            "'x:80'",
            "port",
            id="port",
        ),
        pytest.param(ORIGIN + A + "host = 'a.*'", "'a.*'", "", id="pattern"),
        pytest.param(ORIGIN + A + "host = '*'", "'*'", "", id="star-alone"),
        pytest.param(
            ORIGIN + A + "host = 'büro.de'",
            "host",
            "xn--",
            id="idn",
        ),
        pytest.param(ORIGIN + A + "host = []", "host is empty", "", id="[]"),
        pytest.param(
            ORIGIN + A + "path = 'up'",
            "'up' does not begin with /",
            '"/upload"',
            id="path-without-slash",
        ),
        pytest.param(
            ORIGIN + A + "path = '/a%20b'",
            "not a plain path",
            "escapes",
            id="path-with-escape",
        ),
        pytest.param(
            ORIGIN + A + "path = '/a/../b'",
            "not a plain path",
            "",
            id="path-with-dots",
        ),
        pytest.param(
            ORIGIN + A + "methods = ['put']",
            "'put' is not a method",
            "'PUT'",
            id="method-in-small-letters",
        ),
        pytest.param(
            ORIGIN + A + "methods = []",
            "methods is empty",
            "",
            id="m",
        ),
        pytest.param(
            ORIGIN + A + "methods = 'PUT'",
            "methods = 'PUT' cannot be used",
            "list of texts",
            id="method-without-list",
        ),
        pytest.param(
            ORIGIN + A + "mode = 'off'",
            "routes[0].mode = 'off' is not a mode",
            "enforce",
            id="mode",
        ),
        pytest.param(
            ORIGIN + A + "exempt = 'yes'",
            "exempt = 'yes'",
            "true or false",
            id="exempt",
        ),
        pytest.param(
            ORIGIN + A + "accept = ['picture']",
            "accept = ['picture'] cannot be used",
            'a list of some of "pictures", "videos"',
            id="family",
        ),
        pytest.param(
            ORIGIN + A + "accept = []",
            "routes[0].accept is empty",
            "Leave it out for everything",
            id="no-family",
        ),
        pytest.param(
            ORIGIN + A + "accept = ['pictures']\nexempt = true",
            "accept = ['pictures'] beside exempt",
            "a route of its own",
            id="family-and-exempt",
        ),
        pytest.param(
            ORIGIN + A + "accept = ['pictures']\nwebsockets = 'pass'",
            "accept = ['pictures'] beside websockets",
            "a route of its own",
            id="family-and-websockets",
        ),
        pytest.param(
            ORIGIN + A + "websockets = 'inspect'",
            "websockets = 'inspect' cannot be used",
            'Write websockets = "pass" to let them through',
            id="former-choice",
        ),
        pytest.param(
            ORIGIN + A + "paht = '/'",
            "unknown key 'routes[0].paht'",
            "'routes[0].path'",
            id="typo",
        ),
        pytest.param(
            ORIGIN + A + "max_parts = 1",
            "unknown key 'routes[0].max_parts'",
            "[limits] max_parts",
            id="wrong-table",
        ),
        pytest.param(
            ORIGIN + A + "[routes.limits]\nmax_parts = 0",
            ":5: routes[0].limits.max_parts = 0: max_parts must be",
            "",
            id="limit",
        ),
        pytest.param(
            ORIGIN + A + "limits = 7",
            "routes[0].limits = 7 is not a table",
            "",
            id="limits",
        ),
        pytest.param(
            ORIGIN + A + "[routes.policy]\ntruncated = 'maybe'",
            "policy.truncated = 'maybe'",
            '"retry_later"',
            id="action",
        ),
        pytest.param(
            ORIGIN + A + "policy.categories = { 1 = 'maybe' }",
            "policy.categories.1 = 'maybe'",
            '"accept"',
            id="action-of-category",
        ),
        pytest.param(
            ORIGIN + "[policy]\ncategories = 'all'",
            "policy.categories = 'all' is not a table",
            "",
            id="categories",
        ),
        pytest.param(
            ORIGIN + "[routes]\nname = 'a'",
            "routes = {'name': 'a'} is not a list of tables",
            "[[routes]]",
            id="one-bracket",
        ),
        pytest.param(ORIGIN + "routes = [7]", "routes[0] = 7", "", id="no-table"),
        pytest.param(
            ORIGIN + "[origins]\nStore = 'http://x'", "'Store'", "", id="origin-name"
        ),
        pytest.param(
            ORIGIN + "[origins.a]\nanswer_timeout_s = 1",
            ":2: origins.a.url is missing",
            "url",
            id="origin-without-url",
        ),
        pytest.param(ORIGIN + "origins = 7", "origins = 7 is not a table", "", id="7"),
        pytest.param(
            "listen = '127.0.0.1:82'\n" + ROUTE,
            ":4: origin and listen are the same",
            "circle",
            id="circle",
        ),
        pytest.param(
            "listen = 'unix:/run/x'\n[[routes]]\nname = 'a'\norigin = 'unix:/run/x'",
            "the same",
            "circle",
            id="circle-by-socket",
        ),
        pytest.param(
            ORIGIN + "[[routes]]\nname = 'all'\n[[routes]]\nname = 'b'\npath = '/b'",
            ":4: no request can reach routes[1] ('b'): 'all'",
            "Move it before 'all'",
            id="shadowed",
        ),
    ],
)
def test_mistake_in_a_route_is_told(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    """An error names the line, the key, the value and the remedy."""
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)

    assert message in str(error.value)
    assert hint in error.value.hint
    assert error.value.hint


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("path = '/a'", "path = '/a/b'"),
        ("path = '/a'", "path = '/a/'"),
        ("path = '/a/'", "path = '/a/b/'"),
        ("host = '*.x.org'", "host = ['a.x.org', '*.b.x.org']"),
        ("methods = ['PUT', 'POST']", "methods = ['PUT']\nhost = 'a'"),
        ("host = ['b', 'a']", "host = 'a'\npath = '/a'"),
    ],
)
def test_route_that_no_request_can_take_is_refused(
    tmp_path: Path, earlier: str, later: str
) -> None:
    """A rule after a wider one is a mistake; in the other order both are accepted."""
    text = "{}[[routes]]\nname = 'a'\n{}\n[[routes]]\nname = 'b'\n{}"

    with pytest.raises(ConfigError, match="no request can reach"):
        load(tmp_path, text.format(ORIGIN, earlier, later))
    assert len(load(tmp_path, text.format(ORIGIN, later, earlier)).routes) == 2


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("path = '/a/'", "path = '/a'"),
        ("path = '/a'", "path = '/ab'"),
        ("host = '*.x.org'", "host = 'x.org'"),
        ("host = 'a'", "host = ['a', 'b']"),
        ("host = 'a'", "path = '/a'"),
        ("methods = ['PUT']", "methods = ['POST']"),
        ("methods = ['PUT']", "path = '/a'"),
    ],
)
def test_route_that_some_request_can_take_is_kept(
    tmp_path: Path, earlier: str, later: str
) -> None:
    """Routes may overlap; the order then matters."""
    text = f"{ORIGIN}[[routes]]\nname = 'a'\n{earlier}\n[[routes]]\nname = 'b'\n{later}"

    assert len(load(tmp_path, text).routes) == 2


def test_routes_are_as_many_as_can_be_looked_at(tmp_path: Path) -> None:
    """Each request looks at one after the other."""
    routes = "".join(
        f'[[routes]]\nname = "r{number}"\nhost = "h{number}.example"\n'
        f'origin = "http://127.0.0.1:9"\n'
        for number in range(MOST_ROUTES + 1)
    )

    with pytest.raises(ConfigError, match="1001 routes"):
        load(tmp_path, routes)
