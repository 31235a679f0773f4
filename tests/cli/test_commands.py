"""The table of commands: the called one is loaded, and all for help."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from uploadfilter.cli import program_for
from uploadfilter.cli.commands import COMMANDS, GROUPS, completed


def commands_of(
    words: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    """Yield the commands of the program that a command line gets, by their words."""
    waiting: list[tuple[tuple[str, ...], object]] = [
        ((), typer.main.get_command(program_for(words)))
    ]
    for path, command in waiting:
        if isinstance(command, TyperGroup):
            below = command.commands.items()
            waiting.extend(((*path, name), each) for name, each in below)
        elif isinstance(command, TyperCommand):
            yield path, command


WHOLE = dict(commands_of(()))


def test_whole_program_has_every_command_and_group() -> None:
    """Nothing of the tables is left out, and no group is empty."""
    assert set(WHOLE) == set(COMMANDS)
    groups = {path[:n] for path in COMMANDS for n in range(1, len(path))}
    assert groups == set(GROUPS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_called_command_is_the_only_one_and_the_same(path: tuple[str, ...]) -> None:
    """Whatever follows its words, it takes what it takes in the whole program."""
    ((found, command),) = commands_of((*path, "--json", "serve"))

    assert found == path
    assert command.help == WHOLE[path].help
    assert [it.name for it in command.params] == [it.name for it in WHOLE[path].params]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="nothing"),
        pytest.param(("--help",), id="help"),
        pytest.param(("--help", "serve"), id="option-first"),
        pytest.param(("hashset",), id="group"),
        pytest.param(("hashset", "--help"), id="help-of-group"),
        pytest.param(("hashset", "known-good"), id="inner-group"),
        pytest.param(("hashset", "imprt"), id="misspelt"),
        pytest.param(("hashset", "serve"), id="of-another-group"),
    ],
)
def test_what_calls_no_command_sees_all(words: tuple[str, ...]) -> None:
    """Help, completion and the message on a misspelt word need every command."""
    assert set(dict(commands_of(words))) == set(COMMANDS)


def test_called_command_loads_no_other() -> None:
    """A script that calls a command in a loop waits for that command only."""
    seen = (
        "import sys; from uploadfilter.cli import program_for; "
        "program_for(['init']); "
        "print(*(name for name in sys.modules if name.startswith('uploadfilter.')))"
    )
    done = subprocess.run(  # noqa: S603 -- this Python
        [sys.executable, "-c", seen], capture_output=True, check=True, text=True
    )
    modules = {f"uploadfilter.cli.{it.partition(':')[0]}" for it in COMMANDS.values()}

    assert modules & set(done.stdout.split()) == {"uploadfilter.cli.init"}


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["report", "--from", "x"], ["report", "make", "--from", "x"]),
        (["report", "make", "--from", "x"], ["report", "make", "--from", "x"]),
        (["verify", "f"], ["verify", "f"]),
        (["report", "--help"], ["report", "--help"]),
        (["report"], ["report"]),
        (["log", "--since"], ["log", "--since"]),
        ([], []),
    ],
)
def test_usual_command_of_a_group_may_be_left_out(
    words: list[str], whole: list[str]
) -> None:
    """An option after ``report`` means ``report make``; nothing else changes."""
    assert completed(words) == whole
