"""The JSON schemas of the commands; ``run`` holds all output to them."""

from pathlib import Path

import pytest

from deploy.documents import schemas
from tests.cli.hashset.shells import Shell, shell
from tests.cli.running import Terminal, found_in
from tests.cli.schemas import is_valid
from uploadfilter.cli import whole_program
from uploadfilter.cli.documents import DOCUMENTS

__all__ = ["shell"]


def test_each_command_that_prints_json_has_a_schema() -> None:
    """No other command has one, and no file is left of a command that is gone."""
    printing = {
        words
        for words, command in found_in(whole_program()).items()
        if any("--json" in it.opts for it in command.params)
    }

    assert set(DOCUMENTS) == printing
    assert {*schemas.FOLDER.iterdir()} == {schemas.page_of(it) for it in printing}


@pytest.mark.parametrize("words", DOCUMENTS)
def test_schemas_are_what_the_code_says(words: str) -> None:
    """They were written after the code had changed last."""
    text = schemas.page_of(words).read_text(encoding="utf-8")

    assert text == schemas.text_of(words), "run 'make schemas'"


def test_key_that_the_schema_does_not_name_is_found() -> None:
    """A new key needs a new schema, and one that is gone is a broken promise."""
    whole = {"set": "s", "enforced": True, "generation": 1}
    is_valid("hashset enforce")(whole)
    for broken in ({**whole, "more": 1}, {"set": "s"}, {**whole, "set": None}):
        with pytest.raises(AssertionError, match="docs/json"):
            is_valid("hashset enforce")(broken)


def test_documents_that_no_other_test_reads(
    shell: Shell, tmp_path: Path, terminal: Terminal
) -> None:
    """``run`` looks at them; every other command has a test of its own JSON."""
    backup, restored = str(tmp_path / "b.tar.zst"), str(tmp_path / "new")
    first = tmp_path / "first.txt"
    first.write_text("568b72d9fa3101692a4928a5a1ef8d84")
    named = ("--name", "own", "--category", "1", "--json")
    taken = ("--digest", shell.digest, "--category", "1", "--json")

    assert shell.trust(*taken) == 0
    assert shell.type("import", str(first), *named) == 0
    assert shell.type("enforce", "own", "--json") == 0
    assert shell.type("remove", "own", "--yes", "--json") == 0
    assert terminal.run("backup", backup, "--json") == 0
    assert terminal.run("restore", backup, "--json", "--state", restored) == 0
