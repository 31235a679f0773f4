"""The site that the front ends stand before: an origin, and the filter before it."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.demo import running
from deploy.demo.running import Proxy
from tests.deploy import frontends
from tests.e2e import pictures
from tests.e2e.conftest import import_set, write_set
from tests.ports import free_port

CONFIGURATION = """
origin = "{origin}"
listen = [
    "127.0.0.1:0",
    "unix:{folder}/http mode=0666",
    "127.0.0.1:{told} proxy_protocol",
]
mode = "enforce"
trusted_proxies = ["127.0.0.1"]

[admin]
listen = "127.0.0.1:{admin}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An origin, and the filter before it.

    Attributes:
        folder: For everything.
        state: State directory of the filter.
        origin: URL of the origin.
        proxy: The filter.
        admin: Port of its admin listener.
        told: Port on which it is told of clients by the PROXY protocol.
    """

    folder: Path
    state: Path
    origin: str
    proxy: Proxy
    admin: int
    told: int

    @property
    def behind(self) -> frontends.Behind:
        """The site as a front end has to know it."""
        return self.behind_at(self.proxy.url.removeprefix("http://"))

    def behind_at(self, place: str) -> frontends.Behind:
        """Return the site as a front end has to know it, if the filter is there."""
        return frontends.Behind(
            filter=place,
            admin=self.admin,
            origin=self.origin.removeprefix("http://"),
        )


@contextlib.contextmanager
def origin(folder: Path) -> Iterator[str]:
    """Run the origin of the tests for the length of the block; yield its URL."""
    log = folder / "origin.log"
    module = ("-m", "tests.deploy.origin", "--folder", str(folder / "uploads"))
    with running.process([sys.executable, *module], log=log) as process:
        yield str(running.said(process, log, lambda line: line.get("url")))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site that runs as long as the tests."""
    folder = tmp_path_factory.mktemp("site")
    state = folder / "state"
    running.run_program("init", state=state)
    hash_set = write_set(folder / "demo.jsonl", pictures.listed())
    import_set(state, hash_set, enforced=True)
    admin, told = free_port(), free_port()
    log = folder / "proxy.log"
    with origin(folder) as url:
        configuration = folder / "uploadfilter.toml"
        configuration.write_text(
            CONFIGURATION.format(origin=url, folder=folder, admin=admin, told=told)
        )
        command = (running.program(), "serve", "--config", str(configuration))
        environment = running.environment(state)
        with running.process(command, log=log, env=environment) as process:
            port = running.said(process, log, running.listening_port)
            proxy = Proxy(url=f"http://127.0.0.1:{port}", process=process, log=log)
            yield Site(
                folder=folder,
                state=state,
                origin=url,
                proxy=proxy,
                admin=admin,
                told=told,
            )
