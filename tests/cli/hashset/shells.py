"""A shell of an operator, for tests of commands."""

import hashlib
import time
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.issuing.offices import Office, line_of

HASHSET = "hashset"


class Shell:
    """A shell of an operator."""

    def __init__(
        self,
        path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        self.path = path
        self._monkeypatch = monkeypatch
        self._capfd = capfd
        monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(path / "state"))
        epoch_s = time.time()  # noqa: TID251 - python-tuf looks at this clock
        self.office = Office(path / "office", epoch_s=epoch_s)
        self.office.issue(*(line_of(f"p-{n}", n, str(n % 2)) for n in range(20)))
        (path / "root.json").write_bytes(self.office.root)
        self.digest = hashlib.sha256(self.office.root).hexdigest()

    def type(self, *words: str) -> int:
        """Type a command."""
        self._capfd.readouterr()
        return run(self._monkeypatch, HASHSET, *words)

    def said(self) -> tuple[str, str]:
        """Return the output and the messages."""
        found = self._capfd.readouterr()
        return " ".join(found.out.split()), found.err

    def trust(self, *more: str) -> int:
        """Trust the root."""
        root, source = str(self.path / "root.json"), str(self.office.served)
        words = ("trust", root, "--name", "unit7", "--from", source)
        return self.type(*words, *(more or ("--digest", self.digest)))


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Shell:
    """Return a shell beside an issuer."""
    return Shell(tmp_path, monkeypatch, capfd)
