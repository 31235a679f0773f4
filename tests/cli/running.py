"""Run the command line in this process, as the installed program would."""

import io
import json
import sys
from typing import Any

import pytest
from _pytest.capture import CaptureResult
from typer.core import TyperCommand, TyperGroup

from tests.cli.schemas import held_to_schema
from uploadfilter.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run one command and return its exit code.

    With ``--json`` everything that it prints has to be as its JSON schema says.
    """
    monkeypatch.setattr(sys, "argv", ["uploadfilter", *arguments])
    with held_to_schema(monkeypatch, arguments), pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


class Terminal:
    """Runs commands, and returns what they printed since it was read last."""

    def __init__(
        self, patch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self._patch, self._capfd = patch, capfd

    def run(self, *arguments: str, lines: str | None = None) -> int:
        """Run one command, with lines of standard input; return its exit code."""
        if lines is not None:
            text = io.TextIOWrapper(io.BufferedReader(io.BytesIO(lines.encode())))
            self._patch.setattr(sys, "stdin", text)
        return run(self._patch, *arguments)

    def read(self) -> CaptureResult[str]:
        """Return the output and the messages."""
        return self._capfd.readouterr()


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects that a command printed, one a line."""
    return [json.loads(line) for line in text.splitlines()]


def found_in(group: TyperGroup, above: str = "") -> dict[str, TyperCommand]:
    """Return the commands and groups of a group, at any depth, by their words."""
    found: dict[str, TyperCommand] = {}
    for name, command in group.commands.items():
        assert isinstance(command, TyperCommand | TyperGroup)
        if isinstance(command, TyperGroup):
            found |= found_in(command, f"{above}{name} ")
        else:
            found[f"{above}{name}"] = command
    return found
