"""A shell of an operator, for tests of commands."""

import hashlib
import time
from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tests.issuing.offices import Office, line_of

HASHSET = "hashset"


class Shell:
    """A shell of an operator."""

    def __init__(self, path: Path, terminal: Terminal) -> None:
        self.path, self.terminal = path, terminal
        epoch_s = time.time()  # noqa: TID251 - python-tuf looks at this clock
        self.office = Office(path / "office", epoch_s=epoch_s)
        self.office.issue(*(line_of(f"p-{n}", n, str(n % 2)) for n in range(20)))
        (path / "root.json").write_bytes(self.office.root)
        self.digest = hashlib.sha256(self.office.root).hexdigest()

    def type(self, *words: str) -> int:
        """Type a command."""
        self.terminal.read()
        return self.terminal.run(HASHSET, *words)

    def said(self) -> tuple[str, str]:
        """Return the output and the messages."""
        found = self.terminal.read()
        return " ".join(found.out.split()), found.err

    def trust(self, *more: str) -> int:
        """Trust the root."""
        root, source = str(self.path / "root.json"), str(self.office.served)
        words = ("trust", root, "--name", "unit7", "--from", source)
        return self.type(*words, *(more or ("--digest", self.digest)))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> Shell:
    """Return a shell beside an issuer."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    return Shell(tmp_path, terminal)
