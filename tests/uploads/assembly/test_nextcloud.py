"""Steps of chunked uploads of Nextcloud."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.uploads.assembly.facts import REFUSED, Facts, facts
from uploadfilter.uploads.assembly.nextcloud import MOST_CHUNKS, NEXTCLOUD
from uploadfilter.uploads.assembly.steps import PartKey
from uploadfilter.uploads.head.request import RequestHead

HOME = "/cloud/remote.php/dav/uploads/me%40example.org"
AT = f"{HOME}/web-file-upload-7f"
TOTAL = (b"OC-Total-Length", b"42")
FILE = (b"Destination", b"https://x.example/remote.php/dav/files/me/uploads/a/b/c")


def head(method: str, target: str, *headers: tuple[bytes, bytes]) -> RequestHead:
    """Return a head."""
    host = (b"Host", b"cloud.example")
    return RequestHead(method=method, target=target, headers=(host, *headers))


@pytest.mark.parametrize(
    ("method", "target", "step"),
    [
        ("PUT", f"{AT}/1", ("bring", PartKey(AT, "1"), 0, 42)),
        (
            "PUT",
            f"{AT}/00012",
            ("bring", PartKey(AT, "12"), 0, 42),
        ),
        ("MOVE", f"{AT}/.file", ("join", (), 42)),
        ("DELETE", AT, ("end", AT)),
        ("DELETE", f"{AT}/", ("end", AT)),
        ("DELETE", f"{AT}/1", None),
        ("MKCOL", AT, None),
        ("PROPFIND", AT, None),
        ("GET", f"{AT}/1", None),
        ("PUT", "/remote.php/dav/files/me/uploads/a/b/1", None),
        ("MOVE", "/remote.php/dav/files/me/a", None),
        ("POST", "/index.php?next=/dav/uploads/a/b/1", None),
    ],
)
def test_steps_are_told_apart(method: str, target: str, step: Facts | None) -> None:
    """Every other request is treated as on any route."""
    assert facts(NEXTCLOUD.step(head(method, target, TOTAL, FILE))) == step


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", f"{AT}/1/"),
        ("PUT", f"{AT}/1?x=1"),
        ("PUT", f"{AT}/1/1"),
        ("PUT", f"{AT}/one"),
        ("PUT", f"{AT}/-1"),
        ("PUT", f"{AT}/{MOST_CHUNKS + 1}"),
        ("PUT", f"{HOME}/1"),
        ("PUT", f"{HOME}/../me/1/1"),
        ("PUT", f"{HOME}/id%2f1/1"),
        ("PUT", "/remote.php/dav/uploads/%2e%2e/id/1"),
        ("MOVE", AT),
        ("MOVE", f"{AT}/1"),
        ("COPY", f"{AT}/.file"),
        ("PUT", f"{AT}/.file"),
        ("POST", f"{AT}/1"),
        ("PATCH", f"{AT}/1"),
        ("put", f"{AT}/1"),
    ],
)
def test_odd_steps_are_refused(method: str, target: str) -> None:
    """A server could take them for others."""
    assert facts(NEXTCLOUD.step(head(method, target, TOTAL, FILE))) == REFUSED


@pytest.mark.parametrize("totals", [[], [b"-1"], [b"x"], [b"1", b"1"], [b"9" * 19]])
def test_file_states_its_length(totals: list[bytes]) -> None:
    """Without it nobody knows whether a chunk is missing."""
    stated = [(b"OC-Total-Length", each) for each in totals]
    assert facts(NEXTCLOUD.step(head("MOVE", f"{AT}/.file", *stated))) == REFUSED


def test_override_is_refused() -> None:
    """It makes a step of another one."""
    override = (b"X-HTTP-Method-Override", b"PUT")
    assert facts(NEXTCLOUD.step(head("POST", f"{AT}/1", override))) == REFUSED


GAPS = ["/", "//", "/./", "%2F", "\\", "/x/../", "%252f", ";a=1/"]


@example(gaps=["/", "/", "/", ";a=1/"], words=("dav", "uploads"), is_target=True)
@given(
    gaps=st.lists(st.sampled_from(GAPS), min_size=4, max_size=4),
    words=st.sampled_from(
        [("dav", "uploads"), ("DAV", "Uploads"), ("d%61v", "upload%73")]
    ),
    is_target=st.booleans(),
)
def test_no_way_of_writing_leads_around(
    gaps: list[str], words: tuple[str, str], *, is_target: bool
) -> None:
    """A chunk that is not read as one is refused, however its address is written."""
    path = "".join(map(str.__add__, gaps, [*words, "u", "id"]))
    address = f"/remote.php{path}/7"
    if is_target:
        found = facts(NEXTCLOUD.step(head("PUT", address)))
        # To PHP a semicolon is a letter of the user's name, as in any other folder.
        is_user = gaps[:3] == ["/"] * 3 and gaps[3] in {"/", ";a=1/"}
        is_plain = is_user and words == ("dav", "uploads")
        assert found is not None
        assert found[0] == ("bring" if is_plain else "refused")
    else:
        told = (b"Destination", f"https://x{address}".encode())
        for method in ("COPY", "MOVE"):
            assert facts(NEXTCLOUD.step(head(method, "/a", told))) == REFUSED
