"""Tokens in a file: hashed, named once, revoked at once."""

from pathlib import Path

import pytest

from uploadfilter.doors.quotas import USUAL, Quota, Scope
from uploadfilter.doors.tokens import FILE, TokenFile
from uploadfilter.errors import ServiceError, UsageError


def test_token_is_found_by_another_process_until_it_is_removed(tmp_path: Path) -> None:
    """The file holds its hash only, for its owner only."""
    service, command = TokenFile(tmp_path), TokenFile(tmp_path)
    token = command.add("gallery", Scope.SCAN)
    other = command.add("robot", Scope.LOOKUP)
    found = service.find(token)

    assert found is not None
    assert (found.name, found.scope) == ("gallery", Scope.SCAN)
    assert service.find(token + "x") is None
    assert service.find("") is None
    text = (tmp_path / FILE).read_text()
    assert token not in text
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    command.remove("gallery")
    assert service.find(token) is None
    assert service.find(other) is not None


def test_token_has_the_quota_that_it_was_made_with(tmp_path: Path) -> None:
    """One of an older version has the usual quota of its scope."""
    tokens, quota = TokenFile(tmp_path), Quota(per_minute=7, at_once=3)
    tokens.add("a", Scope.SCAN, quota)
    tokens.add("b", Scope.LOOKUP)

    limits = [it.limits for it in TokenFile(tmp_path).tokens()]
    assert limits == [quota, USUAL[Scope.LOOKUP]]


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "a" * 65, "-a", "ä"])
def test_name_is_plain(tmp_path: Path, name: str) -> None:
    """A name is printed and logged."""
    with pytest.raises(UsageError, match="cannot be the name"):
        TokenFile(tmp_path).add(name, Scope.SCAN)


def test_names_are_unique_and_known(tmp_path: Path) -> None:
    """A second token of a name, and one that is not there, are mistakes."""
    tokens = TokenFile(tmp_path)
    tokens.add("a", Scope.SCAN)

    with pytest.raises(UsageError, match="already"):
        tokens.add("a", Scope.LOOKUP)
    with pytest.raises(UsageError, match="no token named 'b'"):
        tokens.remove("b")


@pytest.mark.parametrize("text", [b"", b"[{}]", b'[{"name":"a","scope":"all"}]'])
def test_damaged_file_lets_nobody_in(tmp_path: Path, text: bytes) -> None:
    """It is an error that the operator sees, and no empty list."""
    (tmp_path / FILE).write_bytes(text)

    with pytest.raises(ServiceError, match="cannot read the tokens"):
        TokenFile(tmp_path).find("x")
