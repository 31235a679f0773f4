"""The readings of a path by origins."""

import pytest
from hypothesis import given

from tests.proxy.readers import ORIGINS, PATHS
from uploadfilter.web.routing.readings import is_plain, readings


@pytest.mark.parametrize(
    ("path", "reading"),
    [
        pytest.param("/a/%2e%2e/b", "/b", id="escaped-dots"),
        pytest.param("/a/../b", "/b", id="dots"),
        pytest.param("/a/./b", "/a/b", id="dot"),
        pytest.param("/a//b", "/a/b", id="two-slashes"),
        pytest.param("//a/b", "/b", id="authority"),
        pytest.param("/a%2fb", "/a/b", id="escaped-slash"),
        pytest.param("/a\\b", "/a/b", id="backslash"),
        pytest.param("/a%5cb", "/a/b", id="escaped-backslash"),
        pytest.param("/a;x=1/b", "/a/b", id="parameters"),
        pytest.param("/a/..;/b", "/b", id="dots-with-parameters"),
        pytest.param("/%61", "/a", id="escaped-letter"),
        pytest.param("/a/%252e%252e/b", "/b", id="escaped-twice"),
        pytest.param("/a%3fx", "/a", id="escaped-query"),
        pytest.param("/a%00.jpg", "/a", id="end-of-a-name"),
        pytest.param("/a#x", "/a", id="fragment"),
        pytest.param("/a./b", "/a/b", id="trailing-dot"),
        pytest.param("/a%20/b", "/a/b", id="trailing-space"),
        pytest.param("/a/b/..", "/a/", id="dots-at-the-end"),
        pytest.param("/../../a", "/a", id="above-the-top"),
    ],
)
def test_reading_of_some_origin_is_found(path: str, reading: str) -> None:
    """Each step that some origin takes leads to a reading."""
    found = readings(path)

    assert found is not None
    assert reading in found
    assert path in found
    assert not is_plain(path)


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/", "/a/b.jpg", "/~me/a_b-c", "/a=b,c/d@e:f", "/.well-known"]
)
def test_plain_path_has_one_reading(path: str) -> None:
    """A path that all origins read alike is plain."""
    assert is_plain(path)
    assert readings(path) == frozenset({path})


@pytest.mark.parametrize("path", ["", "*", "a", "/a//", "/.", "/..", "/a/..", "/a."])
def test_other_paths_are_not_plain(path: str) -> None:
    """A relative path, or one with more than one reading, is not plain."""
    assert not is_plain(path)


@given(PATHS)
def test_plain_means_one_reading(path: str) -> None:
    """No step changes a plain path."""
    if is_plain(path):
        assert readings(path) == frozenset({path})


@pytest.mark.parametrize("origin", ORIGINS)
@given(path=PATHS)
def test_no_origin_has_a_reading_of_its_own(origin: str, path: str) -> None:
    """The result of each step of well-known origins is among a path's readings."""
    found = readings(path)

    assert found is None or ORIGINS[origin](path) in found


def test_path_with_endless_readings_is_given_up() -> None:
    """Its cost is bounded, however often the path is escaped."""
    assert readings("/%" + "25" * 4000 + "2e") is None
