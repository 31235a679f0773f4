"""The user that a command acts as, and its words if the system refuses something.

That root becomes the owner is tried in ``tests/e2e/test_acting.py``: a process that has
given up being root is no use to other tests.
"""

import os
from pathlib import Path

import pytest

from uploadfilter.cli import acting
from uploadfilter.cli.acting import become_owner, why_denied
from uploadfilter.errors import StoreError, UsageError
from uploadfilter.state import ForeignFile, foreign


def test_own_state_is_written_as_it_is(tmp_path: Path) -> None:
    """Nothing has to be given up, and nothing is looked for."""
    before = os.getresuid()
    become_owner(tmp_path)
    become_owner(tmp_path / "not/there")

    assert os.getresuid() == before


def test_files_of_others_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any depth; which they are, and the command that gives them back."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/current").write_text("")
    found = [ForeignFile(tmp_path / "reference/current", os.getuid())]
    monkeypatch.setattr(acting, "foreign", lambda _path: found * 5)

    assert foreign(tmp_path) == []
    with pytest.raises(UsageError, match=r"current' to .*, and 2 more") as refused:
        acting.refuse_foreign(tmp_path)
    assert "chown -R" in refused.value.hint


def test_error_without_a_refusal_keeps_its_hint() -> None:
    """Only refusals of the system are explained in this way."""
    assert why_denied(StoreError("x")) == ""
    assert why_denied(_caused_by(PermissionError(13, "no"))) == ""


def _caused_by(cause: Exception) -> StoreError:
    error = StoreError("cannot read")
    error.__cause__ = cause
    return error


def test_refusal_says_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outermost foreign place; for a place of this program, how to restore it."""
    path = tmp_path / "reference/current"
    path.parent.mkdir()
    path.write_text("")
    error = _caused_by(PermissionError(13, "Permission denied", str(path)))
    monkeypatch.setattr(os, "geteuid", lambda: 64_243)
    owners = dict.fromkeys((path, *path.parents), 0)
    monkeypatch.setattr(acting, "_uid_of", owners.get)

    told = why_denied(error)
    owners[tmp_path] = 64_243
    given_back = why_denied(error)

    assert f"{str(path)!r} belongs to root, and this is user 64243" in told
    assert "as that user" in told
    assert given_back.endswith(f"chown -R 64243: {tmp_path}")


def test_errors_that_are_each_other_s_cause_are_followed_once() -> None:
    """A report of an error ends, whatever a library has raised from what."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one

    assert why_denied(one) == ""
