"""A log of another format is refused by every reader; none of them guesses."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.decisions.logs import (
    NOON,
    Clock,
    decision,
    segment_paths,
    totals_of,
    unsynced,
    write_log,
)
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.period import period_of
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.totalling import changes_of
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.records import FORMAT, decode
from uploadfilter.errors import LogCorruptError, LogVersionError


def open_and_close(directory: Path) -> None:
    """Open a log as the proxy does."""
    clock = Clock(NOON)
    with DecisionLog.open(directory, instance="main", clock=clock, sync=unsynced):
        pass


READERS: dict[str, Callable[[Path], object]] = {
    "continue": open_and_close,
    "show": lambda directory: list(read(directory)),
    "totals": totals_of,
    "changes": lambda directory: list(changes_of(directory)),
    "period": period_of,
    "verify": verify,
}


@pytest.mark.parametrize("other", [FORMAT - 1, FORMAT + 1])
@pytest.mark.parametrize("shape", ["as ours", "of fields unknown here"])
@pytest.mark.parametrize("reader", READERS)
def test_other_format_is_refused(
    tmp_path: Path, reader: str, shape: str, other: int
) -> None:
    """No reader calls it damaged or intact, whatever else its heads hold."""
    write_log(tmp_path, [[decision("a")]])
    for path in segment_paths(tmp_path):
        newer = path.read_bytes().replace(
            b'"format":%d' % FORMAT, b'"format":%d' % other
        )
        if shape != "as ours":
            newer = re.sub(rb'"awaiting":\[[^]]*\]', b'"awaiting":{"a":1}', newer)
        path.write_bytes(newer)

    with pytest.raises(LogVersionError, match=f"format {other}"):
        READERS[reader](tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_the_format_of_today_is_read(tmp_path: Path, reader: str) -> None:
    """The same log, as it was written, is refused by none of them."""
    write_log(tmp_path, [[decision("a")]])

    READERS[reader](tmp_path)


def test_broken_head_of_our_format_is_damage() -> None:
    """Only another number says that another version wrote it."""
    with pytest.raises(LogCorruptError, match="not a record"):
        decode(b'{"record":"segment","format":%d,"number":1}' % FORMAT)
