"""The table of commands: a command is loaded when it is called, and only then."""

import ast
import inspect
import re
import subprocess
import sys

import pytest

from tests.cli.running import Terminal, found_in
from tests.repository import ROOT
from uploadfilter.cli import whole_program
from uploadfilter.cli.commands import COMMANDS, GROUPS

MOST_COMMANDS = 45
"""A command more makes another one go. Lower it with them."""


def test_every_command_of_the_table_loads_with_the_same_help() -> None:
    """A list of commands says of each what its own help begins with."""
    loaded = found_in(whole_program())
    firsts = {
        words: " ".join(inspect.cleandoc(it.help or "").split("\n\n")[0].split())
        for words, it in loaded.items()
    }

    assert firsts == {words: text for words, (_, text) in COMMANDS.items()}
    assert all(it.callback is not None for it in loaded.values())


def test_commands_can_be_known() -> None:
    """There are no more commands than a person can keep in mind."""
    assert len(COMMANDS) <= MOST_COMMANDS


def test_named_commands_exist() -> None:
    """No message sends a person to a command that is gone."""
    group = "|".join(filter(None, GROUPS))
    pattern = re.compile(rf"\buploadfilter ((?:{group}) [a-z]+(?:-[a-z]+)*)")
    places = list((ROOT / "uploadfilter").rglob("*.py"))
    texts = [
        node.value
        for path in places
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    named = {found[1] for text in texts for found in pattern.finditer(text)}

    assert len(named) > MOST_COMMANDS // 2
    assert named <= COMMANDS.keys()


def test_every_group_has_commands() -> None:
    """No group is empty, and none lacks its help."""
    groups = {words.rpartition(" ")[0] for words in COMMANDS}
    groups |= {words.rpartition(" ")[0] for words in groups}

    assert groups == {"", *GROUPS}


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["--version"], set()),
        (["--help"], set()),
        (["hashset", "--help"], set()),
        (["hashset", "imprt"], set()),
        (["init", "--help"], {"init"}),
        (["--", "init", "--help"], {"init"}),
    ],
    ids=" ".join,
)
def test_only_the_called_command_is_loaded(words: list[str], loaded: set[str]) -> None:
    """A script that calls a command in a loop waits for that command only."""
    seen = (
        "import atexit, sys; from uploadfilter import cli; "
        "atexit.register(lambda: print('loaded', *sys.modules)); cli.main()"
    )
    done = subprocess.run(  # noqa: S603 -- this Python
        [sys.executable, "-c", seen, *words],
        capture_output=True,
        check=False,
        text=True,
    )
    modules = {it.partition(":")[0] for it, _ in COMMANDS.values()}
    listed = set(done.stdout.rpartition("loaded ")[2].split())

    assert {it for it in modules if f"uploadfilter.cli.{it}" in listed} == loaded
    assert loaded or not listed & {"numpy", "lmdb", "aiohttp"}


def test_misspelt_command_is_answered_with_the_near_one(terminal: Terminal) -> None:
    """The operator need not look the word up."""
    code = terminal.run("hashset", "imprt")

    assert code == 2
    assert "Did you mean 'import'?" in terminal.read().err
