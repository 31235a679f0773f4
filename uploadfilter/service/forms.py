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
from uploadfilter.noticing import noticeform, queueing
from uploadfilter.noticing.figures import NoticeMetrics
from uploadfilter.noticing.forwarding import Forwarder
from uploadfilter.noticing.queueing import NoticeQueue
from uploadfilter.objecting import asking, hearing, rendering
from uploadfilter.objecting.asking import FormRequest, Front
from uploadfilter.objecting.deciding import Decider
from uploadfilter.objecting.figures import ObjectionMetrics
from uploadfilter.objecting.keeping import FILE, ObjectionStore
from uploadfilter.objecting.keyfile import objection_directory, opened_key
from uploadfilter.objecting.listening import MOST_PUBLIC_CONNECTIONS, listening
from uploadfilter.objecting.reviewers import FILE as ACCOUNTS
from uploadfilter.objecting.reviewers import Reviewers
from uploadfilter.objecting.reviewing import ReviewHandler
from uploadfilter.objecting.watching import ObjectionWatch
from uploadfilter.proxy.admin.serving import HEADERS, MOST_CONNECTIONS
from uploadfilter.proxy.aiohttp_parts import Handle
from uploadfilter.proxy.clients.addresses import Address, TCPAddress, UnixAddress
from uploadfilter.service import operational
from uploadfilter.service.chores import beside, now_s

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_STYLE: Final = f"/static/{rendering.STYLE}"

PublicForm: TypeAlias = Callable[[FormRequest], Awaitable[web.Response]]
"""Answers requests to one form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningForms:
    """The forms while they run.

    Attributes:
        public: The address of the public forms; ``None`` without them.
        review: The address of the page of reviewers; ``None`` without it.
    """

    public: Address | None
    review: Address | None


def run(settings: Settings) -> None:
    """Serve the forms until SIGTERM or SIGINT.

    Args:
        settings: All settings of the file.

    Raises:
        UploadFilterError: A resource is not available.
    """
    _check_enabled(settings)
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

    Args:
        settings: All settings of the file.

    Raises:
        UploadFilterError: A resource is not available.
    """
    _check_enabled(settings)
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        forms: dict[str, PublicForm] = {}
        review = None
        if settings.objections.enabled:
            form, desk = await _objections(stack, settings, registry)
            forms[hearing.PATH] = form
            review = await _reached(
                stack,
                desk.handle,
                settings.forms.review_address,
                most=MOST_CONNECTIONS,
                key="review",
            )
        if settings.notices.enabled:
            notice = await _notices(stack, settings, registry)
            forms |= {noticeform.PATH: notice, noticeform.EMBEDDED: notice}
        public = await _reached(
            stack,
            PublicHandler(forms, front=_front(settings)).handle,
            settings.forms.public_address,
            most=MOST_PUBLIC_CONNECTIONS,
            key="listen",
        )
        yield RunningForms(public=public, review=review)


async def _reached(
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
    opened = listening(handle, address, most=most, key=key)
    return await stack.enter_async_context(opened)


def _check_enabled(settings: Settings) -> None:
    """Refuse settings with which nothing would be served.

    Raises:
        ServiceError: No form is enabled.
    """
    if not settings.objections.enabled and not settings.notices.enabled:
        raise ServiceError(
            "no form is enabled",
            hint="Set enabled in [objections] or [notices] to true.",
        )


async def _objections(
    stack: AsyncExitStack, settings: Settings, registry: CollectorRegistry
) -> tuple[PublicForm, ReviewHandler]:
    """Open the store of objections, and look after it until the stack closes."""
    folder = objection_directory(settings.state)
    store = stack.enter_context(
        ObjectionStore(folder / FILE, most_open=settings.objections.most_open)
    )
    metrics = ObjectionMetrics(registry)
    decider = Decider(store, state=settings.state, now=now_s)
    watch = ObjectionWatch(
        store,
        decider,
        state=settings.state,
        settings=settings.objections,
        metrics=metrics,
        now=now_s,
    )
    await stack.enter_async_context(beside(objections=watch.keep()))
    clock = asyncio.get_running_loop().time
    form = hearing.ObjectionForm(
        store,
        key=opened_key(settings.state),
        settings=settings.objections,
        metrics=metrics,
        now=now_s,
        clock=clock,
    )
    desk = ReviewHandler(
        store,
        decider,
        reviewers=Reviewers(folder / ACCOUNTS),
        metrics=metrics,
        registry=registry,
        hosts=settings.forms.review_hosts,
        now=now_s,
        clock=clock,
    )
    return form.handle, desk


async def _notices(
    stack: AsyncExitStack, settings: Settings, registry: CollectorRegistry
) -> PublicForm:
    """Open the queue of notices, and forward them until the stack closes."""
    queue = stack.enter_context(
        NoticeQueue(
            settings.state / queueing.DIRECTORY / queueing.FILE,
            most_waiting=settings.notices.most_waiting,
        )
    )
    metrics = NoticeMetrics(registry)
    forwarder = Forwarder(queue, settings.notices, metrics=metrics, now=now_s)
    await stack.enter_async_context(beside(notices=forwarder.keep()))
    form = noticeform.NoticeForm(
        queue,
        settings.notices,
        metrics=metrics,
        now=now_s,
        clock=asyncio.get_running_loop().time,
    )
    return form.handle


def _front(settings: Settings) -> Front:
    return Front(
        trusted_proxies=settings.trusted_proxies,
        client_header=settings.client_header,
        client_groups=settings.client_groups,
    )


class PublicHandler:
    """Answers requests to the public forms.

    Args:
        forms: The forms, by path.
        front: Who is believed about clients.
    """

    def __init__(self, forms: Mapping[str, PublicForm], *, front: Front) -> None:
        self._forms = forms
        self._front = front

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        answer = await self._answered(request)
        policy = {"Content-Security-Policy": asking.policy()}
        for name, value in {**HEADERS, **policy}.items():
            answer.headers.setdefault(name, value)
        return answer

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        if request.path == _STYLE and request.method in {"GET", "HEAD"}:
            return web.Response(body=rendering.style(), content_type="text/css")
        form = self._forms.get(request.path)
        if form is None:
            return web.Response(status=404, text="There is no page at this path.\n")
        told = await asking.asked(request, self._front)
        if isinstance(told, int):
            refused = web.Response(status=told, text="This is not a form of ours.\n")
            refused.force_close()
            return refused
        return await form(told)
