"""Values that the file only refers to."""

from pathlib import Path

import pytest

from uploadfilter.config.references import Credentials, UnusableReferenceError


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    """Return an environment with a variable, and a credential of systemd."""
    (tmp_path / "objection").write_text("https://example.org\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    (tmp_path / "folder").mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "OBJECTION": "write to us"}
    return Credentials(environ)


def test_texts_are_fetched(credentials: Credentials, tmp_path: Path) -> None:
    """For a credential and a file, it is the text without the line's end."""
    file = {"file": str(tmp_path / "objection")}

    assert credentials.fetch({"env": "OBJECTION"}, is_path=False) == "write to us"
    assert credentials.fetch(file, is_path=False) == "https://example.org"
    assert (
        credentials.fetch({"credential": "objection"}, is_path=False)
        == "https://example.org"
    )


def test_key_that_names_a_file_gets_the_place_of_the_credential(
    credentials: Credentials, tmp_path: Path
) -> None:
    """A program that reads the file needs its path."""
    found = credentials.fetch({"credential": "objection"}, is_path=True)

    assert found == str(tmp_path / "objection")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        pytest.param({}, "neither", id="empty"),
        pytest.param({"env": ""}, "neither", id="no-name"),
        pytest.param({"env": 1}, "neither", id="number"),
        pytest.param({"env": "A", "file": "b"}, "neither", id="two"),
        pytest.param({"vault": "A"}, "neither", id="unknown-kind"),
        pytest.param({"env": "MISSING"}, "'MISSING'", id="variable"),
        pytest.param({"credential": "missing"}, "'missing'", id="credential"),
        pytest.param({"credential": "../x"}, "'../x'", id="climbing"),
        pytest.param({"credential": ".."}, "'..'", id="dots"),
        pytest.param({"credential": "folder"}, "'folder'", id="folder"),
        pytest.param({"credential": "binary"}, "UTF-8", id="binary"),
        pytest.param({"credential": "huge"}, "too large", id="huge"),
        pytest.param({"file": "/nowhere"}, "'/nowhere'", id="file"),
        pytest.param({"file": "a\0b"}, "no file", id="nul"),
        pytest.param({"file": "/dev/zero"}, "no file", id="device"),
    ],
)
def test_reference_that_leads_nowhere_is_refused(
    credentials: Credentials, reference: dict[str, object], said: str
) -> None:
    """The message names the missing part, and the hint the remedy."""
    with pytest.raises(UnusableReferenceError, match=said) as refused:
        credentials.fetch(reference, is_path=False)

    assert refused.value.hint


def test_without_systemd_there_are_no_credentials() -> None:
    """The message names the variable that systemd sets."""
    with pytest.raises(UnusableReferenceError, match="CREDENTIALS_DIRECTORY"):
        Credentials({}).fetch({"credential": "x"}, is_path=False)


def test_path_cannot_be_in_a_file() -> None:
    """A key that names a file names it itself."""
    with pytest.raises(UnusableReferenceError, match="cannot refer"):
        Credentials({}).fetch({"file": "/x"}, is_path=True)
