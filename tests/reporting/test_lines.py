"""Reading lines into records with fewer fields."""

import msgspec
import pytest
from hypothesis import given, settings

from tests.reporting.logs import lines_of, records
from uploadfilter.decisions.records import records as full
from uploadfilter.reporting import lines


@settings(max_examples=30)
@given(records)
def test_small_record_is_the_full_one_with_fewer_fields(record: full.Record) -> None:
    """Kind, number and hash are those of the record itself."""
    line = lines_of([record])[0]
    whole, small = msgspec.json.decode(line), lines.read_line(line)

    assert small is not None
    for name in ("record", "seq", "previous", "time"):
        assert getattr(small, name) == whole[name]


def test_every_kind_of_record_is_known() -> None:
    """A new kind of record must be read here, too, or be left out on purpose."""
    tags = {str(it.__struct_config__.tag) for it in full.Record.__args__}

    assert tags == lines.KNOWN


@pytest.mark.parametrize("line", [b"", b"{", b'{"record":"decision"}', b"\xff"])
def test_line_that_is_no_record_is_said(line: bytes) -> None:
    """A damaged line is ``None``."""
    assert lines.read_line(line) is None
