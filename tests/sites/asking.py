"""A filter that is only asked, as the installed program, with one picture listed."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, write_set
from tests.repository import OPERATING

ASK = OPERATING / "ask.md"

SOCKET = "/run/uploadfilter/api"
"""The socket of the pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A running filter.

    Attributes:
        state: Its state directory.
        api: The address of its scan API, without ``unix:``.
    """

    state: Path
    api: str

    def decisions(self) -> list[dict[str, Any]]:
        """Return the decisions on record, in order."""
        return log(self.state, "--records", "decision")

    def token(self, name: str, *options: str) -> str:
        """Make a token."""
        command = ("api", "token", name, *options)
        return running.run_program(*command, state=self.state).stdout.decode().strip()


@contextlib.contextmanager
def asked(folder: Path, api: str, *options: str) -> Iterator[Asked]:
    """Run a filter in ``ENFORCE`` for the length of the block.

    Args:
        folder: For its state and log.
        api: Where it is asked, as ``--api`` takes it.
        options: More options of ``serve``.
    """
    state = folder / "state"
    running.run_program("init", state=state)
    entries = write_set(folder / "set.jsonl", pictures.listed())
    import_set(state, entries, enforced=True)
    with without_set(folder, api, *options) as filter_:
        yield filter_
    running.run_program("verify", state=state)


@contextlib.contextmanager
def without_set(folder: Path, api: str, *options: str) -> Iterator[Asked]:
    """Run the same, which decides about nothing if its state has no reference set."""
    state, said = folder / "state", folder / "filter.log"
    command = [running.program(), "serve", "--api", api, "--mode", "enforce", *options]
    with running.process(command, log=said, env=running.environment(state)) as process:
        bound = running.said(process, said, _address)
        yield Asked(state=state, api=str(bound).removeprefix("unix:").split()[0])


def _address(line: Any) -> object:  # noqa: ANN401 -- a line of the log
    return line["api"] if line.get("event") == "listening" else None


def block(page: Path, language: str, *, holding: str) -> str:
    """Return the only fenced block of a page that holds some words."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    (only,) = [it for it in found if holding in it]
    return str(only)


def module(folder: Path, at: str) -> Path:
    """Write the page's Python example as the module ``asking``; return its file."""
    file = folder / "asking.py"
    text = block(ASK, "python", holding="def may_store")
    file.write_text(text.replace(json.dumps(SOCKET), json.dumps(at)))
    return file
