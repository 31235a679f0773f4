"""The command line of a witness, up to its listening."""

from pathlib import Path

import pytest

from tests.cli.running import run
from tests.decisions.tree.test_witnessing import LOG

KEY = LOG.verifier.text


@pytest.mark.parametrize("listen", ["8092", ":8092", "host:", "host:x", "host:99999"])
def test_address_has_a_host_and_a_port(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    listen: str,
) -> None:
    """A mistake is found before anything is made."""
    command = ("witness", "--folder", str(tmp_path / "w"), "--log", KEY)
    assert run(monkeypatch, *command, "--name", "w", "--listen", listen) == 2
    assert "is not an address" in capfd.readouterr().err
    assert not (tmp_path / "w").exists()


def test_keys_and_names_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Text that is not a key, and a new witness without a name."""
    command = ("witness", "--folder", str(tmp_path / "w"), "--log")
    assert run(monkeypatch, *command, "a") == 2
    assert "tree/key" in capfd.readouterr().err
    assert run(monkeypatch, *command, KEY) == 2
    assert "--name" in capfd.readouterr().err
