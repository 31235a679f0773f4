"""The boundary of the command line: exit codes and messages of failures."""

import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest

from tests.cli.running import run
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
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """People see the fault and the next step, and no traceback."""
    error = ConfigError("no key 'a[b]'", hint="Add it.")
    monkeypatch.setattr(cli, "program", raising(error))

    with pytest.raises(SystemExit):
        cli.main()

    assert capfd.readouterr().err == "uploadfilter: no key 'a[b]'\n  Add it.\n"


def test_bug_shows_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An unforeseen error is not hidden: a report needs its traceback."""
    monkeypatch.setattr(cli, "program", raising(ZeroDivisionError("x")))

    with pytest.raises(SystemExit):
        cli.main()

    assert "ZeroDivisionError" in capfd.readouterr().err


def test_version(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The version is that of the installed package."""
    code = run(monkeypatch, "--version")

    assert code == 0
    assert capfd.readouterr().out == f"uploadfilter {version('uploadfilter')}\n"


def test_every_command_has_help(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Help goes to stdout and is a success."""
    for command in _commands(cli.whole_program(), ()):
        assert run(monkeypatch, *command, "--help") == 0
    shown = capfd.readouterr().out

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


def test_unknown_command_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistyped command ends with 2 and says so on stderr."""
    code = run(monkeypatch, "scam")
    said = capfd.readouterr()

    assert (code, said.out) == (2, "")
    assert "scam" in said.err


def test_no_color_is_respected(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal the output has no escape sequence."""
    monkeypatch.setattr(cli, "program", raising(ConfigError("no", hint="Yes.")))
    monkeypatch.setattr(sys, "argv", ["uploadfilter"])

    with pytest.raises(SystemExit):
        cli.main()

    assert "\x1b" not in capfd.readouterr().err
