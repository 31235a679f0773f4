"""Files that a person names: read up to a size, and refused by name."""

from pathlib import Path

import pytest

from uploadfilter.cli.files import read_file, write_file
from uploadfilter.errors import EvidenceError, UsageError


def test_file_is_read_as_far_as_it_may_be(tmp_path: Path) -> None:
    """One byte more shows that a file is too large."""
    write_file(tmp_path / "a", b"12345")

    assert read_file(tmp_path / "a", 5) == b"12345"
    assert read_file(tmp_path / "a", 2) == b"123"


def test_error_of_the_system_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    """As an error of the room that asked."""
    with pytest.raises(EvidenceError, match=r"cannot read .+ No such file") as read:
        read_file(tmp_path / "no", 5, error=EvidenceError)
    with pytest.raises(UsageError, match=r"cannot write .+: Is a dir") as written:
        write_file(tmp_path, b"", hint="Name a file.")

    assert "Check the path" in read.value.hint
    assert written.value.hint == "Name a file."
