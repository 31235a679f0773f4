"""Keys and holders from the command line."""

import stat
from pathlib import Path

import pytest

from tests.cli.issuer.holders import PASSPHRASE, init_words, make_keys, private
from tests.cli.running import Terminal, json_lines
from tests.issuing.offices import line_of
from tests.issuing.softhsm import LIBRARY, PIN, WRONG_PIN, Drawer, drawer

__all__ = ["drawer"]


def test_key_is_made_once_and_private(terminal: Terminal, tmp_path: Path) -> None:
    """The private file is for its owner alone, and never overwritten."""
    passphrase = private(tmp_path / "pw", PASSPHRASE)
    words = ("issuer", "key", str(tmp_path / "ann.key"), "--name", "ann")
    given = ("--passphrase-file", str(passphrase))

    assert terminal.run(*words, *given, "--json") == 0
    (shape,) = json_lines(terminal.read().out)
    assert shape["public"].endswith("ann.pub")
    assert stat.S_IMODE((tmp_path / "ann.key").stat().st_mode) == 0o600
    assert terminal.run(*words, *given) == 2
    assert "exists already" in terminal.read().err


def test_folder_is_made_with_its_holders(terminal: Terminal, tmp_path: Path) -> None:
    """The holders of roles are proposed, which publishes nothing."""
    make_keys(tmp_path)

    assert terminal.run(*init_words(tmp_path, "--courier")) == 0
    assert terminal.run("issuer", "status", "--json", "--folder", f"{tmp_path}/o") == 0
    (status,) = json_lines(terminal.read().out)
    assert [item["role"] for item in status["proposed"]] == [
        "root",
        "targets",
        "revoke",
    ]
    assert status["sequence"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--root-threshold", "4"), "cannot sign"),
        (("--analyst", "dora.pub"), "twice"),
        (("--duty", "nothing.pub"), "cannot read the key"),
    ],
)
def test_impossible_holders_make_no_folder(
    terminal: Terminal, tmp_path: Path, words: tuple[str, str], said: str
) -> None:
    """A threshold out of reach, one person twice, and a key that is not there."""
    make_keys(tmp_path)
    option, value = words
    given = value if value.isdigit() else str(tmp_path / value)

    assert terminal.run(*init_words(tmp_path, option, given)) == 2
    assert said in terminal.read().err
    assert not (tmp_path / "o").exists()


def test_rotation_without_words_lengthens_root_and_targets_only(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Of other roles it is to be said what changes."""
    make_keys(tmp_path)
    terminal.run(*init_words(tmp_path))
    for role, said in (
        ("hashset", "no change of 'hashset' was asked for"),
        ("nobody", "there is no role"),
        ("root", "nothing was published yet"),
    ):
        code = terminal.run("issuer", "rotate", role, "--folder", f"{tmp_path}/o")
        assert code == 2
        assert said in terminal.read().err


def test_key_of_a_token_signs_with_its_pin(
    drawer: Drawer, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is taken once, and used where a key of a file would be."""
    drawer.plug_in("of dora")
    make_keys(tmp_path)
    (tmp_path / "dora.key").unlink()
    (tmp_path / "dora.pub").unlink()
    pin = private(tmp_path / "pin", PIN)
    words = ["issuer", "key", str(tmp_path / "dora.key"), "--name", "dora"]
    token = ["--token", "of dora", "--token-key", "3", "--passphrase-file", str(pin)]
    assert terminal.run(*words, *token) == 2
    assert "--pkcs11" in terminal.read().err
    library = ["--pkcs11", str(LIBRARY)]
    assert terminal.run(*words, *token, *library) == 0
    assert terminal.run(*init_words(tmp_path)) == 0
    entries = tmp_path / "in.jsonl"
    entries.write_text(line_of("p", 1) + "\n")
    folder = ["--folder", f"{tmp_path}/o"]
    assert terminal.run("issuer", "propose", str(entries), *folder) == 0
    sign = ["issuer", "sign", "--yes", "--key", str(tmp_path / "dora.key"), *folder]
    terminal.read()
    monkeypatch.setenv("PYKCS11LIB", "")  # the command before has set it

    assert terminal.run(*sign, "--passphrase-file", str(pin)) == 2
    assert "is in the token 'of dora'" in terminal.read().err
    pin.write_text(WRONG_PIN)
    assert terminal.run(*sign, "--passphrase-file", str(pin), *library) == 2
    assert "PIN of the token 'of dora' is wrong" in terminal.read().err
    pin.write_text(PIN)
    assert terminal.run(*sign, "--passphrase-file", str(pin), *library) == 0
    assert "dora has signed" in terminal.read().err
