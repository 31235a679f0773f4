"""The service, composed; ``proxy/test_faults.py`` tests it in a process of its own."""

import dataclasses
from pathlib import Path

import pytest

from uploadfilter.config import load
from uploadfilter.errors import ServiceError
from uploadfilter.service.running import running


async def test_place_for_uploads_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A wrong spool directory is found at the start, not by the first large upload."""
    settings = load(
        None,
        overrides={"origin": "http://127.0.0.1:9", "listen": "127.0.0.1:0"},
        default_state=tmp_path / "state",
    )
    missing = dataclasses.replace(settings, spool_directory=str(tmp_path / "missing"))

    with pytest.raises(ServiceError, match="missing"):
        async with running(missing):
            pass
