"""Checking and showing a configuration from the command line."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.running import Terminal
from uploadfilter.reference.store import ReferenceDirectory

USABLE = """
origin = "http://127.0.0.1:81"
objection = { env = "OBJECTION" }
[limits]
max_parts = 7
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration file in a separate environment."""
    (tmp_path / "state").mkdir()
    ReferenceDirectory(tmp_path / "state/reference").init()
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OBJECTION", "https://example.org/secret")
    path = tmp_path / "uploadfilter.toml"
    path.write_text(USABLE)
    return path


def test_usable_file_ends_with_0(file: Path, terminal: Terminal) -> None:
    """One line says so."""
    assert terminal.run("config", "--check", str(file)) == 0
    assert "can be used" in terminal.read().err


@pytest.mark.parametrize("is_json", [False, True])
def test_state_without_a_reference_set_ends_with_1(
    file: Path, terminal: Terminal, is_json: bool
) -> None:
    """The service would start and answer 503: the next command is named."""
    state = file.parent / "empty"
    options = ("--state", str(state), *(("--json",) if is_json else ()))
    code = terminal.run("config", "--check", str(file), *options)
    said = terminal.read()

    assert code == 1
    assert "answered 503" in said.out + said.err
    assert f"uploadfilter init --state {state}" in said.out + said.err
    assert "can be used" not in said.err


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["show", "check"])
def test_file_is_named_as_serve_takes_it_too(
    file: Path, options: tuple[str, ...], terminal: Terminal
) -> None:
    """``--config`` names it as well as the argument does; two files are a mistake."""
    shown = []
    for arguments in ([str(file)], ["--config", str(file)]):
        assert terminal.run("config", *options, *arguments) == 0
        shown.append(terminal.read())
    other = str(file.with_name("other.toml"))
    assert terminal.run("config", *options, str(file), "--config", other) == 2

    assert shown[0] == shown[1]
    assert "two configuration files are named" in terminal.read().err


def test_every_mistake_is_told_with_its_line(file: Path, terminal: Terminal) -> None:
    """Exit code 2, and a line with a hint below for each."""
    file.write_text('mode = "off"\nlissen = 1\n[limits]\nmax_parts = 0')
    code = terminal.run("config", "--check", str(file))
    err = terminal.read().err

    assert code == 2
    assert [line for line in (1, 2, 4) if f"toml:{line}: " in err] == [1, 2, 4]
    assert "'listen'" in err


def test_place_of_what_is_not_toml_is_said_once(file: Path, terminal: Terminal) -> None:
    """The line is a separate field, as for every other mistake."""
    file.write_text('origin = "http://x"\nmode = off')
    code = terminal.run("config", "--check", "--json", str(file))
    (problem,) = json.loads(terminal.read().out)["problems"]

    assert code == 2
    assert problem["line"] == 2
    assert problem["problem"] == "not TOML: Invalid value"


def test_json_says_the_same(file: Path, terminal: Terminal) -> None:
    """Programs get places, keys and hints apart."""
    file.write_text('origin = "http://x"\nmode = "off"')
    code = terminal.run("config", "--check", "--json", str(file))
    document = json.loads(terminal.read().out)

    assert code == 2
    assert document["usable"] is False
    assert document["problems"] == [
        {
            "source": str(file),
            "line": 2,
            "key": "mode",
            "problem": "mode = 'off' is not a mode",
            "hint": 'Use "monitor" (record only) or "enforce" (reject as well).',
        }
    ]


@pytest.mark.parametrize("text", [None, "origin = "])
def test_file_that_is_no_toml_ends_with_2(
    file: Path, terminal: Terminal, text: str | None
) -> None:
    """So does one that is not there; also as JSON."""
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    code = terminal.run("config", "--check", "--json", str(file))
    (problem,) = json.loads(terminal.read().out)["problems"]

    assert code == 2
    assert problem["hint"]


def test_shown_settings_are_a_file(
    file: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets are not shown; a value from elsewhere names its source."""
    monkeypatch.setenv("UPLOADFILTER_MODE", "enforce")
    code = terminal.run("config", "--changed", "--instance", "b", str(file))
    out = terminal.read().out

    assert code == 0
    assert tomllib.loads(out) == {
        "origin": {"url": "http://127.0.0.1:81"},
        "mode": "enforce",
        "state": str(file.parent / "state"),
        "instance": "b",
        "objection": {"env": "OBJECTION"},
        "limits": {"max_parts": 7},
    }
    assert "UPLOADFILTER_MODE" in out
    assert "--instance" in out
    assert "secret" not in out


def test_settings_are_shown_as_json(file: Path, terminal: Terminal) -> None:
    """Each with its key, value and source."""
    terminal.run("config", "--json", str(file))
    document = json.loads(terminal.read().out)
    settings = {item["key"]: item for item in document["settings"]}

    assert document["file"] == str(file)
    assert settings["limits.max_parts"]["value"] == 7
    assert settings["limits.max_parts"]["source"] == "line 5"
    assert settings["limits.max_body_bytes"]["source"] == "default"


def test_settings_that_cannot_be_used_are_not_shown(
    file: Path, terminal: Terminal
) -> None:
    """No values are shown; the mistakes are reported instead."""
    file.write_text('mode = "off"')

    assert terminal.run("config", str(file)) == 2
    assert "toml:1: mode = 'off'" in terminal.read().err


@pytest.mark.parametrize(
    "words", [("--check", "--changed"), ("--strict",), ("--online",)], ids=" ".join
)
def test_options_of_the_other_act_are_refused(
    file: Path, terminal: Terminal, words: tuple[str, ...]
) -> None:
    """A script that forgot --check must not take settings for a good check."""
    assert terminal.run("config", str(file), *words) == 2
