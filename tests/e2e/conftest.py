"""A stage for the end-to-end tests: state, origin and proxy as real processes."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import running
from deploy.demo.running import Proxy
from hashsets.demo.make_demo import entry_of
from tests.e2e.curl import curl

LONGEST = frozenset({"test_tricks.py"})
"""They take half as long as all others: begun last, they would run alone."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; what comes after them is in any order."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A proxy before an origin.

    Attributes:
        folder: For everything.
        state: State directory of the proxy.
        origin: URL of the origin.
        proxy: The proxy.
    """

    folder: Path
    state: Path
    origin: str
    proxy: Proxy

    def url(self, path: str) -> str:
        """Return a URL of the site, through the proxy."""
        return self.proxy.url + path

    def published(self) -> dict[str, Any]:
        """Return what the origin shows: name to its description."""
        return {file["name"]: file for file in curl(f"{self.origin}/files").json()}

    def shows(self, digest: str) -> bool:
        """Return whether the origin shows content with that SHA-256."""
        return any(file["sha256"] == digest for file in self.published().values())

    def log(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the records that ``log show`` prints."""
        return log(self.state, *arguments)


def log(state: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the records that ``log show`` prints."""
    done = running.run_program(
        "log", "show", "--json", *arguments, state=state, may_fail=True
    )
    # The exit code is 1 if there is none.
    assert done.returncode in {0, 1}, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_set(path: Path, *files: bytes) -> Path:
    """Write a hash set that lists files, with every signal."""
    lines = [
        json.dumps(entry_of(file, entry_id=f"entry-{number}", category="demo"))
        for number, file in enumerate(files)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def import_set(
    state: Path,
    path: Path,
    *options: str,
    name: str = "demo",
    enforced: bool = False,
) -> None:
    """Import a hash set with the program, and let its matches reject if asked to."""
    arguments = ("hashset", "import", str(path), "--name", name, "--category", "demo")
    running.run_program(*arguments, *options, state=state)
    if enforced:
        running.run_program("hashset", "enforce", name, state=state)


@contextlib.contextmanager
def stage(folder: Path, *options: str) -> Iterator[Stage]:
    """Run an origin and a proxy on the state in ``folder / "state"``."""
    state = folder / "state"
    with (
        running.origin(folder / "uploads", log=folder / "origin.log") as origin,
        running.proxy(
            origin, state=state, log=folder / "proxy.log", options=options
        ) as proxy,
    ):
        yield Stage(folder=folder, state=state, origin=origin, proxy=proxy)


@pytest.fixture(scope="session")
def new_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what ``init`` makes: copies are quicker than starts of the program."""
    state = tmp_path_factory.mktemp("new") / "state"
    running.run_program("init", state=state)
    return state


@pytest.fixture
def state(tmp_path: Path, new_state: Path) -> Path:
    """Return a state directory with an empty reference set."""
    return shutil.copytree(new_state, tmp_path / "state")
