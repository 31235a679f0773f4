"""Tests of uploadfilter.objecting.keyfile."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from uploadfilter.errors import ObjectionError
from uploadfilter.objecting.codes import KEY_BYTES
from uploadfilter.objecting.keyfile import objection_directory, opened_key


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    """Proxies that start at once have one key, which only their user reads."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(opened_key, [tmp_path] * 16))
    files = list(objection_directory(tmp_path).iterdir())

    assert {len(key) for key in keys} == {KEY_BYTES}
    assert len(keys) == len(files) == 1
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_cut_off_key_is_refused(tmp_path: Path) -> None:
    """It must not give codes that nobody can check later."""
    opened_key(tmp_path)
    (objection_directory(tmp_path) / "key").write_bytes(b"short")

    with pytest.raises(ObjectionError, match="5 bytes, not 32"):
        opened_key(tmp_path)


def test_key_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder in its place is no key."""
    (objection_directory(tmp_path) / "key").mkdir(parents=True)

    with pytest.raises(ObjectionError, match="cannot read or make"):
        opened_key(tmp_path)
