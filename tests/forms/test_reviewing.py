"""Tests of uploadfilter.forms.reviewing: who may see and decide what."""

import getpass
import ipaddress
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tests.forms.objections import DAY_S, NOON_S, decision_id, objection
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.forms.asking import Front
from uploadfilter.forms.cases import EvidenceShown, ObjectionState
from uploadfilter.forms.deciding import Decider
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.reviewing import ReviewHandler
from uploadfilter.forms.store import FILE, FormStore
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress
from uploadfilter.web.serving import serving

HEADER = "X-Remote-User"
ANNA = {HEADER: "anna"}
HERE = Front(trusted_proxies=(ipaddress.ip_network("127.0.0.1/32"),))
CASE = f"/objection/{decision_id()}"
SEEN = EvidenceShown(
    set="demo",
    entry="entry-1",
    category="a",
    signal_type="pdq",
    kind="altered",
    distance=44,
    chance=2e-7,
    view="stored",
)


@dataclass
class Office:
    """The page of reviewers, and one browser."""

    store: FormStore
    state: Path
    site: str = ""
    session: aiohttp.ClientSession | None = None
    page: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, path: str, headers: dict[str, str] | None = None) -> int:
        """Open a page."""
        assert self.session is not None
        given = ANNA if headers is None else headers
        async with self.session.get(self.site + path, headers=given) as answer:
            self.page, self.headers = await answer.text(), dict(answer.headers)
            return answer.status

    async def send(
        self, path: str, headers: dict[str, str] | None = None, **fields: str
    ) -> int:
        """Send a form of the page that is shown."""
        assert self.session is not None
        seen = re.search(r'name="seen" value="([^"]+)"', self.page)
        known = {"seen": seen[1] if seen else "", **fields}
        given = {**ANNA, **({"Origin": self.site} if headers is None else headers)}
        async with self.session.post(
            self.site + path, data=known, headers=given
        ) as answer:
            self.page = await answer.text()
            return answer.status

    def get(self, number: int = 1) -> ObjectionState:
        """Return where an objection stands."""
        found = self.store.get(decision_id(number))
        assert found is not None
        return found.state


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Return the page with two objections."""
    list_entries(tmp_path, [exact_entry(1, b"a")])
    with FormStore(tmp_path / FILE) as store:
        for number, evidence in ((1, (SEEN,)), (2, ())):
            store.receive(objection(number, evidence=evidence))
        yield Office(store, tmp_path)


@asynccontextmanager
async def opened(
    office: Office, *, header: str = HEADER, front: Front = HERE, is_unix: bool = False
) -> AsyncIterator[Office]:
    """Serve the page, and open a browser."""
    registry = CollectorRegistry()
    FormMetrics(registry)
    now = NOON_S + DAY_S
    decider = Decider(
        office.store, state=office.state, tells_provider=True, now=lambda: now
    )
    handler = ReviewHandler(
        office.store,
        decider,
        registry=registry,
        header=header,
        front=front,
        now=lambda: now,
    )
    path = str(office.state / "review")
    address: TCPAddress | UnixAddress = TCPAddress(host="127.0.0.1", port=0)
    connector: aiohttp.BaseConnector | None = None
    if is_unix:
        address, connector = UnixAddress(path=path), aiohttp.UnixConnector(path)
    async with (
        serving(handler.handle, address, who="forms", hint="x") as bound,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        office.site = "http://localhost" if is_unix else f"http://{bound}"
        office.session = session
        yield office


@pytest.mark.parametrize(
    ("front", "header", "headers", "status"),
    [
        (HERE, HEADER, ANNA, 200),
        (HERE, HEADER, {}, 403),
        (HERE, HEADER, {HEADER: ""}, 403),
        (HERE, HEADER, {HEADER: "anna, bert"}, 403),
        (HERE, HEADER, {HEADER: "x" * 65}, 403),
        (HERE, HEADER, {"X-Forwarded-User": "anna"}, 403),
        (Front(), HEADER, ANNA, 403),
        (HERE, "", ANNA, 403),
    ],
    ids=[
        "named",
        "nobody",
        "empty",
        "two",
        "long",
        "other header",
        "not trusted",
        "no header",
    ],
)
async def test_only_a_named_reviewer_sees_anything(
    office: Office, front: Front, header: str, headers: dict[str, str], status: int
) -> None:
    """On every page; the front end that is believed names exactly one."""
    async with opened(office, front=front, header=header):
        for path in ("/", "/decided", CASE):
            assert await office.ask(path, headers) == status
            assert (decision_id() in office.page) == (
                status == 200 and path != "/decided"
            )


@pytest.mark.parametrize(
    ("header", "name"), [("", getpass.getuser()), (HEADER, "anna")]
)
async def test_unix_socket_names_its_user(
    office: Office, header: str, name: str
) -> None:
    """Unless a front end behind it names the reviewer."""
    async with opened(office, header=header, is_unix=True):
        status = await office.ask("/")
        page = office.page

    assert status == 200
    assert f"<strong>{name}</strong>" in page
    assert "no login of its own" in page


async def test_reviewer_sees_the_evidence_and_decides(office: Office) -> None:
    """Entry, category, E, route and time; the decision switches the entry off."""
    async with opened(office):
        await office.ask("/")
        listed = office.page
        await office.ask(CASE)
        shown = office.page
        sent = await office.send(CASE, state="reversed", entry="0", answer="Sorry.")
        decided = office.page
        await office.ask("/decided")
        found = office.store.get(decision_id())

    assert sent == 200
    assert decision_id() in listed
    for text in ("demo / entry-1", "2.0e-07", "44 bits", "altered", "own cat"):
        assert text in shown
    assert "The decision stands" in shown
    assert "<img" not in shown
    assert "the decision is reversed, by anna" in decided
    assert "the decision is reversed" in office.page
    assert found is not None
    assert (found.reviewer, found.answer) == ("anna", "Sorry.")
    assert found.entry == ("demo", "entry-1")


@pytest.mark.parametrize(
    ("number", "headers", "fields", "status"),
    [
        (1, {"Origin": "http://evil.example"}, {}, 403),
        (1, {"Origin": "null"}, {}, 403),
        (1, {}, {}, 403),
        (1, {"Sec-Fetch-Site": "same-site"}, {}, 403),
        (1, None, {"seen": "x"}, 409),
        (1, None, {"state": "upheld"}, 400),
        (1, None, {"state": "received"}, 409),
        (1, None, {"entry": "0"}, 409),
        (1, None, {"answer": "x" * 4001}, 409),
    ],
)
async def test_refused_forms_change_nothing(
    office: Office,
    number: int,
    headers: dict[str, str] | None,
    fields: dict[str, str],
    status: int,
) -> None:
    """Another site's, an old one, or one that makes no sense."""
    path = f"/objection/{decision_id(number)}"
    async with opened(office):
        await office.ask(path)
        sent = await office.send(path, headers, **{"state": "stands", **fields})

    assert sent == status
    assert office.get(number) is ObjectionState.RECEIVED


async def test_form_that_is_refused_keeps_the_answer(office: Office) -> None:
    """A reviewer does not type it twice."""
    async with opened(office):
        await office.ask(CASE)
        await office.send(CASE, state="stands", entry="0", answer="Long <text>.")

    assert "only if the decision is reversed" in office.page
    assert "Long &lt;text&gt;.</textarea>" in office.page


async def test_browser_without_origin_is_known_by_fetch_metadata(
    office: Office,
) -> None:
    """Some browsers send no Origin with forms of the same site."""
    async with opened(office):
        await office.ask(CASE)
        sent = await office.send(
            CASE, {"Sec-Fetch-Site": "same-origin"}, state="stands"
        )

    assert (sent, office.get()) == (200, ObjectionState.STANDS)


async def test_monitoring_needs_no_reviewer(office: Office) -> None:
    """Figures name nobody; everything is served without being framed."""
    async with opened(office):
        status = await office.ask("/metrics", {})
        figures = office.page
        await office.ask("/static/review.css", {})

    assert status == 200
    assert "uploadfilter_form_received_total" in figures
    policy = office.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
