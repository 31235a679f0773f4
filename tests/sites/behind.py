"""A site behind the installed program, in ``ENFORCE``, with one picture listed."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, write_set
from tests.e2e.curl import Answer

MARK_BYTES = 256
"""Bytes out of the middle of a file that stand for it: no other file has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A site and the proxy before it.

    Attributes:
        origin: URL of the site itself.
        stored: Where the site keeps what it is sent.
        state: State directory of the proxy.
        proxy: The proxy.
    """

    origin: str
    stored: Path
    state: Path
    proxy: running.Proxy

    def url(self, path: str) -> str:
        """Return a URL of the site, through the proxy."""
        return self.proxy.url + path

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of the site itself and of the proxy."""
        straight, through = urlsplit(self.origin).port, urlsplit(self.proxy.url).port
        if straight is None or through is None:
            raise ValueError("a URL of a site has a port")
        return straight, through

    def records(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the records that ``log show --json`` prints."""
        return log(self.state, *arguments)

    def outcomes(self) -> set[int | None]:
        """Return the statuses that the site gave to uploads so far."""
        return {record["outcome"] for record in self.records("--records", "outcome")}

    def verdicts(self) -> list[str]:
        """Return the verdicts so far, in order."""
        return [record["verdict"] for record in self.records("--records", "decision")]

    def verdict(self, answer: Answer) -> str:
        """Return the verdict of the decision that an answer names."""
        decision = answer.json()["decision"]
        (record,) = self.records("--id", decision, "--records", "decision")
        return str(record["verdict"])

    def holds(self, content: bytes) -> bool:
        """Return whether the site keeps a file, whole or in part, unchanged."""
        middle = len(content) // 2
        mark = content[middle : middle + MARK_BYTES]
        files = (path for path in self.stored.rglob("*") if path.is_file())
        return any(mark in path.read_bytes() for path in files)


@contextlib.contextmanager
def behind(
    origin: str,
    *,
    stored: Path,
    folder: Path,
    options: Sequence[str] = (),
    listed: bytes | None = None,
) -> Iterator[Behind]:
    """Run the proxy before a site for the length of the block.

    Args:
        origin: URL of the site, which runs.
        stored: Where it keeps what it is sent.
        folder: For the proxy's state and log.
        options: More options of ``serve``.
        listed: The listed picture; ``None`` for the usual one.

    Raises:
        DemoError: The log is not intact, or not complete.
    """
    state = folder / "state"
    running.run_program("init", state=state)
    entries = write_set(folder / "set.jsonl", listed or pictures.listed())
    import_set(state, entries, enforced=True)
    enforcing = ("--mode", "enforce", *options)
    with running.proxy(
        origin, state=state, log=folder / "proxy.log", options=enforcing
    ) as proxy:
        yield Behind(origin=origin, stored=stored, state=state, proxy=proxy)
    check_records(state)


def check_records(state: Path) -> None:
    """Check that the log is intact and complete: accepted uploads have an outcome.

    Raises:
        DemoError: It is not.
    """
    running.run_program("verify", state=state)
    records = log(state)
    accepted = {
        record["id"]
        for record in records
        if record["record"] == "decision" and record["effect"] == "ACCEPT"
    }
    ended = {record["decision"] for record in records if record["record"] == "outcome"}
    if accepted != ended:
        raise running.DemoError(f"without an outcome: {sorted(accepted - ended)}")
