"""What a decision records about its sealed evidence."""

import msgspec

from uploadfilter.decisions.records.sealed import SealedRecord, SealFault


def test_record_survives_a_line() -> None:
    """A digest, and each fault, are read as they were written."""
    for record in (
        SealedRecord(sha256="00"),
        *(SealedRecord(fault=f) for f in SealFault),
    ):
        line = msgspec.json.encode(record)
        assert msgspec.json.decode(line, type=SealedRecord) == record
