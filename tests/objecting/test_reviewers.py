"""Tests of uploadfilter.objecting.reviewers."""

import stat
from pathlib import Path

import pytest

from uploadfilter.errors import ObjectionError, UsageError
from uploadfilter.objecting.reviewers import FILE, Reviewers

PASSWORD = "correct horse battery"  # noqa: S105 - of a test
OTHER = "battery horse correct"


def test_reviewer_is_known_by_the_password(tmp_path: Path) -> None:
    """And by nothing else; the file holds no password, and is private."""
    path = tmp_path / "o" / FILE
    reviewers = Reviewers(path)

    assert reviewers.add("anna", PASSWORD)
    assert reviewers.knows("anna", PASSWORD)
    assert not reviewers.knows("anna", OTHER)
    assert not reviewers.knows("anna", "")
    assert not reviewers.knows("nobody", PASSWORD)
    assert PASSWORD.encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_mark_changes_with_the_account(tmp_path: Path) -> None:
    """So a session ends when the password is changed or the account removed."""
    reviewers = Reviewers(tmp_path / FILE)
    reviewers.add("anna", PASSWORD)
    before = reviewers.mark("anna")
    assert not reviewers.add("anna", OTHER)
    changed = reviewers.mark("anna")
    reviewers.remove("anna")

    assert before != changed
    assert reviewers.mark("anna") == ""
    assert reviewers.names() == ()
    with pytest.raises(UsageError, match="no reviewer 'anna'"):
        reviewers.remove("anna")


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("a b", PASSWORD, "cannot be the name"),
        ("", PASSWORD, "cannot be the name"),
        ("anna", "short", "has 5 characters"),
        ("anna", "x" * 257, "has 257 characters"),
    ],
)
def test_unusable_accounts_are_refused(
    tmp_path: Path, name: str, password: str, message: str
) -> None:
    """Before anything is written."""
    with pytest.raises(UsageError, match=message):
        Reviewers(tmp_path / FILE).add(name, password)
    assert not (tmp_path / FILE).exists()


def test_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    """It is an error, not an empty list that could be filled by anybody."""
    (tmp_path / FILE).write_text("[]")
    reviewers = Reviewers(tmp_path / FILE)

    with pytest.raises(ObjectionError, match="cannot be used"):
        reviewers.knows("anna", PASSWORD)
    with pytest.raises(ObjectionError, match="cannot be used"):
        reviewers.add("anna", PASSWORD)
