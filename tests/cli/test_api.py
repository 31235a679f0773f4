"""Tokens of the scan API, made, listed and revoked by commands."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run
from uploadfilter.doors.quotas import Scope
from uploadfilter.doors.tokens import TokenFile


def test_token_is_printed_once_and_can_be_revoked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stdout holds the token alone, so that a script can keep it in a file."""
    state = ("--state", str(tmp_path))
    scope = ("--scope", "lookup", "--at-once", "2")
    add = ("api", "token", "gallery", *scope, *state)
    assert run(monkeypatch, *add) == 0
    token = capsys.readouterr().out.strip()
    found = TokenFile(tmp_path).find(token)
    assert found is not None
    assert found.scope is Scope.LOOKUP

    assert run(monkeypatch, *add) == 2
    assert run(monkeypatch, "api", "token", "--json", *state) == 0
    listed = json.loads(capsys.readouterr().out)
    quota = {"per_minute": 600, "at_once": 2}
    assert listed == [{"name": "gallery", "scope": "lookup", **quota}]
    assert run(monkeypatch, "api", "token", "gallery", "--revoke", *state) == 0
    assert run(monkeypatch, "api", "token", "gallery", "--revoke", *state) == 2
    capsys.readouterr()
    assert run(monkeypatch, "api", "token", *state) == 0
    assert capsys.readouterr().out.strip() == "there is no token"
    assert TokenFile(tmp_path).find(token) is None
