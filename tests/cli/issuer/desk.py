"""The machine at which an issuer types commands."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.issuer.holders import init_words, make_keys
from tests.cli.running import Terminal, json_lines


class Desk:
    """Where the commands are typed."""

    def __init__(self, path: Path, terminal: Terminal) -> None:
        self.path, self._terminal = path, terminal
        make_keys(path)
        terminal.run(*init_words(path))
        terminal.read()

    def type(self, *words: str) -> int:
        """Type a command; return its exit code."""
        return self._terminal.run("issuer", *words, "--folder", f"{self.path}/o")

    def printed(self) -> str:
        """Return the output for people."""
        return " ".join(self._terminal.read().out.split())

    def said(self) -> str:
        """Return what people were told."""
        return self._terminal.read().err

    def shape(self, *words: str) -> dict[str, Any]:
        """Type a command with --json; return what it printed."""
        self._terminal.read()
        assert self.type(*words, "--json") == 0
        found: dict[str, Any] = json_lines(self._terminal.read().out)[-1]
        return found

    def key(self, name: str, option: str = "--key") -> tuple[str, ...]:
        """Return the options that sign with a key."""
        kind = "--online-passphrase-file" if "online" in option else "--passphrase-file"
        pw = str(self.path / "pw")
        return (option, str(self.path / f"{name}.key"), kind, pw)

    def online(self) -> tuple[str, ...]:
        """Return the options of the machine's key."""
        return self.key("machine", "--online-key")

    def publish(self) -> None:
        """Have everything signed, and publish it."""
        for name in ("ann", "bob", "dora", "eve", "fay"):
            self.type("sign", "--yes", *self.key(name))
        assert self.type("publish", *self.online()) == 0
        self._terminal.read()


@pytest.fixture
def desk(tmp_path: Path, terminal: Terminal) -> Desk:
    """Return a desk with an issuer's folder."""
    return Desk(tmp_path, terminal)
