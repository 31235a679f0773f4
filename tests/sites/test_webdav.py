"""WsgiDAV behind the proxy: a folder that people mount."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.e2e.curl import Answer, curl, put, put_chunked
from tests.sites.behind import Behind, behind
from tests.sites.differential import Ask, Varies, differences
from tests.sites.programs import debian, run
from tests.sites.webdav import webdav

pytestmark = pytest.mark.e2e

XML = {"Content-Type": "application/xml"}
NAMES = b"""<?xml version="1.0"?><propfind xmlns="DAV:"><propname/></propfind>"""
SOME = b"""<?xml version="1.0"?><propfind xmlns="DAV:"><prop>
<getcontentlength/><getetag/><none/></prop></propfind>"""

ASKS: Mapping[str, Ask] = {
    "page of the folder": Ask(target="/"),
    "what one may do": Ask(target="/", method="OPTIONS"),
    "what the server may do": Ask(target="*", method="OPTIONS"),
    "file": Ask(target="/notes.txt"),
    "head of a file": Ask(target="/notes.txt", method="HEAD"),
    "range": Ask(target="/notes.txt", headers={"Range": "bytes=2-5"}),
    "last bytes": Ask(target="/notes.txt", headers={"Range": "bytes=-3"}),
    "range behind the end": Ask(target="/notes.txt", headers={"Range": "bytes=999-"}),
    "not changed": Ask(target="/notes.txt", headers={"If-None-Match": "*"}),
    "unless changed": Ask(target="/notes.txt", headers={"If-Match": '"other"'}),
    "name in Greek": Ask(target="/%CE%BB%CE%AF%CE%BC%CE%BD%CE%B7.txt"),
    "name with a space": Ask(target="/a%20b.txt"),
    "name with marks": Ask(target="/a;b=c&d'(e),+$@!.txt"),
    "no such file": Ask(target="/none.txt"),
    "folder without its slash": Ask(target="/folder"),
    "every name": Ask(target="/folder/", method="PROPFIND", headers=XML, body=NAMES),
    "some properties": Ask(
        target="/folder/",
        method="PROPFIND",
        headers={**XML, "Depth": "1"},
        body=SOME,
    ),
    "properties without asking for any": Ask(
        target="/", method="PROPFIND", headers={"Depth": "0"}
    ),
    "broken XML": Ask(target="/", method="PROPFIND", headers=XML, body=b"<a"),
    "copy of nothing": Ask(
        target="/none.txt", method="COPY", headers={"Destination": "/other.txt"}
    ),
    "copy to another site": Ask(
        target="/notes.txt",
        method="COPY",
        headers={"Destination": "http://elsewhere.example/a.txt"},
    ),
    "folder that is there": Ask(target="/folder", method="MKCOL"),
    "folder in nothing": Ask(target="/none/folder", method="MKCOL"),
    "file in nothing": Ask(target="/none/a.txt", method="PUT", body=b"hello"),
    "unlock what is not": Ask(
        target="/folder", method="UNLOCK", headers={"Lock-Token": "<opaque:none>"}
    ),
    "delete nothing": Ask(target="/none.txt", method="DELETE"),
    "method that there is not": Ask(target="/notes.txt", method="PATCH", body=b"hello"),
}
"""Requests, by what they are about. None of them changes what another one sees."""

VARIES = (
    Varies(
        pattern=rb"(?<=-bytes>)[0-9]+", reason="others write on the same disk meanwhile"
    ),
    Varies(
        pattern=rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,15}|(?<=</a> - )[^<]+ GMT",
        reason="the time of the answer",
    ),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return WsgiDAV behind the proxy, with a few files."""
    folder = tmp_path_factory.mktemp("webdav")
    with webdav(folder) as (url, served):
        (served / "folder").mkdir()
        for name in ("notes", "λίμνη", "a b", "a;b=c&d'(e),+$@!", "folder/inside"):
            (served / f"{name}.txt").write_text(f"This is {name}.\n")
        with behind(url, stored=served, folder=folder) as stage:
            yield stage


@pytest.mark.parametrize("name", ASKS)
def test_answers_are_the_same_straight_and_through(site: Behind, name: str) -> None:
    """Status, headers and body of an answer do not tell that the proxy is there."""
    found = differences(site, ASKS[name], VARIES)

    assert not found, "\n".join(found)


def test_suite_of_webdav_has_the_same_results(site: Behind, tmp_path: Path) -> None:
    """Litmus, the usual test of servers, finds the same straight and through."""
    program = debian("litmus", package="litmus")
    tables = []
    for url in (site.origin, site.proxy.url):
        done = run(program, "-k", f"{url}/", cwd=tmp_path, may_fail=True)
        results = done.stdout.decode().replace("\r", "\n")
        tables.append(re.findall(r"^ ?[0-9]+\. .*|^<- .*", results, re.MULTILINE))
    straight, through = tables

    assert len(straight) > 60
    assert through == straight


@pytest.fixture
def cadaver(site: Behind, tmp_path: Path) -> Callable[..., str]:
    """Return what runs lines of cadaver, a client for people, through the proxy."""
    program = debian("cadaver", package="cadaver")

    def lines(*commands: str) -> str:
        said = run(
            *(program, f"{site.proxy.url}/"),
            cwd=tmp_path,
            data="\n".join([*commands, "quit", ""]).encode(),
            env={"HOME": str(tmp_path)},
        )
        return (said.stdout + said.stderr).decode()

    return lines


@pytest.fixture
def rclone(site: Behind, tmp_path: Path) -> Callable[..., str]:
    """Return what runs rclone, which copies whole trees; ``dav:`` is the site."""
    program = debian("rclone", package="rclone")
    settings = {
        "RCLONE_CONFIG": str(tmp_path / "none.conf"),
        "RCLONE_CONFIG_DAV_TYPE": "webdav",
        "RCLONE_CONFIG_DAV_URL": site.proxy.url,
        "RCLONE_RETRIES": "1",
        "RCLONE_LOW_LEVEL_RETRIES": "3",
    }

    def words(*arguments: str | Path) -> str:
        done = run(program, *arguments, env=settings, may_fail=True)
        return (done.stdout + done.stderr).decode()

    return words


def test_person_keeps_files_with_cadaver(
    site: Behind, cadaver: Callable[..., str], tmp_path: Path
) -> None:
    """Folders are made; files are stored, locked, copied, moved, fetched, deleted."""
    content = pictures.unlisted(6201)
    (tmp_path / "boat.jpg").write_bytes(content)
    said = cadaver(
        *("mkcol boats", "cd boats", "put boat.jpg", "lock boat.jpg"),
        *("propset boat.jpg colour red", "unlock boat.jpg", "propget boat.jpg colour"),
        *(
            "copy boat.jpg copy.jpg",
            "move copy.jpg moved.jpg",
            "get moved.jpg back.jpg",
        ),
        *("delete boat.jpg", "ls"),
    )

    assert "failed" not in said
    assert "red" in said
    assert (tmp_path / "back.jpg").read_bytes() == content
    assert [path.name for path in (site.stored / "boats").iterdir()] == ["moved.jpg"]


def test_person_cannot_store_a_listed_picture_with_cadaver(
    site: Behind, cadaver: Callable[..., str], tmp_path: Path
) -> None:
    """Storing a listed picture gives an error, and the picture is not in the folder."""
    (tmp_path / "lake.jpg").write_bytes(pictures.listed())
    said = cadaver("put lake.jpg")

    assert "403" in said
    assert not (site.stored / "lake.jpg").exists()
    assert not site.holds(pictures.listed())


def test_tree_is_copied_with_rclone(
    site: Behind, rclone: Callable[..., str], tmp_path: Path
) -> None:
    """A whole tree arrives except the listed picture, and comes back unchanged."""
    files = {
        "tree/boat.jpg": pictures.unlisted(6202),
        "tree/deep/café.jpg": pictures.unlisted(6203),
        "tree/empty.txt": b"",
        "tree/lake.jpg": pictures.listed(),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    said = rclone("copy", tmp_path / "tree", "dav:tree")
    rclone("copy", "dav:tree", tmp_path / "back")
    back = {
        str(path.relative_to(tmp_path / "back")): path.read_bytes()
        for path in (tmp_path / "back").rglob("*")
        if path.is_file()
    }

    assert "lake.jpg" in said
    assert back == {
        name.removeprefix("tree/"): content
        for name, content in files.items()
        if name != "tree/lake.jpg"
    }, said
    assert not site.holds(pictures.listed())


@pytest.mark.parametrize("store", [put, put_chunked], ids=["length", "chunks"])
def test_upload_of_either_framing_is_inspected(
    site: Behind, store: Callable[..., Answer]
) -> None:
    """With a length or in chunks, a file is stored unchanged; a listed one is not."""
    content = pictures.unlisted(6204)
    accepted = store(site.url("/framed.jpg"), content)
    rejected = store(site.url("/lake.jpg"), pictures.listed())

    assert accepted.status in {201, 204}
    assert rejected.status == 403
    assert site.verdict(rejected) == "MATCH"
    assert curl(site.url("/framed.jpg")).body == content
    assert not site.holds(pictures.listed())
