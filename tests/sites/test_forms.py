"""Forms of real clients, and malformed ones, before the parsers of real origins.

Each parser reads a client's form through the proxy as it reads it straight: every
field, name, order and byte. Of the malformed variants none brings the listed picture to
any parser.
"""

import base64
import contextlib
import quopri
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.corpus.pictures import jpeg, photograph
from tests.repository import ROOT
from tests.sites.behind import Behind, behind
from tests.sites.captured import captured
from tests.sites.catching import Catcher, catching
from tests.sites.formreaders import Form, Readers, Reading, holds, readers
from tests.sites.sending import Statuses, browse, send_all
from tests.uploads.variants import TARGET, VARIANTS, Variant

# Parsers that give up half-way leave their temporary files to the collector.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PAGE = ROOT / "docs" / "compatibility.md"
TABLE = "<!-- written by tests/sites/test_forms.py -->"

LARGE = 1_000_000
"""Bytes of a variant that parsers take seconds for, and that tells nothing more."""

REFUSED = frozenset({400, 403, 413, 415})
"""The statuses of a form that does not reach the origin."""

FORBIDDEN = 403

DIFFERING = {
    ("curl-two-in-one", ""): "a part of parts is declared as plain bytes; its boundary"
    " is another each time",
    ("blanks-script", "php"): "it finds no boundary behind a blank, and reads nothing",
    ("blanks-script", "werkzeug"): "it finds no name before a blank",
}
"""Clients and parsers that read another form than straight, and why; an empty name
stands for every parser."""


@cache
def small_picture(seed: int) -> bytes:
    """Return a picture of some kilobytes: parsers in Python are slow."""
    return jpeg(photograph(seed, width=160, height=120))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A site that catches forms, the proxy before it, and parsers.

    Attributes:
        catcher: The site.
        site: The proxy.
        readers: The parsers.
    """

    catcher: Catcher
    site: Behind
    readers: Readers


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return the stage."""
    folder = tmp_path_factory.mktemp("forms")
    with (
        catching() as catcher,
        readers(folder) as asked,
        behind(
            catcher.url, stored=folder, folder=folder, listed=small_picture(9500)
        ) as site,
    ):
        yield Stage(catcher=catcher, site=site, readers=asked)


def photo_in(folder: Path, content: bytes) -> Path:
    """Return a file under a name of letters."""
    path = folder / "lake.jpg"
    path.write_bytes(content)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The outcomes of the forms of all clients.

    Attributes:
        straight: What the site caught from each.
        through: The same through the proxy.
        statuses: What each got through the proxy.
        refused: What each got for the listed picture.
        listed: What the site caught of those.
    """

    straight: dict[str, Form]
    through: dict[str, Form]
    statuses: Statuses
    refused: Statuses
    listed: dict[str, Form]


@pytest.fixture(scope="module")
def sent(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """Send an unlisted picture by every client on both ways, and the listed one."""
    folder = tmp_path_factory.mktemp("photos")
    go = stage.readers.go
    unlisted = photo_in(folder, small_picture(9501))
    send_all(stage.catcher.url, unlisted, go)
    browse(stage.catcher.url, unlisted)
    straight = stage.catcher.take()
    statuses = send_all(stage.site.proxy.url, unlisted, go)
    browse(stage.site.proxy.url, unlisted)
    through = stage.catcher.take()
    photo_in(folder, small_picture(9500))
    refused = send_all(stage.site.proxy.url, unlisted, go)
    return Sent(
        straight=straight,
        through=through,
        statuses=statuses,
        refused=refused,
        listed=stage.catcher.take(),
    )


def test_form_of_every_client_arrives_as_without_the_proxy(
    stage: Stage, sent: Sent
) -> None:
    """Each parser reads every field, name, order and byte as it did."""
    names = sorted(sent.straight)
    before = stage.readers.read([sent.straight[name] for name in names])
    missing = sent.straight.keys() - sent.through.keys()
    assert not missing, {name: sent.statuses.get(name[1:]) for name in missing}
    after = stage.readers.read([sent.through[name] for name in names])
    differing = [
        f"{name} at {parser}: {was[parser]!r} became {now[parser]!r}"[:900]
        for name, was, now in zip(names, before, after, strict=True)
        for parser in was
        if was[parser] is not None
        and was[parser] != now[parser]
        and not {(name[1:], parser), (name[1:], "")} & DIFFERING.keys()
    ]

    assert len(names) >= 30
    assert not differing, "\n".join(differing)
    assert all(status == 200 for status in sent.statuses.values()), sent.statuses
    write_table(sent, before)


def test_listed_picture_is_refused_to_every_client(sent: Sent) -> None:
    """Each client sees the status, and nothing arrives."""
    assert sent.listed == {}
    assert sent.refused == dict.fromkeys(sent.statuses, FORBIDDEN)


def test_no_malformed_form_brings_the_listed_picture(stage: Stage) -> None:
    """Through the proxy no parser gets it; straight, most variants bring it to some."""
    listed = small_picture(9500)
    odd = [with_picture(each, listed) for each in VARIANTS if each.name != "plain"]
    statuses = [send(stage, number, each) for number, each in enumerate(odd)]
    caught = stage.catcher.take()
    forms = list(caught.values())
    brought = [
        (odd[int(path[1:])].name, parser)
        for path, reading in zip(caught, stage.readers.read(forms), strict=True)
        for parser, read in reading.items()
        if holds(read, listed)
    ]
    small = [each for each in odd if len(each.body) < LARGE and len(each.types) == 1]
    straight = stage.readers.read([form_of(each) for each in small])
    smuggling = [
        each.name
        for each, reading in zip(small, straight, strict=True)
        if any(holds(read, listed) for read in reading.values())
    ]

    assert brought == []
    assert not any(listed in form.body for form in forms)
    assert set(statuses) <= REFUSED | {200}
    assert len(odd) >= 120
    assert len(smuggling) >= 60, smuggling


def form_of(odd: Variant) -> Form:
    """Return a variant as an origin gets it straight."""
    return Form(content_type=odd.types[0].decode("latin-1"), body=odd.body)


def with_picture(odd: Variant, picture: bytes) -> Variant:
    """Return a variant that brings a picture, in the coding of its target."""
    body = odd.body
    for encode in (bytes, base64.b64encode, quopri.encodestring):
        body = body.replace(encode(TARGET), encode(picture))
    return Variant(name=odd.name, types=odd.types, body=body)


def send(stage: Stage, number: int, odd: Variant) -> int:
    """Send a variant byte for byte, and return the status of the proxy's answer."""
    where = urlsplit(stage.site.proxy.url)
    types = b"".join(b"Content-Type: %s\r\n" % each for each in odd.types)
    head = b"POST /%d HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n%s"
    length = b"Content-Length: %d\r\n\r\n" % len(odd.body)
    address = (str(where.hostname), where.port or 0)
    with socket.create_connection(address, 60) as connection:
        connection.sendall(head % (number, types) + length)
        with contextlib.suppress(OSError):  # It may be refused by its head.
            connection.sendall(odd.body)
        return int(connection.makefile("rb").readline().split()[1])


def but(name: str) -> str:
    """Return what a client's form is read otherwise by, for the table."""
    told = [
        f"{parser or 'all parsers'}: {reason}"
        for (client, parser), reason in DIFFERING.items()
        if client == name
    ]
    return f", but {'; '.join(told)}" if told else ""


def write_table(sent: Sent, readings: list[Reading]) -> None:
    """Check the table of ``docs/compatibility.md`` against the results.

    Where they differ, the page is written, and the test fails.
    """
    sources = {name: form.source for name, form in captured().items()}
    alike: dict[str, list[str]] = {}
    for name in (path[1:] for path in sorted(sent.straight)):
        result = (
            f"{sources.get(name, 'run')} | as without the filter{but(name)} |"
            f" {sent.refused.get(name, 'not tried')} |"
        )
        alike.setdefault(result, []).append(name)
    rows = [f"| {', '.join(names)} | {result}" for result, names in alike.items()]
    parsers = ", ".join(sorted(readings[0]))
    heading = ["| clients | how | unlisted picture | listed picture |"]
    table = "\n".join([*heading, "| --- | --- | --- | --- |", *rows])
    text = PAGE.read_text(encoding="utf-8")
    head, marker, _ = text.partition(TABLE)
    whole = f"{head}{marker}\n\nParsers: {parsers}.\n\n{table}\n"
    if whole != text:
        PAGE.write_text(whole, encoding="utf-8")
        pytest.fail("docs/compatibility.md was written anew from the results")
