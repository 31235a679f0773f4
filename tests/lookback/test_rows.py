"""Rows hold keyed digests, qualities in place of planes, and nothing else."""

import pytest

from tests.lookback.stores import made_scan
from uploadfilter.lookback import rows
from uploadfilter.lookback.scanning import TYPES
from uploadfilter.model import Reason
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES, Secret

SECRET = Secret(bytes(32))


def test_row_survives_encoding() -> None:
    """A row is read as it was written; digests are keyed, planes are gone."""
    scan = made_scan(7, nested=2, reason=Reason.TRUNCATED)
    content = rows.keyed(
        rows.unkeyed(scan, types=TYPES, quality_of=lambda _: 77), SECRET
    )
    data = rows.encode(content)
    assert rows.decode(data) == content
    read = rows.scan_of(content, "renamed")
    assert [it.path for it in read.walk()] == ["renamed", "renamed!/0", "renamed!/1"]
    assert read.reasons == (Reason.TRUNCATED,)
    assert rows.reason_of(read) is rows.reason_of(scan) is Reason.TRUNCATED
    for before, after in zip(scan.walk(), read.walk(), strict=True):
        assert [it.rows for it in before.views] == [it.rows for it in after.views]
        assert {rows.stored_quality(it.plane) for it in after.views} == {77}
        for plain, key in zip(before.exact, after.exact, strict=True):
            kept = SECRET.exact_key(plain.type, plain.value)
            assert key.value[:EXACT_KEY_BYTES] == kept
            assert plain.value not in data
    assert b"plane" not in data


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x95\x01", b"[" * 100_000])
def test_other_bytes_are_no_row(data: bytes) -> None:
    """Damaged bytes are an error, which ends a match."""
    with pytest.raises(ValueError, match="not a stored scan"):
        rows.decode(data)
