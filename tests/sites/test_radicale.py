"""Radicale behind the proxy: address books, whose cards hold photos in base64."""

import base64
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from tests.e2e import pictures
from tests.e2e.curl import Answer, curl
from tests.ports import free_port
from tests.sites.behind import Behind, behind
from tests.sites.differential import Ask, differences
from tests.sites.programs import installed, server

pytestmark = pytest.mark.e2e

BOOK = "/keeper/book/"
XML = {"Content-Type": "application/xml; charset=utf-8"}
NEW_BOOK = b"""<?xml version="1.0"?>
<mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop>
<resourcetype><collection/><C:addressbook/></resourcetype>
<displayname>People</displayname></prop></set></mkcol>"""
QUERY = b"""<?xml version="1.0"?>
<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">
<prop><getetag/><C:address-data/></prop></C:addressbook-query>"""
PROPERTIES = b"""<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>"""

ASKS: Mapping[str, Ask] = {
    "front page": Ask(target="/"),
    "page for people": Ask(target="/.web/"),
    "program of the page": Ask(target="/.web/fn.js"),
    "address by which programs find it": Ask(target="/.well-known/carddav"),
    "what one may do": Ask(target=BOOK, method="OPTIONS"),
    "book": Ask(target=BOOK),
    "head of a book": Ask(target=BOOK, method="HEAD"),
    "card": Ask(target=f"{BOOK}robin.vcf"),
    "no such card": Ask(target=f"{BOOK}none.vcf"),
    "unless changed": Ask(
        target=f"{BOOK}robin.vcf",
        method="DELETE",
        headers={"If-Match": '"other"'},
    ),
    "only if new": Ask(
        target=f"{BOOK}robin.vcf",
        method="PUT",
        headers={"If-None-Match": "*", "Content-Type": "text/vcard"},
        body=b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Robin\r\nEND:VCARD\r\n",
    ),
    "every property": Ask(
        target=BOOK, method="PROPFIND", headers={**XML, "Depth": "1"}, body=PROPERTIES
    ),
    "query": Ask(
        target=BOOK, method="REPORT", headers={**XML, "Depth": "1"}, body=QUERY
    ),
    "broken XML": Ask(target=BOOK, method="REPORT", headers=XML, body=b"<a"),
    "broken card": Ask(
        target=f"{BOOK}none.vcf",
        method="PUT",
        headers={"Content-Type": "text/vcard"},
        body=b"hello",
    ),
    "book that is there": Ask(target=BOOK, method="MKCOL", headers=XML, body=NEW_BOOK),
}
"""Requests, by what they are about. None of them changes the site."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return Radicale behind the proxy, with one card in one book."""
    folder = tmp_path_factory.mktemp("radicale")
    program, port = installed("radicale"), free_port()
    stored = folder / "stored"
    settings = {
        "server-hosts": f"127.0.0.1:{port}",
        "auth-type": "none",
        "storage-filesystem-folder": str(stored),
        "logging-level": "warning",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (
        server([program, *options], log=folder / "radicale.log", ready=port),
        behind(f"http://127.0.0.1:{port}", stored=stored, folder=folder) as stage,
    ):
        _request(stage, "MKCOL", "/keeper/", b"")
        _request(stage, "MKCOL", BOOK, NEW_BOOK)
        store(stage, "robin", pictures.unlisted(6601))
        yield stage


def _request(site: Behind, method: str, path: str, body: bytes) -> Answer:
    """Send one request as the programs of telephones do: as one user, with a body."""
    return curl(
        site.url(path),
        *("-X", method, "-u", "keeper:", "-H", "Content-Type: application/xml"),
        *("--data-binary", "@-"),
        data=body,
    )


def card(name: str, photo: bytes) -> bytes:
    """Return a card with a photo, folded as RFC 2425, section 5.8.1, has it."""
    encoded = base64.b64encode(photo).decode()
    line = f"PHOTO;ENCODING=b;TYPE=JPEG:{encoded}"
    folded = "\r\n ".join(textwrap.wrap(line, 75))
    return (
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{name}\r\nFN:{name}\r\nN:;{name};;;\r\n"
        f"{folded}\r\nEND:VCARD\r\n"
    ).encode()


def store(site: Behind, name: str, photo: bytes) -> Answer:
    """Store a card in the book."""
    return curl(
        site.url(f"{BOOK}{name}.vcf"),
        *(
            "-X",
            "PUT",
            "-u",
            "keeper:",
            "-H",
            "Content-Type: text/vcard; charset=utf-8",
        ),
        *("--data-binary", "@-"),
        data=card(name, photo),
    )


@pytest.mark.parametrize("name", ASKS)
def test_answers_are_the_same_straight_and_through(site: Behind, name: str) -> None:
    """Status, headers and body of an answer do not tell that the proxy is there."""
    request = ASKS[name]
    user = {"Authorization": "Basic a2VlcGVyOg=="}
    asked = replace(request, headers={**user, **request.headers})
    found = differences(site, asked)

    assert not found, "\n".join(found)


def test_card_with_a_photo_is_stored_and_found(site: Behind) -> None:
    """A query returns the photo in a card unchanged."""
    photo = pictures.unlisted(6602)
    stored = store(site, "kim", photo)
    found = _request(site, "REPORT", BOOK, QUERY)
    text = found.body.decode().replace("\r\n ", "").replace("\n ", "")

    assert stored.status == 201
    assert found.status == 207
    assert base64.b64encode(photo).decode() in text


def test_card_with_a_listed_photo_is_rejected(site: Behind) -> None:
    """A photo is seen in base64 that is folded by the rules of cards."""
    answer = store(site, "sam", pictures.listed())

    assert answer.status == 403
    assert site.verdict(answer) == "MATCH"
    assert not list(site.stored.rglob("sam.vcf"))
