"""The page about asking: its lines as they are printed, and the front ends it names."""

import contextlib
import json
import shlex
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.curl import Answer, curl
from tests.ports import free_port
from tests.sites.asking import ASK, SOCKET, Asked, asked, block, module
from tests.sites.programs import debian, installed, run, server, short_folder

pytestmark = pytest.mark.e2e

Front = Callable[[Path, Asked, int], AbstractContextManager[int]]
"""Runs a front end of a filter and an origin, and yields its port."""

NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    {server}
}}
"""

AUTH_REQUEST = """\
server {
    listen 127.0.0.1:9191;
    location / { auth_request /ask; root /nowhere; }
    location = /ask {
        proxy_pass http://unix:/run/uploadfilter/api:/v1/check/;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
    }
}
"""

CADDY = """\
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	forward_auth unix/{api} {{
		uri /v1/check{{uri}}
	}}
	respond 200
}}
"""


ENVOY = """\
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.\
http_connection_manager.v3.HttpConnectionManager
          stat_prefix: site
          use_remote_address: true
          route_config:
            virtual_hosts:
            - name: site
              domains: ["*"]
              routes: [{{ match: {{ prefix: / }}, route: {{ cluster: origin }} }}]
          http_filters:
{filter}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.\
v3.Router
  clusters:
  - name: uploadfilter
    load_assignment:
      cluster_name: uploadfilter
      endpoints:
      - lb_endpoints: [{{ endpoint: {{ address: {{ pipe: {{ path: {api} }} }} }} }}]
  - name: origin
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: {{ address: 127.0.0.1, port_value: {origin} }}
"""

TRAEFIK = """\
{middleware}
  routers:
    site: {{ rule: "PathPrefix(`/`)", service: site, middlewares: [uploadfilter] }}
  services:
    site: {{ loadBalancer: {{ servers: [{{ url: "http://127.0.0.1:{origin}" }}] }} }}
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder for everything."""
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def filter_(folder: Path) -> Iterator[Asked]:
    """Run the filter as the page says, with its socket in the folder."""
    line = block(ASK, "sh", holding="serve --api").replace(SOCKET, str(folder / "api"))
    _program, command, option, api, *options = shlex.split(line)
    assert (command, option) == ("serve", "--api")
    with asked(folder, api, *options) as running:
        yield running


def test_python_example_tells_what_may_be_stored(
    filter_: Asked, tmp_path: Path
) -> None:
    """It has at most twelve lines of code, and fails if there is no filter."""
    example = module(tmp_path, filter_.api)
    code = [line for line in example.read_text().splitlines() if line.strip()]
    (tmp_path / "listed").write_bytes(pictures.listed())
    (tmp_path / "other").write_bytes(pictures.unlisted())
    ask = (
        "import pathlib; from asking import may_store;"
        "print([may_store(pathlib.Path(it).read_bytes(), '192.0.2.7')"
        " for it in ('listed', 'other')])"
    )
    python = installed("python")
    told = run(python, "-c", ask, cwd=tmp_path).stdout
    module(tmp_path, str(tmp_path / "nobody"))
    failed = run(python, "-c", ask, cwd=tmp_path, may_fail=True)

    assert told == b"[False, True]\n"
    assert len(code) <= 12
    assert failed.returncode == 1
    assert b"ConnectError" in failed.stderr


def test_curl_line_shows_the_decision(filter_: Asked, tmp_path: Path) -> None:
    """The answer is JSON that names the decision, which is on record."""
    line = block(ASK, "text", holding="curl --unix-socket")
    words = shlex.split(line.replace(SOCKET, filter_.api))
    (tmp_path / "holiday.jpg").write_bytes(pictures.listed())
    told = json.loads(run(*words, cwd=tmp_path).stdout)

    assert (told["effect"], told["matches"][0]["entry"]) == ("REJECT", "entry-0")
    assert told["decision"] in {it["id"] for it in filter_.decisions()}


def send(port: int, *options: str, data: bytes) -> Answer:
    """Upload a file to a front end."""
    typed = ("-H", "Content-Type: image/jpeg", "--data-binary", "@-")
    return curl(f"http://127.0.0.1:{port}/v1/check/a", *typed, *options, data=data)


def nginx(folder: Path, lines: str, filter_: Asked, port: int) -> list[str]:
    """Configure nginx with lines of a page, and return its command."""
    lines = lines.replace(SOCKET, filter_.api).replace("9191", str(port))
    main = folder / "nginx.conf"
    main.write_text(NGINX.format(folder=folder, server=lines))
    return [debian("nginx", package="nginx"), "-c", str(main), "-e", "stderr"]


def test_front_end_of_this_machine_asks_for_programs_without_a_token(
    filter_: Asked, tmp_path: Path
) -> None:
    """The page's lines for nginx take questions by TCP to the socket."""
    port = free_port()
    lines = block(ASK, "nginx", holding="listen")
    command = nginx(tmp_path, lines, filter_, port)
    with server(command, log=tmp_path / "log", ready=port):
        statuses = [
            send(port, data=data).status
            for data in (pictures.listed(), pictures.unlisted())
        ]

    assert statuses == [403, 200]


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_front_end_that_asks_without_the_body_lets_no_upload_pass(
    filter_: Asked, tmp_path: Path, front: str
) -> None:
    """``auth_request`` and ``forward_auth`` leave bodies out: no upload passes."""
    port = free_port()
    if front == "nginx":
        command = nginx(tmp_path, AUTH_REQUEST, filter_, port)
    else:
        file = tmp_path / "Caddyfile"
        file.write_text(CADDY.format(port=port, api=filter_.api))
        program = debian("caddy", package="caddy")
        command = [program, "run", "--config", str(file), "--adapter", "caddyfile"]
    with server(command, log=tmp_path / "log", ready=port):
        put = send(port, "-X", "PUT", data=pictures.unlisted()).status
        post = send(port, data=pictures.unlisted()).status
        untyped = send(port, "-H", "Content-Type:", data=pictures.unlisted()).status
        got = curl(f"http://127.0.0.1:{port}/v1/check/a").status

    refused = 500 if front == "nginx" else 400
    assert (put, post, untyped) == (refused, refused, refused)
    assert got == refused


class Origin(BaseHTTPRequestHandler):
    """An origin that keeps every body it gets."""

    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        """Take an upload."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def origin() -> Iterator[int]:
    """Run the origin, and return its port."""
    Origin.bodies.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Origin) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served.server_port
        served.shutdown()
        thread.join()


@contextlib.contextmanager
def envoy(folder: Path, filter_: Asked, origin: int) -> Iterator[int]:
    """Run Envoy with the page's lines, and yield its port."""
    port, file = free_port(), folder / "envoy.yaml"
    lines = textwrap.indent(block(ASK, "yaml", holding="ext_authz"), " " * 10)
    file.write_text(
        ENVOY.format(port=port, filter=lines, api=filter_.api, origin=origin)
    )
    command = [installed("envoy"), "-c", str(file), "--use-dynamic-base-id"]
    with server(command, log=folder / "log", ready=port):
        yield port


@contextlib.contextmanager
def traefik(folder: Path, filter_: Asked, origin: int) -> Iterator[int]:
    """Run Traefik with the page's lines, and nginx before the socket with others."""
    port, asked_port, file = free_port(), free_port(), folder / "traefik.yaml"
    lines = block(ASK, "yaml", holding="forwardAuth").replace("9191", str(asked_port))
    file.write_text(TRAEFIK.format(middleware=lines, origin=origin))
    bridge = nginx(folder, block(ASK, "nginx", holding="listen"), filter_, asked_port)
    command = [
        installed("traefik"),
        f"--providers.file.filename={file}",
        f"--entrypoints.web.address=127.0.0.1:{port}",
        "--global.sendAnonymousUsage=false",
        "--global.checkNewVersion=false",
    ]
    with (
        server(bridge, log=folder / "nginx.log", ready=asked_port),
        server(command, log=folder / "log", ready=port),
    ):
        # It listens before it has read its routes.
        running.wait_for(
            lambda: curl(f"http://127.0.0.1:{port}/").status != 404 or None,
            what="Traefik to know its routes",
        )
        yield port


@pytest.mark.parametrize("front", [envoy, traefik])
def test_front_end_that_passes_the_body_on_rejects_a_listed_upload(
    filter_: Asked, tmp_path: Path, origin: int, front: Front
) -> None:
    """The origin gets what was accepted, and nothing else; each is on record."""
    before = len(filter_.decisions())
    with front(tmp_path, filter_, origin) as port:
        rejected = send(port, data=pictures.listed())
        accepted = send(port, data=pictures.unlisted())
        chunked = send(port, "-H", "Transfer-Encoding: chunked", data=pictures.listed())
        untyped = curl(
            f"http://127.0.0.1:{port}/a",
            *("-H", "Content-Type:", "--data-binary", "@-"),
            data=pictures.unlisted(),
        )
    decisions = filter_.decisions()[before:]

    assert (rejected.status, accepted.status) == (403, 201)
    assert (chunked.status, untyped.status) == (403, 400)
    assert b"decision" in rejected.body
    assert Origin.bodies == [pictures.unlisted()]
    assert [it["effect"] for it in decisions] == [
        "REJECT",
        "ACCEPT",
        "REJECT",
        "REJECT",
    ]


PIECES = (
    ("Content-Range: bytes 0-9/99",),
    ("Upload-Offset: 0", "Tus-Resumable: 1.0.0"),
    ("X-Update-Range: append",),
    ("X-HTTP-Method-Override: COPY",),
    ("X-Content-Encoding: br",),
)
"""Headers by which an origin makes something else of a body."""


@pytest.mark.parametrize("front", [envoy, traefik])
def test_front_end_passes_on_by_which_headers_a_body_is_read(
    filter_: Asked, tmp_path: Path, origin: int, front: Front
) -> None:
    """A piece of a file is known as one, however an origin is told."""
    with front(tmp_path, filter_, origin) as port:
        told = {
            lines: send(
                port,
                *(word for line in lines for word in ("-H", line)),
                data=pictures.unlisted(),
            ).status
            for lines in PIECES
        }

    assert {lines: status for lines, status in told.items() if status < 400} == {}
    assert Origin.bodies == []


def test_front_end_lets_nothing_pass_without_the_filter(
    tmp_path: Path, origin: int
) -> None:
    """A filter that is not there rejects every upload."""
    gone = Asked(state=tmp_path, api=str(tmp_path / "nobody"))
    for front in (envoy, traefik):
        with front(tmp_path, gone, origin) as port:
            assert send(port, data=pictures.unlisted()).status >= 400

    assert Origin.bodies == []
