"""Git over HTTP: its client packs long requests by gzip, its server unpacks them."""

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, write_set

pytestmark = pytest.mark.e2e

BRANCHES = 60
"""Names of commits in a fetch: 50 bytes each, so that the client packs the request."""


class GitOrigin(BaseHTTPRequestHandler):
    """Serves the repositories of a folder by ``git http-backend``."""

    folder: ClassVar[Path]
    codings: ClassVar[list[str]] = []

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        coding = self.headers.get("Content-Encoding", "")
        self.codings.append(coding)
        done = subprocess.run(
            ["git", "http-backend"],  # noqa: S607 - the one that is installed
            input=self.rfile.read(size),
            capture_output=True,
            check=True,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_USER": "someone",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": coding,
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(b": ") for line in head.split(b"\r\n")]
        found = {name.decode(): value.decode() for name, _, value in lines}
        self.send_response(int(found.pop("Status", "200").split()[0]))
        for name, value in found.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - names of the library

    @override
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def git(*arguments: str | Path, within: Path) -> str:
    """Run Git without anybody's configuration."""
    known = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    named = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(  # noqa: S603 - the client that is meant
        ["git", *named, *map(str, arguments)],  # noqa: S607
        cwd=within,
        env={**os.environ, **known, "GIT_TERMINAL_PROMPT": "0", "no_proxy": "*"},
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Run an origin with an empty repository behind the proxy."""
    GitOrigin.folder = tmp_path / "repositories"
    GitOrigin.folder.mkdir()
    GitOrigin.codings.clear()
    git("init", "--bare", "-b", "main", "lake.git", within=GitOrigin.folder)
    running.run_program("init", state=tmp_path / "state")
    hash_set = write_set(tmp_path / "demo.jsonl", pictures.listed())
    import_set(tmp_path / "state", hash_set, enforced=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), GitOrigin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    try:
        with running.proxy(
            origin,
            state=tmp_path / "state",
            log=tmp_path / "proxy.log",
            options=("--mode", "enforce"),
        ) as proxy:
            yield proxy.url
    finally:
        server.shutdown()
        server.server_close()


def test_fetch_of_many_branches_is_packed_and_passes(site: str, tmp_path: Path) -> None:
    """A push, a clone and a fetch work; the client packed at least one request."""
    work = tmp_path / "work"
    git("init", "-b", "main", work, within=tmp_path)
    for number in range(BRANCHES):
        (work / "a").write_text(str(number))
        git("add", "a", within=work)
        git("commit", "-m", str(number), within=work)
        git("branch", f"b{number}", within=work)
    git("push", "--all", f"{site}/lake.git", within=work)
    git("clone", f"{site}/lake.git", "copy", within=tmp_path)
    branches = git("branch", "-r", within=tmp_path / "copy").split()

    assert {f"origin/b{number}" for number in range(BRANCHES)} <= set(branches)
    assert "gzip" in GitOrigin.codings
    decisions = log(tmp_path / "state", "--records", "decision")
    assert {record["action"] for record in decisions} == {"ACCEPT"}
