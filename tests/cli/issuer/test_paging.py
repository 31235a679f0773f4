"""``issuer page`` refuses bad options before it listens; browsers test the rest."""

from pathlib import Path

import pytest

from tests.cli.issuer.holders import init_words, make_keys
from tests.cli.running import run


def test_folder_that_is_none_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Before a link is printed."""
    words = ("issuer", "page", "--folder", str(tmp_path))

    assert run(monkeypatch, *words) == 2
    printed = capfd.readouterr()
    assert "is not an issuer's folder" in printed.err
    assert printed.out == ""


def test_page_listens_on_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An address of a network is refused."""
    make_keys(tmp_path)
    run(monkeypatch, *init_words(tmp_path))
    words = ("issuer", "page", "--folder", str(tmp_path / "o"), "--listen", "0.0.0.0:0")

    assert run(monkeypatch, *words) == 2
    assert "for this machine only" in capfd.readouterr().err
