"""A value is the same, however it is written, and no other text becomes one."""

from base64 import b32encode, b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import SignalType

VALUES = st.sampled_from(SignalType).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.binary(min_size=kind.width_bytes, max_size=kind.width_bytes),
    )
)


@given(VALUES, st.sampled_from([" ", ":", "-"]))
def test_every_way_to_write_a_value_is_read(
    typed: tuple[SignalType, bytes], between: str
) -> None:
    """Hex with a sign before it or something between, and base64 of either alphabet."""
    kind, value = typed
    ways = [
        value.hex(),
        value.hex().upper(),
        "0x" + value.hex().upper(),
        "\\x" + value.hex(),
        value.hex(between),
        b64encode(value).decode(),
        urlsafe_b64encode(value).decode(),
    ]
    if kind is SignalType.SHA1:
        ways.append(b32encode(value).decode())

    assert {hex_of(way, kind).lower() for way in ways} == {value.hex()}


@given(st.sampled_from(SignalType), st.text(max_size=80))
def test_other_text_stays_as_it_is(kind: SignalType, text: str) -> None:
    """So that the reason for the refusal is about the text of the file."""
    found = hex_of(text, kind)

    assert found == text or len(bytes.fromhex(found)) == kind.width_bytes


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0TGt0MXm7sRpPZoGmK/5XA", id="no-padding"),
        pytest.param("0x0TGt0MXm7sRpPZoGmK", id="prefix-of-other-text"),
        pytest.param("d1:31-dd:02", id="mixed-separators"),
        pytest.param("see the remark of the case", id="words"),
    ],
)
def test_nothing_is_guessed(text: str) -> None:
    """A text without the whole shape of a value is not a value."""
    assert hex_of(text, SignalType.MD5) == text
