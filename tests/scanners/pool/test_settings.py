"""Settings that would scan nothing are refused."""

from dataclasses import replace

import pytest

from uploadfilter.scanners.pool.settings import ScannerSettings, SilentLog


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
        ("slow_lane", -2),
        ("spares", -1),
        ("slow_after_s", 0),
        ("start_timeout_s", 0),
    ],
)
def test_settings_without_use_are_refused(name: str, value: float) -> None:
    """The message names the setting."""
    with pytest.raises(ValueError, match=f"{name} must"):
        replace(ScannerSettings(), **{name: value})  # type: ignore[arg-type]  # any field


def test_settings_switch_on_known_formats_only() -> None:
    """An unknown name, or that of a format that is always decoded, is a mistake."""
    assert ScannerSettings(formats=("psd", "jp2")).formats == ("psd", "jp2")

    for name in ("eps", "jpeg"):
        with pytest.raises(ValueError, match=f"formats must .* not '{name}'"):
            ScannerSettings(formats=(name,))


@pytest.mark.parametrize(("slow_lane", "share"), [(0, 1), (3, 1), (8, 2), (32, 8)])
def test_slow_lane_is_shared_by_clients(slow_lane: int, share: int) -> None:
    """No client has more than a quarter of it, and each has one."""
    assert ScannerSettings(slow_lane=slow_lane).slow_of_one_client == share


def test_silent_log_takes_every_event() -> None:
    """A pool without a log drops its events."""
    SilentLog().warning("scanner_lost", loss="time")
