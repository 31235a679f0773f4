"""Output: foreign text on terminals and in JSON."""

import json
import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.cli.output import encodable, harmless


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
    """What could steer a terminal is escaped; what people can read is kept."""
    assert harmless(text) == expected


@given(name=st.binary(min_size=1))
def test_every_file_name_can_be_printed(name: bytes) -> None:
    """Whatever bytes a name is made of, it has a printable form and a JSON form."""
    path = encodable(os.fsdecode(name))

    assert json.loads(msgspec.json.encode(path)) == path
    assert harmless(path).isprintable()


@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_utf8_names_stay_as_they_are(name: str) -> None:
    """A name that is valid UTF-8 is printed in JSON as it is."""
    assert encodable(name) == name
