"""The client verifies a source, and explains each refusal."""

from pathlib import Path

import pytest
from tuf.api import exceptions

from tests.syncing.trusted import Case
from uploadfilter.errors import HashSetError, HashSetTrustError, StoreError
from uploadfilter.syncing.client import Client, _error_of


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ExpiredMetadataError("x"),
        exceptions.BadVersionNumberError("x"),
        exceptions.EqualVersionNumberError("x"),
        exceptions.UnsignedMetadataError("x"),
        exceptions.LengthOrHashMismatchError("x"),
        exceptions.RepositoryError("x"),
        exceptions.DownloadError("x"),
        exceptions.DownloadHTTPError("x", 404),
        exceptions.DownloadLengthMismatchError("x"),
        exceptions.SlowRetrievalError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_failure_has_words_and_a_hint(error: Exception) -> None:
    """Every exception of python-tuf becomes an error with a hint."""
    found = _error_of(error)

    assert isinstance(found, HashSetError)
    assert found.hint.startswith("The set in force stays. ")
    assert len(found.hint) > 40


def test_what_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    """An interrupted transfer goes on, and keeps the complete files."""
    case = Case(tmp_path)
    stick = case.copy()
    with case.site.trusted.locked():
        client = Client(case.site.trusted, str(stick))
        verified = client.verify()
        data = client.fetch("full/1/all.jsonl.gz")
        for path in (stick / "targets" / "full").rglob("*.gz"):
            path.unlink()
        assert client.fetch("full/1/all.jsonl.gz") == data
        client.clear()
        with pytest.raises(HashSetError, match="missing"):
            client.fetch("full/1/all.jsonl.gz")
        with pytest.raises(HashSetTrustError, match="no role that may sign"):
            client.fetch("full/2/all.jsonl.gz")

    assert verified.signers == ("dora", "eve")
    assert verified.expires_at == min(case.office.now.expires.values())
    assert verified.versions == dict(case.office.now.versions)


def test_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that cannot be stored ends the sync, and the error names the disk."""
    case = Case(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("uploadfilter.syncing.client.make_private", full)
    with pytest.raises(StoreError, match="No space left"):
        Client(case.site.trusted, str(case.copy()))
