"""The boundary of the command line: exit codes and messages of failures."""

import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest

from tests.cli.running import Terminal
from uploadfilter import cli
from uploadfilter.errors import ConfigError, LogCorruptError


def raising(error: BaseException) -> Callable[[], None]:
    """Return a program that fails in one way."""

    def program() -> None:
        raise error

    return program


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(ConfigError("no"), 2, id="refused"),
        pytest.param(LogCorruptError("no"), 1, id="own-exit-code"),
        pytest.param(KeyboardInterrupt(), 130, id="interrupted"),
        pytest.param(ZeroDivisionError("x"), 2, id="bug"),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    """However a command ends, its exit code is one of the contract."""
    monkeypatch.setattr(cli, "program", raising(error))

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == code


def test_deliberate_error_shows_message_and_hint(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People see the fault and the next step, and no traceback."""
    error = ConfigError("no key 'a[b]'", hint="Add it.")
    monkeypatch.setattr(cli, "program", raising(error))

    with pytest.raises(SystemExit):
        cli.main()

    assert terminal.read().err == "uploadfilter: no key 'a[b]'\n  Add it.\n"


def test_bug_shows_where_it_is(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error is not hidden: a report needs its traceback."""
    monkeypatch.setattr(cli, "program", raising(ZeroDivisionError("x")))

    with pytest.raises(SystemExit):
        cli.main()

    assert "ZeroDivisionError" in terminal.read().err


def test_version(terminal: Terminal) -> None:
    """The version is that of the installed package."""
    code = terminal.run("--version")

    assert code == 0
    assert terminal.read().out == f"uploadfilter {version('uploadfilter')}\n"


def test_every_command_has_help(terminal: Terminal) -> None:
    """Help goes to stdout and is a success."""
    for command in _commands(cli.whole_program(), ()):
        assert terminal.run(*command, "--help") == 0
    shown = terminal.read().out

    assert "Usage" in shown
    assert "-h" in shown
    assert "<bool>" not in shown  # a flag takes nothing


def _commands(command: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the path of a command and of all below it."""
    below = getattr(command, "commands", {})
    found = [path]
    for name, inner in below.items():
        found += _commands(inner, (*path, name))
    return found


def test_unknown_command_is_wrong_usage(terminal: Terminal) -> None:
    """A mistyped command ends with 2 and says so on stderr."""
    code = terminal.run("scam")
    said = terminal.read()

    assert (code, said.out) == (2, "")
    assert "scam" in said.err


def test_no_color_is_respected(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal the output has no escape sequence."""
    monkeypatch.setattr(cli, "program", raising(ConfigError("no", hint="Yes.")))
    monkeypatch.setattr(sys, "argv", ["uploadfilter"])

    with pytest.raises(SystemExit):
        cli.main()

    assert "\x1b" not in terminal.read().err
