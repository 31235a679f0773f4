"""Output: foreign text on terminals and in JSON."""

import json
import os
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from uploadfilter.cli.output import (
    csv_line,
    encodable,
    harmless,
    print_text,
    say,
    show_error,
    table,
)
from uploadfilter.errors import ConfigError, ConfigProblem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("holiday ü 日本.jpg", "holiday ü 日本.jpg", id="printable"),
        pytest.param("a\x1b[31mred", r"a\x1b[31mred", id="escape"),
        pytest.param("a\nb", r"a\nb", id="newline"),
        pytest.param("a\u202eb", r"a\u202eb", id="right-to-left"),
        pytest.param("a\udcffb", r"a\udcffb", id="not-utf-8"),
    ],
)
def test_harmless_text(text: str, expected: str) -> None:
    """Characters that control a terminal are escaped; readable ones are kept."""
    assert harmless(text) == expected


@given(name=st.binary(min_size=1))
def test_every_file_name_can_be_printed(name: bytes) -> None:
    """Whatever bytes a name is made of, it has a printable form and a JSON form."""
    path = encodable(os.fsdecode(name))

    assert json.loads(msgspec.json.encode(path)) == path
    assert harmless(path).isprintable()


@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_utf8_names_stay_as_they_are(name: str) -> None:
    """A name in valid UTF-8 is printed unchanged in JSON."""
    assert encodable(name) == name


def test_line_stays_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """A reader of a pipe gets one line for each file, however long its name is."""
    print_text(Text("NO_MATCH  " + "x" * 250 + ".jpg"))

    assert capfd.readouterr().out.count("\n") == 1


def test_cell_is_folded_and_not_cut(capfd: pytest.CaptureFixture[str]) -> None:
    """An id or a checkpoint that is too wide for a column can still be copied."""
    wide = "0123456789abcdef" * 20
    print_text(table("what", rows=[[wide]]))

    assert "".join(capfd.readouterr().out.split()) == "what" + wide


def test_every_problem_of_a_file_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Each on its own line, with its hint below, and harmless."""
    problems = [
        ConfigProblem(source="a.toml", line=n, key="x", text=text, hint=f"cure {n}")
        for n, text in enumerate(("one", "two\x1b[2J"), start=1)
    ]
    show_error(ConfigError("one\ntwo", hint="cure", problems=problems))

    assert capfd.readouterr().err.splitlines() == [
        "uploadfilter: a.toml:1: one",
        "  cure 1",
        "uploadfilter: a.toml:2: two\\x1b[2J",
        "  cure 2",
    ]


def test_words_that_nobody_reads_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A closed stderr does not change the exit code."""
    reader, writer = os.pipe()
    os.close(reader)
    # Nothing is left in its buffer for the interpreter to fail on at the end.
    with os.fdopen(os.dup(writer), "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        say("nobody hears this")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    os.close(writer)


def test_no_spreadsheet_takes_a_path_for_a_formula() -> None:
    """A path that an uploader chose begins with a quote in CSV, if need be."""
    assert csv_line(("=1+1", "-a", "a,b")) == b"'=1+1,'-a,\"a,b\"\n"
