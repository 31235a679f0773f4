"""A text that is not TOML is refused with a remedy."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.errors import ConfigError
from uploadfilter.toml import fault_of

SEE = "See docs/operating/settings.md for an example."


def refused(text: str) -> ConfigError:
    """Return the error for a text."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- whatever tomllib raises
        tomllib.loads(text)
    return fault_of(text, caught.value).in_file(Path("a.toml"), see=SEE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a = 1\n\na = 2\n",
            "a.toml:3: the key 'a' is there twice, the first time in line 1",
            id="key",
        ),
        pytest.param(
            "[b]\na = 1\n[c]\na = 1\n'a' = 2",
            "a.toml:5: the key 'a' is there twice, the first time in line 4",
            id="of-its-table",
        ),
        pytest.param(
            "[b]\na = 1\n[c]\n[b]\nd = 1",
            "a.toml:4: the table 'b' is there twice, the first time in line 1",
            id="table",
        ),
        pytest.param(
            "a = 1\n[a]\n", "a.toml:2: the table 'a' is there twice", id="key-and-table"
        ),
        pytest.param(
            "[b]\n[[b]]\n",
            "a.toml:2: the table 'b' is there twice, the first time in line 1",
            id="table-and-list",
        ),
        pytest.param("a = {b = 1, b = 2}", "a.toml:1: the key 'a'", id="inline"),
    ],
)
def test_what_is_there_twice_is_called_so(text: str, message: str) -> None:
    """With both lines where they can be told, and no word about quotes."""
    error = refused(text)

    assert message in str(error)
    assert "quote" not in error.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("mode = enforce", "double quotes", id="bare-word"),
        pytest.param("a = True", "in small letters", id="capital-truth"),
        pytest.param("a = 20 MiB", "of its own", id="unit"),
        pytest.param('a = "C:\\d"', "single quotes", id="backslash"),
        pytest.param('a = "b', "must end on its line", id="unterminated"),
        pytest.param("a", "KEY = VALUE", id="no-value"),
        pytest.param("= 1", "KEY = VALUE", id="no-key"),
        pytest.param("a = [1", "End the list with ]", id="list"),
        pytest.param("a = {b = 1", "with } on the same line", id="table"),
        pytest.param("[a\nb = 1", "heading of a table with ]", id="heading"),
        pytest.param("a = 2026-02-31", "settings.md", id="date"),
    ],
)
def test_hint_is_about_what_is_wrong(text: str, hint: str) -> None:
    """Each mistake has its own cure."""
    error = refused(text)

    assert "not TOML" in str(error)
    assert hint in error.hint


@given(st.text(st.sampled_from("ab[]={}\n\"' 1.#"), max_size=30))
def test_any_text_has_an_answer(text: str) -> None:
    """Whatever tomllib refuses has a message and a hint."""
    try:
        tomllib.loads(text)
    except ValueError as exc:
        error = fault_of(text, exc).in_file(None, see=SEE)
    else:
        return

    assert str(error)
    assert error.hint
