"""Counting a segment, with its chain."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reporting.logs import head, lines_of, records, write_segment
from tests.reporting.plain import count_plainly
from uploadfilter.decisions.records.records import Record
from uploadfilter.reporting import scanning
from uploadfilter.reporting.scanning import Scanned, scan_segment


def _scan(tmp_path: Path, lines: list[bytes], torn: bytes = b"") -> Scanned:
    segment = write_segment(tmp_path / "log", lines, torn=torn)
    return scan_segment(tmp_path / "log", segment, until=None, cache=None)


@settings(max_examples=15)
@given(st.lists(records, max_size=20), st.sampled_from([64, 700, 10**6]))
def test_segment_is_counted_whole(
    tmp_path_factory: pytest.TempPathFactory, found: list[Record], chunk: int
) -> None:
    """However a file is cut into chunks, its counts are those of its lines."""
    lines = lines_of([head(), *found])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "CHUNK_BYTES", chunk)
        scanned = _scan(tmp_path_factory.mktemp("log"), lines)

    assert sum(scanned.uploads.values()) == count_plainly(lines)["uploads",]
    assert (scanned.lines, scanned.faults) == (len(lines), [])
    assert (scanned.first_seq, scanned.last_seq) == (1, len(lines))


def test_damaged_line_is_said_and_the_others_count(tmp_path: Path) -> None:
    """One line that is no record is one fault; no other line is left out."""
    lines = lines_of([head(), head(), head(), head()])
    damaged = [*lines[:2], b"{", *lines[3:]]

    scanned = _scan(tmp_path, damaged)

    kinds = [fault.kind for fault in scanned.faults]
    assert kinds == ["unreadable", "chain"]
    assert scanned.lines == 3


def test_changed_line_is_said(tmp_path: Path) -> None:
    """A record that is not the one its successor names breaks the chain."""
    lines = lines_of([head(), head(), head()])
    lines[1] = lines[1].replace(b'"main"', b'"mine"')

    scanned = _scan(tmp_path, lines)

    assert [(it.kind, it.line) for it in scanned.faults] == [("chain", 3)]


def test_left_out_line_is_said(tmp_path: Path) -> None:
    """A record that is gone breaks the chain and the numbers."""
    lines = lines_of([head(), head(), head(), head()])

    scanned = _scan(tmp_path, [lines[0], *lines[2:]])

    assert {it.kind for it in scanned.faults} == {"chain", "number"}


def test_unfinished_line_is_said(tmp_path: Path) -> None:
    """The half-written end of a file is no record, and its bytes are counted."""
    scanned = _scan(tmp_path, lines_of([head()]), torn=b'{"record":"dec')

    assert (scanned.lines, scanned.unfinished_bytes) == (1, 14)


def test_records_beyond_the_last_one_are_not_counted(tmp_path: Path) -> None:
    """With a last number, the count is that of the log as it was then."""
    lines = lines_of([head() for _ in range(5)])
    segment = write_segment(tmp_path / "log", lines)

    scanned = scan_segment(tmp_path / "log", segment, until=3, cache=None)

    assert (scanned.lines, scanned.last_seq, scanned.skipped) == (3, 3, 2)


def test_kept_counts_belong_to_one_file(tmp_path: Path) -> None:
    """Counts of an earlier report are taken only for the very same bytes."""
    log, cache = tmp_path / "log", tmp_path / "cache"
    lines = lines_of([head(), head()])
    segment = write_segment(log, lines)
    first = scan_segment(log, segment, until=None, cache=cache)
    again = scan_segment(log, segment, until=None, cache=cache)
    write_segment(log, lines[:1])
    changed = scan_segment(log, segment, until=None, cache=cache)

    assert again == first
    assert len(list(cache.iterdir())) == 2
    assert changed.lines == 1
