"""Trusting a root: once, by its digest, and never by a sync."""

import stat
from pathlib import Path

import pytest

from tests.issuing.offices import Office, line_of
from uploadfilter.errors import (
    HashSetNameError,
    HashSetTrustError,
    UsageError,
)
from uploadfilter.signedsets.freshness import Status
from uploadfilter.syncing.statuses import read_statuses
from uploadfilter.syncing.trusting import (
    Trusted,
    read_root_file,
    trusted_sets,
)


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    """Return the root of an issuer."""
    office = Office(tmp_path / "office")
    office.issue(line_of("a", 1))
    return office.root


def test_root_is_kept_privately(tmp_path: Path, root: bytes) -> None:
    """Only their owner can read root and note, and both are found again."""
    it = Trusted.of(tmp_path / "state", "unit7")
    status = it.trust(root, "/stick")

    assert it.root() == root
    assert it.status() == status
    assert read_statuses(tmp_path / "state") == (status,)
    assert [item.name for item in trusted_sets(tmp_path / "state")] == ["unit7"]
    assert stat.S_IMODE((it.path / "status.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(it.path.stat().st_mode) == 0o700


def test_trusting_again_changes_the_source_only(tmp_path: Path, root: bytes) -> None:
    """The status of the set is kept."""
    it = Trusted.of(tmp_path, "unit7")
    it.trust(root, "/stick")
    it.put_status(Status(set="unit7", source="/stick", root=it.status().root, clock=7))
    again = it.trust(root, "/other")

    assert (again.source, again.clock) == ("/other", 7)


def test_other_root_needs_a_word(tmp_path: Path, root: bytes) -> None:
    """Another root is trusted only on request, and the old data is deleted."""
    it = Trusted.of(tmp_path / "state", "unit7")
    it.trust(root, "/stick")
    it.metadata.mkdir()
    (it.metadata / "timestamp.json").write_text("{}")
    other = Office(tmp_path / "other", epoch_s=1_795_000_500)
    other.issue(line_of("a", 1))

    with pytest.raises(HashSetTrustError, match="another root is trusted"):
        it.trust(other.root, "/stick")
    it.trust(other.root, "/stick", replace=True)
    assert it.root() == other.root
    assert not list(it.metadata.iterdir())


@pytest.mark.parametrize("note", [None, b"", b"{}"])
def test_lost_note_changes_no_trust(
    tmp_path: Path, root: bytes, note: bytes | None
) -> None:
    """The trusted root, and the data verified with it, do not depend on the note."""
    other = Office(tmp_path / "other", epoch_s=1_795_000_500)
    other.issue(line_of("b", 2))
    it = Trusted.of(tmp_path / "state", "unit7")
    it.trust(root, "/stick")
    it.metadata.mkdir()
    verified = it.metadata / "timestamp.json"
    verified.write_text("{}")
    (it.path / "status.json").unlink()
    if note is not None:
        (it.path / "status.json").write_bytes(note)

    with pytest.raises(HashSetTrustError, match="another root is trusted"):
        it.trust(other.root, "/stick")
    it.trust(root, "/stick")

    assert verified.exists()
    assert it.status().source == "/stick"


@pytest.mark.parametrize("cut", [0, 10, 400])
def test_other_files_are_no_roots(tmp_path: Path, root: bytes, cut: int) -> None:
    """Half a file is refused, and so is a root without signatures."""
    it = Trusted.of(tmp_path, "unit7")
    for data in (root[:cut], root.replace(b'"sig": "', b'"sig": "00')):
        with pytest.raises(HashSetTrustError, match="not the root of a signed set"):
            it.trust(data, "/stick")


def test_what_is_not_trusted_is_said(tmp_path: Path) -> None:
    """The error states how to get a root."""
    with pytest.raises(HashSetTrustError, match="no root is trusted"):
        Trusted.of(tmp_path, "unit7").status()
    with pytest.raises(HashSetNameError):
        Trusted.of(tmp_path, "../x")
    with pytest.raises(UsageError, match="cannot read"):
        read_root_file(tmp_path / "nothing")
    assert trusted_sets(tmp_path) == ()
