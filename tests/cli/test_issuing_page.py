"""``docs/issuing.md`` is a day of an analyst: each command is run as it stands."""

import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hashsets.demo import pictures
from tests.cli.running import json_lines, run
from tests.repository import ROOT
from uploadfilter.cli import holders, output, passphrases
from uploadfilter.issuing.keys import made_key

PAGE = (ROOT / "docs" / "issuing.md").read_text(encoding="utf-8")
PASSPHRASE = "four words of mine"  # noqa: S105 - of a test


def blocks(heading: str) -> list[list[str]]:
    """Return the commands below a heading, without the name of the program."""
    _, _, text = PAGE.partition(f"\n## {heading}\n")
    text, _, _ = text.partition("\n## ")
    found = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line)[1:] for block in found for line in block.splitlines()]


Type = Callable[[list[str]], int]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Return what types a command, and the passphrase and yes where it asks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    # A key costs half a second at its usual price.
    monkeypatch.setattr(holders, "made_key", partial(made_key, cost=16))

    def passphrase(*_: object, **__: object) -> str:
        return PASSPHRASE

    monkeypatch.setattr(holders, "read_passphrase", passphrase)
    monkeypatch.setattr(passphrases, "read_passphrase", passphrase)
    for module in ("issuer", "signed"):
        monkeypatch.setattr(f"uploadfilter.cli.{module}.confirm", _yes)
    return lambda words: run(monkeypatch, *words)


def _yes(*_: object, **__: object) -> None:
    """Answer yes."""


def test_day_of_an_analyst(
    typed: Type, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """From a folder of pictures to a match, a withdrawal, and a new holder."""
    photo = pictures.photograph(7, width=160, height=120)
    for category, seed in (("1", 7), ("1", 8), ("2", 9)):
        folder = tmp_path / "pictures" / category
        folder.mkdir(parents=True, exist_ok=True)
        made = pictures.photograph(seed, width=160, height=120)
        (folder / f"{seed}.png").write_bytes(pictures.png(made))
    # A copy, in another format.
    (tmp_path / "upload.jpg").write_bytes(pictures.jpeg(photo))
    for heading in (
        "Once: keys and a folder",
        "From pictures to signals",
        "Propose, sign, publish",
        "What the provider does",
    ):
        for words in blocks(heading):
            assert typed(words) == output.OK, words
    capfd.readouterr()

    assert typed(["scan", "--json", "upload.jpg"]) == output.FOUND
    (scan,) = json_lines(capfd.readouterr().out)
    assert scan["verdict"] == "MATCH"
    (entry,) = {match["entry"] for match in scan["matches"]}
    (tmp_path / "ids.txt").write_text(f"{entry}\n")
    for words in blocks("At night: withdraw"):
        known = [entry if word == "ENTRY" else word for word in words]
        assert typed(known) == output.OK, words

    assert typed(["scan", "upload.jpg"]) == output.OK
    for words in blocks("When a key is lost, or somebody leaves"):
        assert typed(words) == output.OK, words


def test_page_is_two_pages() -> None:
    """An analyst reads it."""
    assert len(PAGE.splitlines()) <= 150
