"""The secret of an installation is made once, wherever it is kept."""

import stat
from pathlib import Path

import pytest

from tests.reference.files.generations import names
from uploadfilter.errors import StoreKeyError
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.reference.files import keys

KEY = bytes(range(32))


def test_key_is_taken_from_the_environment_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory then has no file with the key."""
    monkeypatch.setenv(keys.KEY_VARIABLE, KEY.hex())
    made = keys.make_secret(tmp_path)

    assert made.check_value() == Secret(KEY).check_value()
    assert names(tmp_path) == set()
    (tmp_path / "key").write_bytes(bytes(32))
    assert keys.read_secret(tmp_path).check_value() == Secret(KEY).check_value()


def test_key_is_taken_from_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential of the service manager comes before the file, if it is there."""
    (tmp_path / "key").write_bytes(bytes(32))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    own = keys.read_secret(tmp_path).check_value()
    assert own == Secret(bytes(32)).check_value()

    (tmp_path / keys.CREDENTIAL_NAME).write_text(KEY.hex() + "\n")
    assert keys.read_secret(tmp_path).check_value() == Secret(KEY).check_value()
    (tmp_path / keys.CREDENTIAL_NAME).write_bytes(b"\xff")
    with pytest.raises(StoreKeyError, match="cannot read the key"):
        keys.read_secret(tmp_path)


@pytest.mark.parametrize("given", ["", "00", KEY.hex() + "0", "x" * 64])
def test_wrong_key_of_the_environment_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """The text may be the key with a digit too many."""
    monkeypatch.setenv(keys.KEY_VARIABLE, given)

    with pytest.raises(StoreKeyError, match="is not 64 hex digits") as caught:
        keys.read_secret(tmp_path)
    assert not given or given not in str(caught.value)


def test_secret_is_made_once(tmp_path: Path) -> None:
    """An existing secret is never replaced, and no other user can read it."""
    made = keys.make_secret(tmp_path)

    assert keys.make_secret(tmp_path).check_value() == made.check_value()
    assert keys.read_secret(tmp_path).check_value() == made.check_value()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert names(tmp_path) == {"key"}


@pytest.mark.parametrize("length", [0, 31, 33])
def test_wrong_key_file_is_not_used(tmp_path: Path, length: int) -> None:
    """A cut-off key is refused, and not replaced either."""
    (tmp_path / "key").write_bytes(bytes(length))

    for use in (keys.read_secret, keys.make_secret):
        with pytest.raises(StoreKeyError, match=f"has {length} bytes, not 32"):
            use(tmp_path)


def test_missing_key_file_says_what_to_do(tmp_path: Path) -> None:
    """Without the key, no exact signal can be looked up."""
    with pytest.raises(StoreKeyError, match="cannot read the key") as caught:
        keys.read_secret(tmp_path)

    assert "Restore it from a backup" in caught.value.hint
