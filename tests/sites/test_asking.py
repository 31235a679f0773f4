"""The page about asking: its lines as they are printed, and the front ends it names."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.e2e.curl import Answer, curl
from tests.ports import free_port
from tests.sites.asking import ASK, SOCKET, Asked, asked, block, module
from tests.sites.programs import debian, installed, run, server, short_folder

pytestmark = pytest.mark.e2e

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
