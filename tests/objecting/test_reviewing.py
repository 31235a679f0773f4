"""Tests of uploadfilter.objecting.reviewing: who may see and decide what."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tests.objecting.objections import DAY_S, NOON_S, decision_id, objection
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.objecting.cases import EvidenceShown, ObjectionState
from uploadfilter.objecting.deciding import Decider
from uploadfilter.objecting.figures import ObjectionMetrics
from uploadfilter.objecting.keeping import FILE, ObjectionStore
from uploadfilter.objecting.listening import listening
from uploadfilter.objecting.reviewers import Reviewers
from uploadfilter.objecting.reviewing import ReviewHandler
from uploadfilter.objecting.sessions import COOKIE, IDLE_S
from uploadfilter.proxy.clients.addresses import TCPAddress

PASSWORD = "correct horse battery"  # noqa: S105 - of a test
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
    """The page of reviewers, its clock and one browser."""

    store: ObjectionStore
    handler: ReviewHandler
    clock: list[float]
    site: str = ""
    session: aiohttp.ClientSession | None = None
    page: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, path: str, **more: str) -> int:
        """Open a page."""
        assert self.session is not None
        async with self.session.get(self.site + path, headers=more) as answer:
            self.page, self.headers = await answer.text(), dict(answer.headers)
            return answer.status

    async def send(self, path: str, *, origin: str = "", **fields: str) -> int:
        """Send a form, with the number of the page that is shown."""
        assert self.session is not None
        found = re.search(r'name="form" value="([^"]+)"', self.page)
        seen = re.search(r'name="seen" value="([^"]+)"', self.page)
        known = {
            "form": found[1] if found else "",
            "seen": seen[1] if seen else "",
            **fields,
        }
        headers = {"Origin": origin or self.site}
        async with self.session.post(
            self.site + path, data=known, headers=headers
        ) as answer:
            self.page, self.headers = await answer.text(), dict(answer.headers)
            return answer.status

    async def enter(self, password: str = PASSWORD, name: str = "anna") -> int:
        """Log in."""
        return await self.send("/login", name=name, password=password)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Return the page with one reviewer and two objections."""
    list_entries(tmp_path, [exact_entry(1, b"a")])
    registry = CollectorRegistry()
    reviewers = Reviewers(tmp_path / "reviewers.json")
    reviewers.add("anna", PASSWORD)
    clock = [1000.0]
    with ObjectionStore(tmp_path / FILE) as store:
        for number, evidence in ((1, (SEEN,)), (2, ())):
            new = objection(number, instance=None, evidence=())
            store.receive(new, network="")
            store.place(objection(number, evidence=evidence))
        handler = ReviewHandler(
            store,
            Decider(store, state=tmp_path, now=lambda: NOON_S + DAY_S),
            reviewers=reviewers,
            metrics=ObjectionMetrics(registry),
            registry=registry,
            hosts=("review.example",),
            now=lambda: NOON_S + DAY_S,
            clock=lambda: clock[0],
        )
        yield Office(store, handler, clock)


@asynccontextmanager
async def opened(office: Office) -> AsyncIterator[Office]:
    """Serve the page, and open a browser."""
    address = TCPAddress(host="127.0.0.1", port=0)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        listening(office.handler.handle, address, most=32, key="review") as bound,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        office.site, office.session = f"http://{bound}", session
        yield office


async def test_nothing_is_told_before_the_login(office: Office) -> None:
    """On no page, and no form does anything."""
    async with opened(office):
        for path in ("/", "/decided", f"/objection/{decision_id()}", "/nowhere"):
            await office.ask(path)
            assert 'name="password"' in office.page
            assert decision_id() not in office.page
        sent = await office.send(f"/objection/{decision_id()}", state="denied")
        found = office.store.get(decision_id())

    assert sent == 401
    assert found is not None
    assert found.state is ObjectionState.RECEIVED


async def test_reviewer_sees_the_evidence_and_decides(office: Office) -> None:
    """Entry, category, E, route and time; the decision switches the entry off."""
    async with opened(office):
        entered = await office.enter()
        assert office.session is not None
        (cookie,) = office.session.cookie_jar
        listed = office.page
        await office.ask(f"/objection/{decision_id()}")
        shown = office.page
        sent = await office.send(
            f"/objection/{decision_id()}", state="asked", entry="0", answer="Sorry."
        )
        decided = office.page
        await office.ask("/decided")
        found = office.store.get(decision_id())

    assert (entered, sent) == (200, 200)
    assert cookie.key == COOKIE
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert decision_id() in listed
    for text in ("demo / entry-1", "2.0e-07", "44 bits", "altered", "own cat"):
        assert text in shown
    assert "<img" not in shown
    assert "Decided: asked." in decided
    assert "asked" in office.page
    assert found is not None
    assert (found.state, found.reviewer) == (ObjectionState.ASKED, "anna")
    assert found.answer == "Sorry."


async def test_rejection_without_a_match_offers_no_entry(office: Office) -> None:
    """What cannot follow is not offered, and is refused if it is sent all the same."""
    async with opened(office):
        await office.enter()
        await office.ask(f"/objection/{decision_id(2)}")
        shown = office.page
        await office.send(f"/objection/{decision_id(2)}", state="suppressed")
        found = office.store.get(decision_id(2))

    assert 'value="granted"' in shown
    assert 'value="suppressed"' not in shown
    assert "needs an entry" in office.page
    assert found is not None
    assert found.state is ObjectionState.RECEIVED


async def test_forms_of_other_pages_change_nothing(office: Office) -> None:
    """Another site, a form of another session, an objection that changed meanwhile."""
    path = f"/objection/{decision_id()}"
    async with opened(office):
        await office.enter()
        await office.ask(path)
        page = office.page
        foreign = await office.send(path, origin="http://evil.example", state="denied")
        office.page = page
        forged = await office.send(path, form="x", state="denied")
        office.page = page
        await office.send(path, seen="x", state="denied")
        late = office.page
        named = await office.ask("/", Host="evil.example")
        found = office.store.get(decision_id())

    assert (foreign, forged, named) == (403, 403, 421)
    assert "has changed since" in late
    assert found is not None
    assert found.state is ObjectionState.RECEIVED


async def test_passwords_are_tried_seldom(office: Office) -> None:
    """Wrong ones are alike for a name that exists and one that does not."""
    async with opened(office):
        first = await office.enter("wrong wrong wrong")
        one = office.page
        await office.enter("wrong wrong wrong", name="nobody")
        other = office.page
        tried = await asyncio.gather(
            *(office.enter("wrong wrong wrong") for _ in range(20))
        )
        stopped = await office.enter()
        office.clock[0] += 900
        later = await office.enter()

    assert first == 403
    assert one == other
    assert tried.count(403) == 8
    assert (stopped, later) == (429, 200)


async def test_session_ends(office: Office) -> None:
    """By the button, and when it is not used for half an hour."""
    async with opened(office):
        await office.enter()
        await office.send("/logout")
        out = office.page
        await office.enter()
        office.clock[0] += IDLE_S
        await office.ask("/decided")

    assert 'name="password"' in out
    assert 'name="password"' in office.page


async def test_monitoring_needs_no_login(office: Office) -> None:
    """Figures name nobody; everything is served without being framed."""
    async with opened(office):
        status = await office.ask("/metrics")
        figures = office.page
        await office.ask("/static/review.css")
        style = office.headers

    assert status == 200
    assert "uploadfilter_objection_events_total" in figures
    assert "frame-ancestors 'none'" in style["Content-Security-Policy"]
