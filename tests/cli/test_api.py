"""Tokens of the scan API, made, listed and revoked by commands."""

import json
from pathlib import Path

from tests.cli.running import Terminal
from uploadfilter.doors.quotas import Scope
from uploadfilter.doors.tokens import TokenFile


def test_token_is_printed_once_and_can_be_revoked(
    tmp_path: Path, terminal: Terminal
) -> None:
    """Stdout holds the token alone, so that a script can keep it in a file."""
    state = ("--state", str(tmp_path))
    scope = ("--scope", "lookup", "--at-once", "2")
    add = ("api", "token", "gallery", *scope, *state)
    assert terminal.run(*add) == 0
    token = terminal.read().out.strip()
    found = TokenFile(tmp_path).find(token)
    assert found is not None
    assert found.scope is Scope.LOOKUP

    assert terminal.run(*add) == 2
    assert terminal.run("api", "token", "--json", *state) == 0
    listed = json.loads(terminal.read().out)
    quota = {"per_minute": 600, "at_once": 2}
    assert listed == [{"name": "gallery", "scope": "lookup", **quota}]
    assert terminal.run("api", "token", "gallery", "--revoke", *state) == 0
    assert terminal.run("api", "token", "gallery", "--revoke", *state) == 2
    terminal.read()
    assert terminal.run("api", "token", *state) == 0
    assert terminal.read().out.strip() == "there is no token"
    assert TokenFile(tmp_path).find(token) is None
