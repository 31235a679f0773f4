"""Run the command line in this process, as the installed program would."""

import json
import sys
from typing import Any

import pytest

from uploadfilter.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run one command and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["uploadfilter", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects that a command printed, one a line."""
    return [json.loads(line) for line in text.splitlines()]
