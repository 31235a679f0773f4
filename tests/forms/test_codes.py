"""Tests of uploadfilter.forms.codes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.errors import ObjectionError
from uploadfilter.forms.codes import (
    CODE_DIGITS,
    KEY_BYTES,
    code_of,
    is_code,
    load_key,
    objection_directory,
    written_code,
)

KEY = bytes(range(KEY_BYTES))
ID = "20261128-0123456789abcdef0123"

ids = st.from_regex(r"20[0-9]{6}-[0-9a-f]{20}", fullmatch=True)
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@given(key=keys, decision=ids)
def test_code_of_a_decision_is_accepted(key: bytes, decision: str) -> None:
    """What an answer names is accepted by the form, also in groups and capitals."""
    code = code_of(key, decision)
    groups = " - ".join(code[at : at + 4] for at in range(0, CODE_DIGITS, 4))

    assert len(code) == CODE_DIGITS
    assert is_code(key, decision, code)
    assert is_code(key, decision, f"  {groups.upper()}\n")


@given(decision=ids, other=ids, key=keys)
def test_code_is_of_one_decision_and_one_key(
    decision: str, other: str, key: bytes
) -> None:
    """The code of another decision, or by another key, is wrong."""
    code = code_of(KEY, decision)

    assert is_code(KEY, other, code) == (other == decision)
    assert is_code(key, decision, code) == (key == KEY)


@given(st.text(max_size=80))
def test_any_text_is_read_or_is_no_code(text: str) -> None:
    """Whatever is written, it is a whole code or none, and never raises."""
    found = written_code(text)

    assert found == "" or written_code(found) == found
    assert not is_code(KEY, ID, text) or found == code_of(KEY, ID)


def test_letters_that_look_like_digits_count_as_these() -> None:
    """Who writes down what the telephone or a screen said may confuse them."""
    assert written_code("O" * 31 + "l") == "0" * 31 + "1"


def test_key_of_another_length_is_refused() -> None:
    """A key that was cut off must not give codes."""
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        code_of(KEY[1:], ID)


def test_key_is_made_once(tmp_path: Path) -> None:
    """Also by several processes at once; only its user may read it."""
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(load_key, [tmp_path] * 32))
    path = objection_directory(tmp_path) / "key"

    assert len(found) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [it.name for it in path.parent.iterdir()] == ["key"]


def test_damaged_key_is_refused(tmp_path: Path) -> None:
    """A new one would make every code wrong in silence."""
    load_key(tmp_path)
    (objection_directory(tmp_path) / "key").write_bytes(b"short")

    with pytest.raises(ObjectionError, match="has 5 bytes, not 32"):
        load_key(tmp_path)
