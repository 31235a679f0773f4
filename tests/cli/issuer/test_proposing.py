"""Staging and proposing from the command line, in as few commands as possible."""

import shutil
from pathlib import Path

import pytest

from tests.cli.issuer.desk import Desk, desk
from tests.cli.issuer.holders import PASSPHRASE, private
from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from tests.issuing.offices import line_of

__all__ = ["desk"]


def keys(desk: Desk, *names: str) -> list[str]:
    """Return the options that sign with several keys."""
    return [
        word
        for name in names
        for word in (
            "--key",
            f"{desk.path}/{name}.key",
            "--passphrase-file",
            f"{desk.path}/pw",
        )
    ]


def test_folder_of_pictures_becomes_a_set_in_three_commands(desk: Desk) -> None:
    """``propose`` builds, stages and signs; ``publish`` copies as well."""
    folder = desk.path / "pictures" / "1"
    folder.mkdir(parents=True)
    for seed in (7, 8):
        (folder / f"{seed}.png").write_bytes(pictures.png(pictures.photograph(seed)))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    first = ("ann", "bob", "fay")

    assert (
        desk.type("propose", f"{desk.path}/pictures", "--yes", *keys(desk, "dora")) == 0
    )
    told = desk.said()
    assert desk.type("sign", "--yes", *keys(desk, *first, "eve")) == 0
    stick = f"{desk.path}/stick"
    assert desk.type("publish", *desk.online(), "--export", stick) == 0

    assert "left out: 1" in told
    assert "dora has signed." in told
    assert "hashset: needs 1 more signature of eve (has 1: dora)" in told
    assert (Path(stick) / "metadata" / "timestamp.json").exists()
    assert list((desk.path / "o" / "builds").iterdir()) == []
    assert desk.shape("status")["entries"] == 2


def test_pictures_that_are_there_no_more_are_no_part_of_a_later_build(
    desk: Desk,
) -> None:
    """A build that was finished and not staged is made anew, from the present files."""
    folder = desk.path / "pictures" / "1"
    folder.mkdir(parents=True)
    (folder / "7.png").write_bytes(pictures.png(pictures.photograph(7)))
    pw = private(desk.path / "other", "another passphrase")
    wrong = ("--key", f"{desk.path}/dora.key", "--passphrase-file", str(pw))

    assert desk.type("propose", f"{desk.path}/pictures", "--yes", *wrong) == 2
    (folder / "8.png").write_bytes(pictures.png(pictures.photograph(8)))
    proposed = desk.shape("propose", f"{desk.path}/pictures")

    assert proposed["entries"] == 2


def test_folder_without_pictures_proposes_nothing(desk: Desk) -> None:
    """The exit code is 1, and nothing is left behind."""
    (desk.path / "pictures" / "1").mkdir(parents=True)
    (desk.path / "pictures" / "1" / "notes.txt").write_text("look again")

    assert desk.type("propose", f"{desk.path}/pictures") == 1
    assert "none of its files became an entry" in desk.said()
    assert list((desk.path / "o" / "builds").iterdir()) == []


def test_withdrawn_entry_is_named(desk: Desk) -> None:
    """When its file is proposed, and later if it was withdrawn in between."""
    file = desk.path / "in.jsonl"
    file.write_text("".join(line_of(f"p-{n}", n) + "\n" for n in range(20)))
    desk.type("propose", str(file))
    desk.publish()
    file.write_text(line_of("p-3", 33) + "\n" + line_of("p-30", 30) + "\n")
    desk.type("propose", str(file))
    withdraw = ("withdraw", "p-3", "--yes", *desk.key("fay"), *desk.online())
    assert desk.type(*withdraw) == 0
    desk.said()
    assert desk.type("propose") == 0
    late = desk.said()
    assert desk.type("propose", str(file)) == 0
    early = desk.said()

    for told in (late, early):
        assert "1 entry that a duty officer withdrew: p-3" in told
        assert "list it with another id" in told
    assert desk.shape("propose", str(file))["withdrawn"] == ["p-3"]


@pytest.mark.parametrize(
    "passphrases",
    [
        pytest.param(["--passphrase-file", "pw"], id="too few"),
        pytest.param(["--passphrase-fd", "9"], id="one descriptor"),
    ],
)
def test_each_key_needs_its_passphrase(desk: Desk, passphrases: list[str]) -> None:
    """In the order of the keys; nothing is signed otherwise."""
    two = ["--key", f"{desk.path}/ann.key", "--key", f"{desk.path}/bob.key"]

    assert desk.type("sign", "--yes", *two, *passphrases) == 2
    assert "once for each --key" in desk.said()


def test_keys_are_made_with_the_folder(terminal: Terminal, tmp_path: Path) -> None:
    """A person with two roles has one key; a key that is there is taken."""
    passphrases = tmp_path / "passphrases"
    passphrases.mkdir()
    for name in ("ann", "bob", "dora", "machine"):
        private(passphrases / f"{name}.txt", PASSPHRASE)
    words = [
        *("issuer", "new", f"{tmp_path}/o", "--set", "unit7", "--issuer", "U7"),
        *("--root", "ann", "--root", "bob", "--analyst", "dora", "--analyst", "ann"),
        *("--duty", "dora", "--keys", str(tmp_path)),
        *("--passphrases", str(passphrases)),
    ]

    assert terminal.run(*words) == 0
    made = {path.name for path in tmp_path.glob("*.key")}
    shutil.rmtree(tmp_path / "o")
    again = terminal.run(*words)
    told = terminal.read().err
    given = [
        f"{tmp_path}/{it}.pub" if it in {"ann", "bob", "dora"} else it for it in words
    ]
    with_files = terminal.run(*given, "--online", f"{tmp_path}/machine.pub")

    assert made == {"ann.key", "bob.key", "dora.key", "machine.key"}
    assert again == 2
    assert "ann has a key already" in told
    assert "ann.pub" in told
    assert with_files == 0
    status = ("issuer", "status", "--json", "--folder", f"{tmp_path}/o")
    assert terminal.run(*status) == 0
    (shape,) = json_lines(terminal.read().out)
    assert shape["proposed"][0]["others"] == ["ann", "bob"]


@pytest.mark.parametrize(
    "missing", ["--set", "--issuer", "--root", "--analyst", "--duty"]
)
def test_missing_option_is_named_without_a_terminal(
    terminal: Terminal, tmp_path: Path, missing: str
) -> None:
    """Nothing is asked where nobody can answer, and nothing is made."""
    known = {
        "--set": "unit7",
        "--issuer": "U7",
        "--root": "ann",
        "--analyst": "dora",
        "--duty": "fay",
    }
    words = [it for pair in known.items() if pair[0] != missing for it in pair]

    assert terminal.run("issuer", "new", f"{tmp_path}/o", *words) == 2
    assert f"{missing} is missing" in terminal.read().err
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--leave-out-known-good",), "a folder of pictures only"),
        (("in.jsonl", "--known-good", "kg"), "a folder of pictures only"),
        (("--replace",), "need a folder or file"),
        (("--category", "1"), "need a folder or file"),
    ],
)
def test_option_that_would_do_nothing_is_refused(
    desk: Desk, words: tuple[str, ...], said: str
) -> None:
    """Nobody believes that pictures were left out when none were compared."""
    assert desk.type("propose", *words) == 2
    assert said in desk.said()
