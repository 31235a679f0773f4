"""WordPress behind the proxy, used by programs."""

import base64
import io
import json
import re
import xmlrpc.client
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.e2e import pictures
from tests.e2e.curl import Answer, curl
from tests.sites.behind import Behind
from tests.sites.differential import Ask, Varies, differences
from tests.sites.wordpress import USER, WordPress

pytestmark = pytest.mark.e2e

STYLE = "/wp-includes/css/dist/block-library/style.css"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

ASKS: Mapping[str, Ask] = {
    "front page": Ask(target="/"),
    "front page, compressed": Ask(target="/", headers={"Accept-Encoding": "gzip"}),
    "head of the front page": Ask(target="/", method="HEAD"),
    "page": Ask(target="/hello-world/"),
    "page by another name": Ask(target="/?p=1"),
    "page without its slash": Ask(target="/hello-world"),
    "no such page": Ask(target="/there-is-none/"),
    "search in Greek": Ask(target="/?s=%CE%BB%CE%AF%CE%BC%CE%BD%CE%B7"),
    "empty query": Ask(target="/?"),
    "query of the same name twice": Ask(target="/?s=a&s=b&&=&x"),
    "broken percent encoding": Ask(target="/?s=%zz%"),
    "encoded letters": Ask(target="/%68ello-world/"),
    "encoded slash": Ask(target="/hello%2Fworld"),
    "two slashes": Ask(target="//hello-world//"),
    "dots in the path": Ask(target="/wp-includes/./js/../css/buttons.css"),
    "semicolon in the path": Ask(target="/hello-world;a=b/"),
    "characters that need not be encoded": Ask(target="/!$&'()*+,:@~_-./?/?:@"),
    "login page sets a cookie": Ask(target="/wp-login.php"),
    "administration asks for a login": Ask(target="/wp-admin/"),
    "wrong password": Ask(
        target="/wp-login.php",
        method="POST",
        headers={**FORM, "Cookie": "wordpress_test_cookie=WP%20Cookie%20check"},
        body=urlencode({"log": USER, "pwd": "no", "testcookie": "1"}).encode(),
    ),
    "cookies of a visitor": Ask(
        target="/hello-world/",
        headers={"Cookie": 'a="b c"; d=%20; comment_author_x=Zo\u00eb'},
    ),
    "comment without a name": Ask(
        target="/wp-comments-post.php",
        method="POST",
        headers=FORM,
        body=b"comment_post_ID=1&comment=Nice&author=&email=",
    ),
    "form of several parts": Ask(
        target="/wp-comments-post.php",
        method="POST",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        body=b'--x\r\nContent-Disposition: form-data; name="comment_post_ID"\r\n\r\n'
        b"99\r\n--x--\r\n",
    ),
    "feed": Ask(target="/feed/"),
    "interface": Ask(target="/wp-json/"),
    "interface, what one may do": Ask(target="/wp-json/wp/v2/posts", method="OPTIONS"),
    "interface, not allowed": Ask(target="/wp-json/wp/v2/posts/1", method="DELETE"),
    "interface, no such thing": Ask(target="/wp-json/wp/v2/posts/999"),
    "interface, broken JSON": Ask(
        target="/wp-json/wp/v2/posts",
        method="POST",
        headers={"Content-Type": "application/json"},
        body=b'{"title": ',
    ),
    "XML-RPC": Ask(
        target="/xmlrpc.php",
        method="POST",
        headers={"Content-Type": "text/xml"},
        body=xmlrpc.client.dumps((), "system.listMethods").encode(),
    ),
    "style sheet": Ask(target=STYLE),
    "style sheet, compressed": Ask(target=STYLE, headers={"Accept-Encoding": "gzip"}),
    "head of a style sheet": Ask(target=STYLE, method="HEAD"),
    "range": Ask(target=STYLE, headers={"Range": "bytes=100-299"}),
    "range to the end": Ask(target=STYLE, headers={"Range": "bytes=1000-"}),
    "last bytes": Ask(target=STYLE, headers={"Range": "bytes=-50"}),
    "two ranges": Ask(target=STYLE, headers={"Range": "bytes=0-9,20-29"}),
    "range behind the end": Ask(target=STYLE, headers={"Range": "bytes=99999999-"}),
    "range of what was changed": Ask(
        target=STYLE, headers={"Range": "bytes=0-9", "If-Range": '"other"'}
    ),
    "changed since": Ask(
        target=STYLE, headers={"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"}
    ),
    "not changed since": Ask(
        target=STYLE, headers={"If-Modified-Since": "Wed, 01 Jan 2099 00:00:00 GMT"}
    ),
    "unless changed": Ask(target=STYLE, headers={"If-Match": '"other"'}),
    "no such file": Ask(target="/wp-includes/css/none.css"),
    "program": Ask(target="/wp-includes/js/jquery/jquery.min.js"),
    "method that is not allowed": Ask(target=STYLE, method="PUT", body=b"a{}"),
}
"""Requests, by what they are about. None of them changes the site."""

VARIES = (
    Varies(
        pattern=rb"[0-9]{20}",
        reason="nginx numbers the answers that have several ranges",
    ),
    Varies(
        pattern=rb"<lastBuildDate>[^<]*",
        reason="the time of the answer",
    ),
)


@pytest.mark.parametrize("name", ASKS)
def test_answers_are_the_same_straight_and_through(
    wordpress_site: Behind, name: str
) -> None:
    """Status, headers and body of an answer do not tell that the proxy is there."""
    found = differences(wordpress_site, ASKS[name], VARIES)

    assert not found, "\n".join(found)


def test_answers_at_the_same_time_do_not_get_mixed_up(wordpress_site: Behind) -> None:
    """As many requests as a browser sends at once each get their own answers."""
    names = ("hooks", "i18n", "dom", "url", "data", "date", "blob", "element")
    asks = [Ask(target=f"/wp-includes/js/dist/{name}.js") for name in names]

    def mixed_up(request: Ask) -> bool:
        return bool(differences(wordpress_site, request))

    with ThreadPoolExecutor(len(asks)) as visitors:
        found = list(visitors.map(mixed_up, asks * 4))

    assert not any(found)


LISTED_NAME = "lake.jpg"


def logged_in(site: Behind, wordpress: WordPress, jar: Path) -> list[str]:
    """Log in through the proxy, and return curl's options for who has."""
    form = {"log": USER, "pwd": wordpress.password, "testcookie": "1"}
    answer = curl(
        site.url("/wp-login.php"),
        *("-b", "wordpress_test_cookie=WP%20Cookie%20check", "-c", str(jar)),
        *("--data", urlencode(form)),
    )
    if answer.status != 302:
        raise AssertionError(answer)
    return ["-b", str(jar)]


def nonce(site: Behind, session: list[str], page: str, pattern: str) -> str:
    """Return what a page of the administration proves itself by."""
    text = curl(site.url(page), *session).body.decode()
    found = re.search(pattern, text)
    if found is None:
        raise AssertionError(f"{page} has no {pattern}")
    return found[1]


@pytest.fixture
def session(
    wordpress_site: Behind, wordpress_itself: WordPress, jar: Path
) -> list[str]:
    """Return curl's options for one who has logged in."""
    return logged_in(wordpress_site, wordpress_itself, jar)


@pytest.fixture
def interface(wordpress_site: Behind, session: list[str]) -> list[str]:
    """Return curl's options for the REST interface."""
    page = "/wp-admin/admin-ajax.php?action=rest-nonce"
    return [
        *session,
        "-H",
        f"X-WP-Nonce: {nonce(wordpress_site, session, page, '(.+)')}",
    ]


@pytest.fixture
def blog(wordpress_site: Behind) -> xmlrpc.client.ServerProxy:
    """Return the XML-RPC interface, through the proxy."""
    return xmlrpc.client.ServerProxy(wordpress_site.url("/xmlrpc.php"))


def plugin(picture: bytes) -> bytes:
    """Return a plugin that brings a picture along."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lakes/lakes.php", "<?php\n/* Plugin Name: Lakes */\n")
        archive.writestr("lakes/lake.jpg", picture)
    return packed.getvalue()


def send_media(site: Behind, content: bytes, options: list[str]) -> Answer:
    """Send a picture to the media library by its REST interface."""
    return curl(
        site.url("/wp-json/wp/v2/media"),
        *options,
        *("-H", "Content-Type: image/jpeg"),
        *("-H", f'Content-Disposition: attachment; filename="{LISTED_NAME}"'),
        *("--data-binary", "@-"),
        data=content,
    )


def install_plugin(
    site: Behind, content: bytes, session: list[str], to: Path
) -> Answer:
    """Upload a plugin as the administration's form does."""
    page = "/wp-admin/plugin-install.php?tab=upload"
    proof = nonce(site, session, page, r'name="_wpnonce" value="([0-9a-f]+)"')
    to.write_bytes(content)
    return curl(
        site.url("/wp-admin/update.php?action=upload-plugin"),
        *session,
        *("-F", f"_wpnonce={proof}", "-F", f"pluginzip=@{to};type=application/zip"),
    )


def test_picture_is_published_by_the_rest_interface(
    wordpress_site: Behind, interface: list[str]
) -> None:
    """The library shows an accepted picture unchanged, and the decision is recorded."""
    content = pictures.unlisted(6001)
    answer = send_media(wordpress_site, content, interface)
    shown = curl(answer.json()["source_url"])

    assert answer.status == 201
    assert shown.body == content
    assert wordpress_site.outcomes() >= {201}


def test_listed_picture_is_rejected_by_the_rest_interface(
    wordpress_site: Behind, interface: list[str]
) -> None:
    """A program gets the problem with the decision, and the library gets nothing."""
    answer = send_media(wordpress_site, pictures.listed(), interface)

    assert answer.status == 403
    assert wordpress_site.verdict(answer) == "MATCH"
    assert not wordpress_site.holds(pictures.listed())


def test_form_of_the_rest_interface_is_inspected(
    wordpress_site: Behind, interface: list[str], tmp_path: Path
) -> None:
    """The same interface takes forms, whose files keep their names and bytes."""
    content = pictures.unlisted(6002)
    answers = {}
    for name, picture in {"boat.jpg": content, "lake.jpg": pictures.listed()}.items():
        (tmp_path / name).write_bytes(picture)
        answers[name] = curl(
            wordpress_site.url("/wp-json/wp/v2/media"),
            *interface,
            *("-F", "title=Zo\u00eb's boat", "-F", f"file=@{tmp_path / name}"),
        )

    assert {name: answer.status for name, answer in answers.items()} == {
        "boat.jpg": 201,
        "lake.jpg": 403,
    }
    assert answers["boat.jpg"].json()["title"]["raw"] == "Zo\u00eb's boat"
    assert not wordpress_site.holds(pictures.listed())


def test_picture_is_published_by_xml_rpc(
    wordpress_site: Behind, wordpress_itself: WordPress, blog: xmlrpc.client.ServerProxy
) -> None:
    """Desktop editors send pictures as base64 in XML."""
    content = pictures.unlisted(6003)
    struct = {
        "name": "boat.jpg",
        "type": "image/jpeg",
        "bits": xmlrpc.client.Binary(content),
    }
    with blog:
        stored = blog.metaWeblog.newMediaObject(
            1, USER, wordpress_itself.password, struct
        )

    assert isinstance(stored, dict)
    assert curl(stored["url"]).body == content
    assert wordpress_site.holds(content)


def test_listed_picture_is_rejected_by_xml_rpc(
    wordpress_site: Behind, wordpress_itself: WordPress, blog: xmlrpc.client.ServerProxy
) -> None:
    """Base64 in XML is decoded and seen."""
    struct = {
        "name": LISTED_NAME,
        "type": "image/jpeg",
        "bits": xmlrpc.client.Binary(pictures.listed()),
    }
    with blog, pytest.raises(xmlrpc.client.ProtocolError) as refused:
        blog.metaWeblog.newMediaObject(1, USER, wordpress_itself.password, struct)

    assert refused.value.errcode == 403
    assert not wordpress_site.holds(pictures.listed())


def test_plugin_is_installed(
    wordpress_site: Behind, session: list[str], tmp_path: Path
) -> None:
    """An archive with a picture that is not listed arrives and is unpacked."""
    content = pictures.unlisted(6004)
    answer = install_plugin(
        wordpress_site, plugin(content), session, tmp_path / "lakes.zip"
    )

    assert b"Plugin installed successfully" in answer.body
    assert wordpress_site.holds(content)


def test_plugin_with_a_listed_picture_is_rejected(
    wordpress_site: Behind, session: list[str], tmp_path: Path
) -> None:
    """The files of an archive are inspected, and the site unpacks nothing of it."""
    content = plugin(pictures.listed())
    answer = install_plugin(wordpress_site, content, session, tmp_path / "lakes2.zip")

    assert answer.status == 403
    assert not wordpress_site.holds(pictures.listed())
    assert not wordpress_site.holds(content)


def test_comment_is_published(wordpress_site: Behind) -> None:
    """A visitor's comment passes; the site remembers the visitor in cookies."""
    form = {
        "comment_post_ID": "1",
        "comment": "Nice lake, Zo\u00eb! 100% \u00a9",
        "author": "Robin",
        "email": "robin@site.example",
        "wp-comment-cookies-consent": "yes",
    }
    answer = curl(
        wordpress_site.url("/wp-comments-post.php"), "--data", urlencode(form)
    )

    assert answer.status == 302
    assert answer.headers["location"].startswith(wordpress_site.url("/hello-world/"))
    assert "comment_author" in answer.headers["set-cookie"]


def test_editor_saves_a_post(wordpress_site: Behind, interface: list[str]) -> None:
    """The block editor changes a post by a POST that says it is a PUT."""
    answer = curl(
        wordpress_site.url("/wp-json/wp/v2/posts/1"),
        *interface,
        *("-H", "Content-Type: application/json", "-H", "X-HTTP-Method-Override: PUT"),
        *("--data-binary", "@-"),
        data=json.dumps({"title": "Hello lake!"}).encode(),
    )

    assert answer.status == 200
    assert answer.json()["title"]["raw"] == "Hello lake!"


def test_post_with_a_listed_picture_in_its_text_is_rejected(
    wordpress_site: Behind, interface: list[str]
) -> None:
    """A picture may be part of a page, as a ``data:`` URI in JSON."""
    uri = "data:image/jpeg;base64," + base64.b64encode(pictures.listed()).decode()
    answer = curl(
        wordpress_site.url("/wp-json/wp/v2/posts"),
        *interface,
        *("-H", "Content-Type: application/json", "--data-binary", "@-"),
        data=json.dumps(
            {"content": f'<img src="{uri}">', "status": "publish"}
        ).encode(),
    )

    assert answer.status == 403
    assert wordpress_site.verdict(answer) == "MATCH"


def test_origin_learns_the_decision_of_each_upload(
    wordpress_site: Behind, wordpress_itself: WordPress, interface: list[str]
) -> None:
    """Every request with a body that came to the site by the proxy is on record."""
    send_media(wordpress_site, pictures.unlisted(6005), interface)
    lines = (wordpress_itself.folder / "requests.jsonl").read_text().splitlines()
    uploads = [
        line
        for line in map(json.loads, lines)
        if line["via"] and line["bytes"] not in {"", "0"}
    ]
    decisions = wordpress_site.records("--records", "decision")
    known = {record["id"] for record in decisions}

    assert uploads
    assert {line["decision"] for line in uploads} <= known
