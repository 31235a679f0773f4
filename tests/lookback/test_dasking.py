"""Scanning on a cluster; ``tests/sites/test_lookback.py`` uses a real one."""

import pytest

from uploadfilter.errors import LookBackError
from uploadfilter.lookback.scanning import TYPES, Pace
from uploadfilter.lookback.sources import FolderSource


def test_scheduler_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """No file is read, and the message names the address."""
    # It takes a second to load.
    from uploadfilter.lookback import dasking  # noqa: PLC0415

    monkeypatch.setattr(dasking, "_CONNECT_S", 0.1)
    address = f"tcp://127.0.0.1:{unused_tcp_port}"
    engine = dasking.DaskEngine(
        FolderSource("/nowhere"),
        scheduler=address,
        jobs=1,
        types=TYPES,
        pace=Pace(bytes_s=None, files_s=None, clock=lambda: 0.0),
    )
    with pytest.raises(LookBackError, match="no scheduler of Dask answers"):
        engine.run(iter(()), lambda _: None)
