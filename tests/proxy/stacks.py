"""Sites on servers that others wrote, which the filter must be able to stand before.

Each has the same paths, answered in the way of its stack::

    /echo       what has arrived: method, target, headers and body
    /file       a file, with ranges and conditions
    /packed     a text that is compressed for clients that accept it
    /stream     an answer whose length nobody knows beforehand
    /redirect   to another place
    /cookies    several of them
    /empty      no content
    /broken     an error of the site
"""

import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import django.conf
import django.core.handlers.wsgi
import django.http
import django.urls
import werkzeug
from aiohttp import web
from django.core.servers import basehttp
from django.middleware.gzip import GZipMiddleware
from django.test.utils import override_settings
from typing_extensions import override
from werkzeug import serving
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.utils import send_file

FILE = bytes(range(256)) * 40
TEXT = b"hello " * 200
PIECES = [b"one,", b"two,", b"three"]

TOLD = {
    "connection": "belongs to the connection",
    "te": "belongs to the connection",
    "transfer-encoding": "the filter has the whole body, and sends it with its length",
    "content-length": "as above; the body itself is compared",
    "via": "the filter says that it is there (RFC 9110, section 7.6.3)",
    "x-forwarded-for": "the filter says who the client is",
    "x-forwarded-proto": "the filter says how the client came",
    "x-forwarded-host": "the filter says what the client asked for",
    "x-forwarded-port": "the filter says what the client asked for",
    "uploadfilter-decision": "the filter names its record",
}
"""Headers in which requests straight and through the filter may differ, and why."""

if not django.conf.settings.configured:
    django.conf.settings.configure(
        DEFAULT_CHARSET="utf-8", FILE_UPLOAD_MAX_MEMORY_SIZE=2**24
    )


def echoed(
    method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes
) -> bytes:
    """Write down the received request, without the parts that may differ."""
    kept = sorted(
        (name.lower(), value) for name, value in headers if name.lower() not in TOLD
    )
    digest = hashlib.sha256(body).hexdigest()
    return json.dumps([method, target, kept, len(body), digest]).encode()


# aiohttp


async def _aiohttp_echo(request: web.Request) -> web.Response:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in request.raw_headers
    ]
    body = await request.read()
    return web.Response(body=echoed(request.method, request.raw_path, headers, body))


async def _aiohttp_packed(_request: web.Request) -> web.Response:
    answer = web.Response(body=TEXT, content_type="text/plain")
    answer.enable_compression()
    return answer


async def _aiohttp_stream(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await answer.prepare(request)
    for piece in PIECES:
        await answer.write(piece)
    return answer


async def _aiohttp_redirect(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere?x=1#y")


async def _aiohttp_cookies(_request: web.Request) -> web.Response:
    answer = web.Response(text="set")
    answer.set_cookie("a", "1", path="/a", httponly=True)
    answer.set_cookie("b", "2", samesite="Lax")
    return answer


async def _aiohttp_empty(_request: web.Request) -> web.Response:
    return web.Response(status=204)


async def _aiohttp_broken(_request: web.Request) -> web.Response:
    return web.Response(status=500, text="broken", reason="Out Of Order")


@asynccontextmanager
async def aiohttp_site(folder: Path) -> AsyncIterator[int]:
    """Run the site on aiohttp's server; yield its port."""
    file = written(folder)

    async def send(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    app = web.Application()
    for path, handler in (
        ("/file", send),
        ("/packed", _aiohttp_packed),
        ("/stream", _aiohttp_stream),
        ("/redirect", _aiohttp_redirect),
        ("/cookies", _aiohttp_cookies),
        ("/empty", _aiohttp_empty),
        ("/broken", _aiohttp_broken),
        ("/echo{rest:.*}", _aiohttp_echo),
    ):
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


# werkzeug


class _QuietHandler(serving.WSGIRequestHandler):
    """A handler that keeps connections and writes no log."""

    protocol_version = "HTTP/1.1"

    @override
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def _werkzeug_echo(request: werkzeug.Request) -> werkzeug.Response:
    target, body = request.environ["RAW_URI"], request.get_data()
    told = echoed(request.method, target, request.headers.items(), body)
    return werkzeug.Response(told)


def _werkzeug_cookies(_request: werkzeug.Request) -> werkzeug.Response:
    answer = werkzeug.Response("set")
    answer.set_cookie("a", "1", path="/a", httponly=True)
    answer.set_cookie("b", "2", samesite="Lax")
    return answer


def _werkzeug_plain(_request: werkzeug.Request) -> werkzeug.Response:
    return werkzeug.Response(TEXT, mimetype="text/plain")


def _werkzeug_stream(_request: werkzeug.Request) -> werkzeug.Response:
    return werkzeug.Response(iter(PIECES), mimetype="text/plain")


def _werkzeug_redirect(_request: werkzeug.Request) -> werkzeug.Response:
    return werkzeug.utils.redirect("/elsewhere?x=1#y")


def _werkzeug_empty(_request: werkzeug.Request) -> werkzeug.Response:
    return werkzeug.Response(status=204)


def _werkzeug_broken(_request: werkzeug.Request) -> werkzeug.Response:
    raise InternalServerError


@contextmanager
def werkzeug_site(folder: Path) -> Iterator[int]:
    """Run the site on werkzeug's server; yield its port."""
    file = written(folder)

    def send(request: werkzeug.Request) -> werkzeug.Response:
        return send_file(file, request.environ, conditional=True)

    paths = {
        "/file": send,
        "/packed": _werkzeug_plain,
        "/stream": _werkzeug_stream,
        "/redirect": _werkzeug_redirect,
        "/cookies": _werkzeug_cookies,
        "/empty": _werkzeug_empty,
        "/broken": _werkzeug_broken,
    }

    @werkzeug.Request.application
    def app(request: werkzeug.Request) -> werkzeug.Response:
        try:
            if request.path.startswith("/echo"):
                return _werkzeug_echo(request)
            if request.path in paths:
                return paths[request.path](request)
            raise NotFound
        except HTTPException as exc:
            return werkzeug.Response.force_type(exc.get_response(), request.environ)

    server = serving.make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler
    )
    with _served(server.serve_forever, server.shutdown, server.server_close):
        yield server.port


# Django


def _django_echo(request: django.http.HttpRequest) -> django.http.HttpResponse:
    headers = request.headers.items()
    target = request.get_full_path()
    return django.http.HttpResponse(
        echoed(request.method or "", target, headers, request.body)
    )


def _django_file(_request: django.http.HttpRequest) -> django.http.HttpResponse:
    return django.http.HttpResponse(FILE, content_type="application/octet-stream")


def _django_packed(_request: django.http.HttpRequest) -> django.http.HttpResponse:
    return django.http.HttpResponse(TEXT, content_type="text/plain")


def _django_stream(
    _request: django.http.HttpRequest,
) -> django.http.StreamingHttpResponse:
    return django.http.StreamingHttpResponse(iter(PIECES), content_type="text/plain")


def _django_redirect(_request: django.http.HttpRequest) -> django.http.HttpResponse:
    return django.http.HttpResponseRedirect("/elsewhere?x=1#y")


def _django_cookies(_request: django.http.HttpRequest) -> django.http.HttpResponse:
    answer = django.http.HttpResponse("set")
    answer.set_cookie("a", "1", path="/a", httponly=True)
    answer.set_cookie("b", "2", samesite="Lax")
    return answer


def _django_empty(_request: django.http.HttpRequest) -> django.http.HttpResponse:
    return django.http.HttpResponse(status=204)


def _django_broken(_request: django.http.HttpRequest) -> django.http.HttpResponse:
    return django.http.HttpResponse("broken", status=500, reason="Out Of Order")


urlpatterns = [
    django.urls.path("file", _django_file),
    django.urls.path("packed", _django_packed),
    django.urls.path("stream", _django_stream),
    django.urls.path("redirect", _django_redirect),
    django.urls.path("cookies", _django_cookies),
    django.urls.path("empty", _django_empty),
    django.urls.path("broken", _django_broken),
    django.urls.re_path("^echo", _django_echo),
]


class Gzip(GZipMiddleware):  # type: ignore[misc]  # Django has no types
    """Compression that gives the same bytes each time."""

    max_random_bytes = 0


class _QuietDjangoHandler(basehttp.WSGIRequestHandler):  # type: ignore[misc]
    """A handler that writes no log."""

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def django_site(_folder: Path) -> Iterator[int]:
    """Run the site on Django and its server, which is wsgiref; yield its port."""
    with override_settings(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=[
            f"{__name__}.Gzip",
            "django.middleware.http.ConditionalGetMiddleware",
        ],
    ):
        server = basehttp.ThreadedWSGIServer(("127.0.0.1", 0), _QuietDjangoHandler)
        server.set_app(django.core.handlers.wsgi.WSGIHandler())
        with _served(server.serve_forever, server.shutdown, server.server_close):
            yield server.server_port


@contextmanager
def _served(
    serve: Callable[[], None], stop: Callable[[], None], close: Callable[[], None]
) -> Iterator[None]:
    """Run a server in a thread for the length of the block."""
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join()
        close()


def written(folder: Path) -> Path:
    """Write the file that sites send."""
    path = folder / "file.bin"
    path.write_bytes(FILE)
    return path
