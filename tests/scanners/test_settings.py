"""Settings that would scan nothing are refused."""

from dataclasses import replace

import pytest

from uploadfilter.scanners.settings import ScannerSettings, SilentLog


def test_settings_use_every_cpu() -> None:
    """Without a word from the operator there is a scanner for each usable CPU."""
    assert ScannerSettings().workers >= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 0),
        ("recycle_after", 0),
        ("losses_per_upload", 0),
        ("queue_limit", -1),
        ("queue_wait_s", -0.5),
        ("drain_s", -1),
        ("start_timeout_s", 0),
    ],
)
def test_settings_without_use_are_refused(name: str, value: float) -> None:
    """The message names the setting."""
    with pytest.raises(ValueError, match=f"{name} must"):
        replace(ScannerSettings(), **{name: value})  # type: ignore[arg-type]  # any field


def test_silent_log_takes_every_event() -> None:
    """A pool without a log drops what it would tell."""
    SilentLog().warning("scanner_lost", loss="time")
