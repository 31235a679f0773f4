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
    """Every field of the small record is that of the record itself."""
    line = lines_of([record])[0]
    small = lines.read_line(line)

    assert isinstance(small, lines.LogLine)
    assert _holds(msgspec.json.decode(line), msgspec.to_builtins(small))


def _holds(whole: object, part: object) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(_holds(whole[name], part[name]) for name in part if name in whole)
    if isinstance(whole, list) and isinstance(part, list | tuple):
        return len(whole) == len(part) and all(map(_holds, whole, part))
    return whole == part


def test_every_kind_of_record_is_known() -> None:
    """A new kind of record must be read here, too, or be left out on purpose."""
    tags = {str(it.__struct_config__.tag) for it in full.Record.__args__}

    assert tags == lines.KNOWN


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", None),
        (b"{", None),
        (b'{"record":"decision"}', None),
        (b'{"record":"later","seq":1,"previous":"","time":""}', "later"),
        (b"\xff", None),
    ],
)
def test_line_that_is_no_record_is_said(line: bytes, found: str | None) -> None:
    """A damaged line is ``None``; a record of an unknown kind has its kind."""
    assert lines.read_line(line) == found
