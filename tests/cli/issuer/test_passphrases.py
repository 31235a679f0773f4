"""Passphrases come from a file, a descriptor or a prompt, and from nowhere else."""

import os
from pathlib import Path

import pytest

from tests.cli.issuer.holders import private
from uploadfilter.cli.issuer.passphrases import (
    read_key_file,
    read_passphrase,
    signer_of,
)
from uploadfilter.errors import IssuerError, UsageError
from uploadfilter.issuing.keys import made_key


def test_first_line_of_a_private_file_is_taken(tmp_path: Path) -> None:
    """A line end is not part of a passphrase."""
    file = private(tmp_path / "p", "four words of mine\nmore\n")

    assert read_passphrase("x", file=file) == "four words of mine"


def test_descriptor_is_read(tmp_path: Path) -> None:
    """A service manager hands it over so."""
    file = private(tmp_path / "p", "four words of mine")
    fd = os.open(file, os.O_RDONLY)

    assert read_passphrase("x", file=None, fd=fd) == "four words of mine"


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("secret words", 0o644, "other users can read"),
        ("x" * 5000, 0o600, "longer than a page"),
    ],
)
def test_file_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    """A file that others can read, and one without a passphrase, are refused."""
    file = private(tmp_path / "p", text)
    file.chmod(mode)

    with pytest.raises(UsageError, match=words):
        read_passphrase("x", file=file)


def test_missing_and_double_places_are_said(tmp_path: Path) -> None:
    """There is no question without a terminal, and one place is enough."""
    with pytest.raises(UsageError, match="cannot read"):
        read_passphrase("x", file=tmp_path / "nothing")
    with pytest.raises(UsageError, match="two sources"):
        read_passphrase("x", file=tmp_path / "p", fd=0)
    with pytest.raises(UsageError, match="there is no terminal"):
        read_passphrase("x", file=None)
    (tmp_path / "b").write_bytes(b"\xff\xff")
    (tmp_path / "b").chmod(0o600)
    with pytest.raises(UsageError, match="not UTF-8 text"):
        read_passphrase("x", file=tmp_path / "b")


def test_key_is_opened(tmp_path: Path) -> None:
    """The key file and its passphrase make a signer; a missing file is an error."""
    key, _ = made_key("ann", "four words of mine", cost=16)
    (tmp_path / "ann.key").write_bytes(key)
    file = private(tmp_path / "p", "four words of mine")

    assert signer_of(tmp_path / "ann.key", file=file).public_key.keytype == "ed25519"
    with pytest.raises(IssuerError, match="cannot read the key"):
        read_key_file(tmp_path / "nothing")
