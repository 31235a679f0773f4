"""Answer the requests of the one browser.

Rules this module keeps: a browser that is not admitted is told nothing except the
reason; every change needs a form of this page, sent from it; after each form the
browser is redirected to a page, so that loading it again changes nothing; ``steps``
decides which acts a state of the folder allows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from uploadfilter.errors import UploadFilterError, UsageError
from uploadfilter.issuing.acts import FolderState, Notice
from uploadfilter.issuing.page import folders, forms, rendering
from uploadfilter.issuing.page.door import COOKIE, BrowserSession, NotLetIn
from uploadfilter.issuing.page.orders import (
    BACK,
    KEYS,
    STATUS,
    STICK,
    WAY,
    WITHDRAW,
    Orders,
)
from uploadfilter.issuing.page.work import Bench, Job, note_of
from uploadfilter.issuing.steps import Act
from uploadfilter.web.serving import HEADERS, answer_static

_WITHIN_S: Final = 10.0
"""Time for a form to arrive: from this machine it arrives at once."""

_KEPT_S: Final = 300
"""How long a browser keeps the style sheets, which the last page needs too."""

_LAST_S: Final = 1.0
"""Time that a browser needs to show the last page."""

_HEADERS: Final = {
    **HEADERS,
    # With "no-referrer" browsers would send "null" as the Origin of the page's own
    # forms.
    "Referrer-Policy": "same-origin",
}

_CHOOSE, _WORK = "/choose", "/work"

_REFUSALS: Final = {
    NotLetIn.HOST: "This page has another name. Use the link exactly as it was "
    "printed.",
    NotLetIn.ORIGIN: "This request did not come from the page itself.",
    NotLetIn.SPENT: "This link was used already. If that was not you, close the page "
    "in the terminal. Start it again for a new link.",
    NotLetIn.STRANGER: "This browser did not open the link. Start the page again, and "
    "open the link that it prints.",
    NotLetIn.FORM: "This form is of an earlier page. Go back to the page, and load it "
    "again.",
}


class PageHandler:
    """Answers on the page."""

    def __init__(
        self,
        door: BrowserSession,
        orders: Orders,
        bench: Bench,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._door = door
        self._bench = bench
        self._clock = clock
        self._asked_at = clock()
        self._notes: list[Notice] = []
        self._orders = orders
        self._chooser = folders.Chooser()
        self._last_back = WAY
        self.closed = asyncio.Event()
        self._of_folder: dict[
            str, tuple[str, Callable[[FolderState], rendering.Values]]
        ] = {
            WAY: ("way", lambda it: rendering.way(it, orders.source, orders.category)),
            WITHDRAW: (
                "withdraw",
                lambda it: rendering.withdrawing(it, orders.withdrawable),
            ),
            STICK: ("stick", lambda it: rendering.copying(it, orders.stick)),
            KEYS: ("keys", lambda it: rendering.keeping(it, orders.keys)),
            STATUS: (
                "status",
                lambda it: rendering.state(
                    it, orders.acts.folder.settings.lifetimes, orders.acts.epoch_s
                ),
            ),
        }

        self._others: dict[str, Callable[[], Awaitable[web.Response]]] = {
            _WORK: self._at_work,
            _CHOOSE: self._choosing,
            "/progress.json": self._progress,
        }

    def left_alone_s(self) -> float:
        """Return the seconds since the last request or the end of the last work."""
        if self._bench.job is not None:
            self._asked_at = self._clock()
        return self._clock() - self._asked_at

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        answer = await self._answered(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        changes = request.method == "POST"
        if not changes and request.method != "GET":
            return _told(405, "This page answers only GET and POST.")
        refused = self._door.stranger(
            host=request.headers.get("Host", ""),
            origin=request.headers.get("Origin"),
            site=request.headers.get("Sec-Fetch-Site"),
            changes=changes,
        )
        if refused is not None:
            return _refused(refused)
        path = request.raw_path.partition("?")[0]
        if path.startswith("/static/"):
            name = path.removeprefix("/static/")
            return answer_static(rendering.STATIC, name, kept_s=_KEPT_S) or _nothing()
        if path.startswith("/enter/") and not changes:
            return self._entered(path.removeprefix("/enter/"))
        return await self._let_in(request, path)

    async def _let_in(self, request: web.BaseRequest, path: str) -> web.Response:
        refused = self._door.knows(request.cookies.get(COOKIE, ""))
        if refused is not None:
            return _refused(refused)
        self._asked_at = self._clock()
        if request.method == "POST":
            return await self._taken(request, path)
        if path in self._of_folder:
            return await self._page(path)
        answer = self._others.get(path)
        return await answer() if answer else _nothing()

    def _entered(self, link: str) -> web.Response:
        found = self._door.enter(link)
        if isinstance(found, NotLetIn):
            return _refused(found)
        # No redirect: a browser that came here from another site would follow it
        # without the cookie, which is for this site only.
        answer = _html(rendering.page("entered", None))
        answer.set_cookie(COOKIE, found, httponly=True, samesite="Strict", path="/")
        return answer

    # Pages

    async def _page(self, path: str) -> web.Response:
        seen = await self._look(path)
        if seen is not None:
            name, values = self._of_folder[path]
            return _html(rendering.page(name, self._frame(), **values(seen)))
        if self._bench.job is not None:
            return _see(_WORK)
        return _html(rendering.page("problem", self._frame(), back=path), 503)

    async def _choosing(self) -> web.Response:
        at = self._chooser.at
        try:
            found = await asyncio.to_thread(folders.listed, at)
        except UsageError as exc:
            self._notes.append(note_of(exc))
            found = folders.ListedFolder(path=at, inner=())
        values = {"found": found, "back": self._chooser.back}
        return _html(rendering.page("choose", self._frame(), **values))

    async def _at_work(self) -> web.Response:
        job = self._bench.job
        if job is None:
            return _see(self._last_back)
        # This page reloads by itself, so that nobody could read a note on it.
        return _html(rendering.page("work", self._frame(tells=False), job=job))

    async def _progress(self) -> web.Response:
        job = self._bench.job
        told = {
            "is_over": job is None,
            "done": 0 if job is None else job.done,
            "total": None if job is None else job.total,
        }
        return web.Response(
            body=msgspec.json.encode(told), content_type="application/json"
        )

    def _frame(self, *, tells: bool = True) -> rendering.PageLayout:
        notes = tuple(self._notes) if tells else ()
        if tells:
            self._notes.clear()
        settings = self._orders.acts.folder.settings
        return rendering.PageLayout(
            set=settings.set,
            issuer=settings.issuer,
            form=self._door.form,
            notes=notes,
            takes_tokens=self._orders.library is not None,
        )

    async def _look(self, back: str) -> FolderState | None:
        """Return the state of the folder; ``None`` if it is not read, or not yet."""
        found: list[FolderState] = []
        if self._bench.job is None:
            job = Job("Reading the folder", can_be_stopped=False, back=back)
            reads = back == WAY
            await self._begin(
                job, lambda _: found.append(self._orders.acts.look(reads=reads))
            )
        return found[0] if found else None

    async def _begin(self, job: Job, run: Callable[[Job], Notice | None]) -> None:
        self._last_back = job.back
        await self._bench.begin(job, run, tell=self._notes.append)

    # Forms

    async def _taken(self, request: web.BaseRequest, path: str) -> web.Response:
        try:
            found = await _form(request)
        except UploadFilterError as exc:
            self._notes.append(note_of(exc))
            return _see(WAY)
        number = found.get("form", b"").decode("ascii", "replace")
        refused = self._door.knows_form(number)
        if refused is not None:
            return _refused(refused)
        try:
            return await self._done(path, found)
        except UploadFilterError as exc:
            self._notes.append(note_of(exc))
            return _see(_back_of(path))

    async def _done(self, path: str, found: forms.Fields) -> web.Response:
        match path.strip("/").split("/"):
            case ["close"]:
                # The last page still fetches its style sheet.
                loop = asyncio.get_running_loop()
                loop.call_later(_LAST_S, self.closed.set)
                return _html(rendering.page("closed", None))
            case ["stop"]:
                if self._bench.job is not None and self._bench.job.can_be_stopped:
                    self._bench.job.stop()
                return _see(_WORK)
            case ["choose", what]:
                return await asyncio.to_thread(self._choose, what, found)
            case ["withdraw"]:
                return await self._look_up(found)
            case ["act", name] if name in set(Act) - {Act.STOP}:
                return await self._act(Act(name), found)
            case _:
                return _nothing()

    async def _act(self, act: Act, found: forms.Fields) -> web.Response:
        job = self._orders.job(act)
        return await self._worked(job, partial(self._orders.do, act, found))

    def _choose(self, what: str, found: forms.Fields) -> web.Response:
        orders, chooser = self._orders, self._chooser
        match what:
            case "pictures":
                chooser.begin(orders.source, back=WAY)
            case "stick":
                chooser.begin(orders.stick, back=STICK)
            case "keys":
                chooser.begin(orders.keys, back=KEYS)
            case "take":
                folders.check(chooser.at)
                orders.take(chooser.at, chooser.back)
                return _see(chooser.back)
            case _:
                chooser.go(what, found)
        return _see(_CHOOSE)

    async def _look_up(self, found: forms.Fields) -> web.Response:
        job = Job("Looking the entries up", can_be_stopped=False, back=WITHDRAW)
        return await self._worked(job, lambda _: self._orders.look_up(found))

    async def _worked(
        self, job: Job, run: Callable[[Job], Notice | None]
    ) -> web.Response:
        await self._begin(job, run)
        return _see(job.back if self._bench.job is None else _WORK)


async def _form(request: web.BaseRequest) -> forms.Fields:
    length = request.content_length
    if length is None or length > forms.MOST_BYTES:
        raise UsageError(
            f"a form has at most {forms.MOST_BYTES >> 10} KiB",
            hint="Is it the right file? A key has less than 1 KiB.",
        )
    try:
        async with asyncio.timeout(_WITHIN_S):
            body = await request.content.readexactly(length)
    except (TimeoutError, asyncio.IncompleteReadError, web.HTTPException) as exc:
        raise UsageError("the form did not arrive", hint="Send it again.") from exc
    return forms.fields(request.headers.get("Content-Type", ""), body)


def _back_of(path: str) -> str:
    if path.startswith(f"{_CHOOSE}/"):
        return _CHOOSE
    if path == WITHDRAW:
        return WITHDRAW
    return BACK.get(path, WAY)


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(
        status=status, text=text, content_type="text/html", charset="utf-8"
    )


def _told(status: int, text: str) -> web.Response:
    return _html(rendering.page("refused", None, text=text), status)


def _nothing() -> web.Response:
    return _told(404, "There is no page at this path.")


def _refused(refused: NotLetIn) -> web.Response:
    status = 421 if refused is NotLetIn.HOST else 403
    return _told(status, _REFUSALS[refused])


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
