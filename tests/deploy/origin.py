"""The demo's upload site with what else real sites have: events and a WebSocket.

    python -m tests.deploy.origin --folder uploads

``GET /events`` sends one event, and the next ones when ``GET /release`` was called: so
a test can tell whether the first one arrived by itself. ``GET /socket`` echoes.
``GET /client`` says what the site is told of its client. ``/probe/N`` takes whatever it
is sent, and ``GET /probes`` says what that was.
"""

import argparse
import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.demo.origin import FOLDER, make_app

PROBES = web.AppKey("probes", list[dict[str, Any]])
RELEASED = web.AppKey("released", asyncio.Event)


async def events(request: web.Request) -> web.StreamResponse:
    """Send one event at once, and another when it is asked for."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: first\n\n")
    await request.app[RELEASED].wait()
    await response.write(b"data: second\n\n")
    return response


async def release(request: web.Request) -> web.Response:
    """Let the second event go."""
    request.app[RELEASED].set()
    return web.Response(text="released")


async def socket(request: web.Request) -> web.StreamResponse:
    """Echo messages, if it is a WebSocket; but keep any body, as some sites would."""
    if body := await request.read():
        (request.app[FOLDER] / "socket.bin").write_bytes(body)
        return web.Response(status=201)
    response = web.WebSocketResponse()
    await response.prepare(request)
    async for message in response:
        await response.send_str(f"echo {message.data}")
    return response


async def client(request: web.Request) -> web.Response:
    """Return the statements of the headers about the client."""
    names = ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
    return web.json_response({name: request.headers.get(name) for name in names})


async def probe(request: web.Request) -> web.Response:
    """Note everything that arrived."""
    body = b""
    with contextlib.suppress(OSError, web.RequestPayloadError):
        async for data in request.content.iter_any():
            body += data
    request.app[PROBES].append(
        {
            "target": request.path_qs,
            "method": request.method,
            "body": body.decode("latin-1"),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
    )
    return web.Response(text="noted")


async def probes(request: web.Request) -> web.Response:
    """Return everything that has arrived."""
    return web.json_response(request.app[PROBES])


async def serve(folder: Path) -> None:
    """Serve until the process is ended; say on stdout, as JSON, where."""
    app = make_app(folder)
    app[RELEASED] = asyncio.Event()
    app.router.add_get("/events", events)
    app.router.add_get("/release", release)
    app.router.add_route("*", "/socket", socket)
    app.router.add_get("/client", client)
    app[PROBES] = []
    app.router.add_route("*", "/probe/{number}", probe)
    app.router.add_get("/probes", probes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)  # noqa: T201
    await asyncio.Event().wait()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    asyncio.run(serve(parser.parse_args().folder))


if __name__ == "__main__":
    main()
