"""Run the process of the forms: what the public hands in, and what reviewers decide.

It is not the proxy: its memory, its connections and its end are its own, and a flood at
the forms costs uploads nothing. It shares the state directory with the proxies.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from uploadfilter import hardening
from uploadfilter.config import Settings
from uploadfilter.errors import ServiceError
from uploadfilter.forms import noticeform, objectionform, rendering
from uploadfilter.forms.asking import POLICY, FormRequest, Front, read_request
from uploadfilter.forms.codes import load_key, objection_directory
from uploadfilter.forms.deciding import Decider
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.reviewing import ReviewHandler
from uploadfilter.forms.sending import Sender
from uploadfilter.forms.settings import is_mail
from uploadfilter.forms.store import FILE, Addressee, FormStore
from uploadfilter.forms.watching import FormWatch
from uploadfilter.service import operational
from uploadfilter.service.chores import beside, now_s
from uploadfilter.web.aiohttp_parts import Handle
from uploadfilter.web.clients.addresses import Address, TCPAddress, UnixAddress
from uploadfilter.web.serving import HEADERS, MOST_CONNECTIONS, serving

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOST_PUBLIC_CONNECTIONS: Final = 256
"""Connections to the public forms: each takes 20 kB, and one that sends a form lasts
for a second. Uploads come in at another process, with connections of their own."""

_STYLE: Final = "/static/forms.css"

PublicForm: TypeAlias = Callable[[FormRequest], Awaitable[web.Response]]
"""Answers requests to one form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningForms:
    """The forms while they run."""

    public: Address | None
    review: Address | None


def run(settings: Settings) -> None:
    """Serve the forms until SIGTERM or SIGINT.

    Raises:
        UploadFilterError: A resource is not available.
    """
    _check(settings)
    operational.configure()
    hardening.leave_no_core()
    hardening.keep_files_private()
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with running_forms(settings) as forms:
        log.info(
            "forms_listening",
            public=str(forms.public) if forms.public else None,
            review=str(forms.review) if forms.review else None,
        )
        await ended.wait()
    log.info("forms_stopped")


@asynccontextmanager
async def running_forms(settings: Settings) -> AsyncIterator[RunningForms]:
    """Run the forms while the block runs.

    Raises:
        UploadFilterError: A resource is not available.
    """
    _check(settings)
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        forms, desk = await _open(stack, settings, registry)
        public = await _listen(
            stack,
            PublicHandler(forms, front=_front(settings)).handle,
            settings.forms.public_address,
            most=MOST_PUBLIC_CONNECTIONS,
            key="listen",
        )
        review = await _listen(
            stack,
            desk.handle,
            settings.forms.review_address,
            most=MOST_CONNECTIONS,
            key="review",
        )
        yield RunningForms(public=public, review=review)


async def _listen(
    stack: AsyncExitStack,
    handle: Handle,
    address: TCPAddress | UnixAddress | None,
    *,
    most: int,
    key: str,
) -> Address | None:
    """Listen on an address, if there is one, until the stack closes."""
    if address is None:
        return None
    opened = serving(
        handle,
        address,
        who="the forms",
        hint=f"Set {key} in [forms] to another port, or to a unix socket.",
        most=most,
    )
    return await stack.enter_async_context(opened)


def _check(settings: Settings) -> None:
    """Refuse settings with which nothing would be served, or nobody could work.

    Raises:
        ServiceError: A setting is missing.
    """
    forms, objections = settings.forms, settings.objections
    if not objections.public_url and not settings.notices.public_url:
        raise ServiceError(
            "no form is served",
            hint="Set public_url in [objections] or [notices].",
        )
    is_tcp = isinstance(forms.review_address, TCPAddress)
    if is_tcp and not settings.trusted_proxies:
        raise ServiceError(
            "nobody could open the page of reviewers: no front end is trusted to name "
            "them",
            hint="Name your front end in trusted_proxies, or set review in [forms] to "
            "unix:/PATH.",
        )
    recipients = (objections.outcomes_to, settings.notices.hotline)
    if any(is_mail(it) for it in recipients) and not forms.mail_from:
        raise ServiceError(
            "mails go out, but they have no sender", hint="Set mail_from in [forms]."
        )


async def _open(
    stack: AsyncExitStack, settings: Settings, registry: CollectorRegistry
) -> tuple[dict[str, PublicForm], ReviewHandler]:
    objections, state = settings.objections, settings.state
    store = stack.enter_context(FormStore(objection_directory(state) / FILE))
    metrics = FormMetrics(registry)
    decider = Decider(
        store, state=state, tells_provider=bool(objections.outcomes_to), now=now_s
    )
    watch = FormWatch(
        store, state=state, keep_s=objections.keep_s, metrics=metrics, now=now_s
    )
    sender = Sender(
        store,
        settings.forms,
        {
            Addressee.PROVIDER: objections.outcomes_to,
            Addressee.HOTLINE: settings.notices.hotline,
        },
        key=objections.outcomes_key,
        metrics=metrics,
        now=now_s,
    )
    await stack.enter_async_context(beside(forms=watch.keep(), sender=sender.keep()))
    clock = asyncio.get_running_loop().time
    forms: dict[str, PublicForm] = {}
    if objections.public_url:
        forms[objectionform.PATH] = objectionform.ObjectionForm(
            store,
            key=load_key(state),
            settings=objections,
            statements=settings.statements,
            metrics=metrics,
            now=now_s,
            clock=clock,
        ).handle
    if settings.notices.public_url:
        forms[noticeform.PATH] = noticeform.NoticeForm(
            store, metrics=metrics, now=now_s, clock=clock
        ).handle
    desk = ReviewHandler(
        store,
        decider,
        registry=registry,
        header=settings.forms.reviewer_header,
        front=_front(settings),
        now=now_s,
    )
    return forms, desk


def _front(settings: Settings) -> Front:
    return Front(
        trusted_proxies=settings.trusted_proxies,
        client_header=settings.client_header,
    )


class PublicHandler:
    """Answers requests to the public forms."""

    def __init__(self, forms: Mapping[str, PublicForm], *, front: Front) -> None:
        self._forms = forms
        self._front = front

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        answer = await self._answer(request)
        policy = {"Content-Security-Policy": POLICY}
        for name, value in {**HEADERS, **policy}.items():
            answer.headers.setdefault(name, value)
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path == _STYLE and request.method in {"GET", "HEAD"}:
            return web.Response(
                body=rendering.load_style("forms.css"), content_type="text/css"
            )
        form = self._forms.get(request.path)
        if form is None:
            return web.Response(status=404, text="There is no page at this path.\n")
        asked = await read_request(request, self._front)
        if isinstance(asked, int):
            refused = web.Response(status=asked, text="This is not a form of ours.\n")
            refused.force_close()
            return refused
        return await form(asked)
