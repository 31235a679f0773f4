"""Wagtail behind the proxy: a site on Django whose editors upload pictures."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pictures
from tests.e2e.curl import Answer, curl
from tests.sites.behind import Behind, behind
from tests.sites.differential import Ask, Varies, differences
from tests.sites.visitor import visitor
from tests.sites.wagtailsite import USER, Wagtail, wagtail

pytestmark = pytest.mark.e2e

STYLE = "/static/wagtailadmin/css/core.css"
LOGIN = "/admin/login/"
ADD_IMAGES = "/admin/images/multiple/add/"
ADD_IMAGE = "/admin/images/add/"
ADD_DOCUMENT = "/admin/documents/add/"

ASKS: Mapping[str, Ask] = {
    "front page": Ask(target="/"),
    "head of the front page": Ask(target="/", method="HEAD"),
    "no such page": Ask(target="/none/"),
    "search": Ask(target="/search/?query=%CE%BB%CE%AF%CE%BC%CE%BD%CE%B7&page=1"),
    "page that there is not": Ask(target="/search/?query=a&page=none"),
    "login page sets a cookie": Ask(target="/admin/login/"),
    "administration asks for a login": Ask(target="/admin/"),
    "administration without its slash": Ask(target="/admin"),
    "form without the site's proof": Ask(
        target="/admin/login/",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=b"username=keeper&password=no",
    ),
    "style sheet": Ask(target=STYLE),
    "head of a style sheet": Ask(target=STYLE, method="HEAD"),
    "not changed since": Ask(
        target=STYLE, headers={"If-Modified-Since": "Wed, 01 Jan 2099 00:00:00 GMT"}
    ),
    "no such style sheet": Ask(target="/static/none.css"),
    "two slashes": Ask(target="//search//?query=a"),
    "method that is not allowed": Ask(target="/search/", method="PATCH", body=b"hello"),
}
"""Requests, by their subject. None of them changes the site."""

VARIES = (
    Varies(
        pattern=rb"csrftoken=[0-9A-Za-z]{32}|\"[0-9A-Za-z]{64}\"",
        reason="each form has a proof of its own, which goes with a cookie",
    ),
    Varies(
        pattern=rb"expires=[^;]*",
        reason="a cookie is kept for so long from now on",
    ),
    Varies(
        pattern=rb".+",
        reason="pages for one person expire at the second of the answer",
        header="expires",
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for everything."""
    return tmp_path_factory.mktemp("wagtail")


@pytest.fixture(scope="module")
def itself(folder: Path) -> Iterator[Wagtail]:
    """Return a running Wagtail."""
    with wagtail(folder) as running:
        yield running


@pytest.fixture(scope="module")
def site(itself: Wagtail, folder: Path) -> Iterator[Behind]:
    """Return Wagtail behind the proxy."""
    with behind(itself.origin, stored=itself.media, folder=folder) as stage:
        yield stage


@pytest.mark.parametrize("name", ASKS)
def test_answers_are_the_same_straight_and_through(site: Behind, name: str) -> None:
    """Status, headers and body of an answer do not tell that the proxy is there."""
    found = differences(site, ASKS[name], VARIES)

    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def keeper(site: Behind, itself: Wagtail) -> Iterator[Page]:
    """Return the page of a user who has logged in."""
    with visitor() as page:
        page.goto(site.url(LOGIN))
        page.fill("#id_username", USER)
        page.fill("#id_password", itself.password)
        page.click("button[type=submit]")
        page.wait_for_url("**/admin/")
        yield page


def test_pictures_are_uploaded_and_shown(
    site: Behind, keeper: Page, tmp_path: Path
) -> None:
    """An editor drops two files; the one that is not listed is stored and shown."""
    content = pictures.unlisted(6501)
    (tmp_path / "boat.jpg").write_bytes(content)
    (tmp_path / "lake.jpg").write_bytes(pictures.listed())
    keeper.goto(site.url(ADD_IMAGES))
    keeper.set_input_files(
        "#fileupload", [tmp_path / "boat.jpg", tmp_path / "lake.jpg"]
    )
    expect(keeper.locator("#upload-list .upload-success")).to_have_count(1)
    failed = keeper.locator("#upload-list .upload-server-error")
    expect(failed).to_have_count(1)
    expect(failed.locator("..")).to_contain_text("Server Error")

    assert site.holds(content)
    assert not site.holds(pictures.listed())


@pytest.fixture
def session(site: Behind, itself: Wagtail, jar: Path) -> list[str]:
    """Return curl's options for a user who has logged in."""
    cookies = ["-b", str(jar), "-c", str(jar)]
    answer = curl(
        site.url(LOGIN),
        *cookies,
        *("--data-urlencode", f"csrfmiddlewaretoken={proof(site, LOGIN, cookies)}"),
        *("--data-urlencode", f"username={USER}"),
        *("--data-urlencode", f"password={itself.password}"),
    )
    if answer.status != 302:
        raise AssertionError(answer)
    return cookies


def proof(site: Behind, page: str, session: list[str]) -> str:
    """Return the token of a form of the site."""
    text = curl(site.url(page), *session).body.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
    if found is None:
        raise AssertionError(f"{page} has no form")
    return found[1]


def send(site: Behind, page: str, file: Path, session: list[str]) -> Answer:
    """Fill in a form with a title and a file, as a browser without scripts does."""
    return curl(
        site.url(page),
        *session,
        *("-F", f"csrfmiddlewaretoken={proof(site, page, session)}"),
        *("-F", "title=Zoë's picture", "-F", f"file=@{file}"),
    )


def test_form_with_a_picture_passes(
    site: Behind, session: list[str], tmp_path: Path
) -> None:
    """The title arrives unchanged, and the picture byte for byte."""
    content = pictures.unlisted(6502)
    (tmp_path / "böat.jpg").write_bytes(content)
    answer = send(site, ADD_IMAGE, tmp_path / "böat.jpg", session)
    listed = curl(site.url("/admin/images/"), *session).body.decode()

    assert answer.status == 302
    assert "Zoë&#x27;s picture" in listed
    assert site.holds(content)
    assert 302 in site.outcomes()


@pytest.mark.parametrize("page", [ADD_IMAGE, ADD_DOCUMENT])
def test_form_with_a_listed_picture_is_rejected(
    site: Behind, session: list[str], tmp_path: Path, page: str
) -> None:
    """A listed picture is rejected as a picture and as a document."""
    (tmp_path / "lake.jpg").write_bytes(pictures.listed())
    answer = send(site, page, tmp_path / "lake.jpg", session)

    assert answer.status == 403
    assert site.verdict(answer) == "MATCH"
    assert not site.holds(pictures.listed())


@pytest.mark.parametrize("is_listed", [False, True], ids=["unlisted", "listed"])
def test_document_is_looked_into(
    site: Behind, session: list[str], tmp_path: Path, is_listed: bool
) -> None:
    """An archive among the documents passes if nothing in it is listed."""
    picture = pictures.listed() if is_listed else pictures.unlisted(6503)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.jpg", picture)
    (tmp_path / "archive.zip").write_bytes(packed.getvalue())
    answer = send(site, ADD_DOCUMENT, tmp_path / "archive.zip", session)

    assert answer.status == (403 if is_listed else 302)
    assert site.holds(packed.getvalue()) is not is_listed
