"""Deleting sealed evidence on schedule: on record first, and again after a failure."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.sealing.days import NEW, OLD
from uploadfilter.decisions.records.lasting import Change
from uploadfilter.errors import LogWriteError
from uploadfilter.sealing.folder import EvidenceFolder
from uploadfilter.service import expiring
from uploadfilter.service.expiring import EvidencePruner

NOW_S = 1_793_620_000.0
"""2026-11-02, UTC."""


def sealed(folder: Path) -> list[str]:
    """Return the names of the sealed files."""
    return sorted(it.name for it in folder.glob("*.sealed"))


async def test_deletion_is_on_record_before_it_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the record fails, the files stay; each record names the digests."""
    folder, records = EvidenceFolder(tmp_path), list[Mapping[str, object]]()
    monkeypatch.setattr(expiring, "FILES_A_RECORD", 2)
    digests = [folder.write(OLD[:-1] + str(n), bytes([n])) for n in range(3)]
    folder.write(NEW, b"new")
    is_full = True

    async def record(change: Change, details: Mapping[str, object]) -> None:
        if is_full:
            raise LogWriteError("full")
        assert change is Change.EVIDENCE_DELETED
        assert len(sealed(tmp_path)) == 4 - 2 * len(records)
        records.append(details)

    pruner = EvidencePruner(folder, keep_days=90, record=record)
    with capture_logs() as logs:
        await pruner.prune(NOW_S)
    assert [it["event"] for it in logs] == ["evidence_not_deleted"]
    assert len(sealed(tmp_path)) == 4
    is_full = False
    await pruner.prune(NOW_S)

    assert [it["sha256"] for it in records] == [digests[:2], digests[2:]]
    assert records[0]["from"] == "2026-08-01"
    assert sealed(tmp_path) == [f"{NEW}.sealed"]
