"""``issuer page`` refuses bad options before it listens; browsers test the rest."""

from pathlib import Path

from tests.cli.issuer.holders import init_words, make_keys
from tests.cli.running import Terminal


def test_folder_that_is_none_is_said(terminal: Terminal, tmp_path: Path) -> None:
    """Before a link is printed."""
    words = ("issuer", "page", "--folder", str(tmp_path))

    assert terminal.run(*words) == 2
    printed = terminal.read()
    assert "is not an issuer's folder" in printed.err
    assert printed.out == ""


def test_page_listens_on_this_machine_only(terminal: Terminal, tmp_path: Path) -> None:
    """An address of a network is refused."""
    make_keys(tmp_path)
    terminal.run(*init_words(tmp_path))
    words = ("issuer", "page", "--folder", str(tmp_path / "o"), "--listen", "0.0.0.0:0")

    assert terminal.run(*words) == 2
    assert "for this machine only" in terminal.read().err
