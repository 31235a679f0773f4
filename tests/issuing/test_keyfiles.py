"""Keys are kept in separate files, and never overwritten."""

import stat
from pathlib import Path

import pytest

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.keyfiles import check_new, keep, public_file_of


@pytest.mark.parametrize(
    ("name", "public"),
    [("ann.key", "ann.pub"), ("ann", "ann.pub"), ("a.key.key", "a.key.pub")],
)
def test_public_half_stands_beside_it(tmp_path: Path, name: str, public: str) -> None:
    """Only its holder can read the private half."""
    keep(tmp_path / name, b"private", b"public")

    assert public_file_of(tmp_path / name).name == public
    assert (tmp_path / public).read_bytes() == b"public"
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["ann.key", "ann.pub"])
def test_key_that_is_there_stays(tmp_path: Path, there: str) -> None:
    """Neither half is overwritten, and no other half is written beside it."""
    (tmp_path / there).write_bytes(b"old")
    with pytest.raises(IssuerError, match="exists already"):
        check_new(tmp_path / "ann.key")
    with pytest.raises(IssuerError, match="exists already"):
        keep(tmp_path / "ann.key", b"private", b"public")

    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_bytes() == b"old"


def test_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    """The stick may have been removed."""
    with pytest.raises(IssuerError, match="No such file") as caught:
        keep(tmp_path / "gone" / "ann.key", b"private", b"public")
    assert "No key was made." in caught.value.hint
