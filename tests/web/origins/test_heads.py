"""Heads as bytes: written as they were read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.web.origins.heads import encode_head

VALUES = st.binary(max_size=20).map(
    lambda value: bytes(byte for byte in value if byte >= 0x20 and byte != 0x7F)
)


@given(values=st.lists(VALUES, max_size=4))
def test_encoded_head_holds_every_byte(values: list[bytes]) -> None:
    """Whatever bytes a value has, those are encoded, in their order."""
    headers = [(b"X-Value", value) for value in values]

    lines = b"".join(b"X-Value: %s\r\n" % value for value in values)
    encoded = encode_head("GET /\udce9 HTTP/1.1", headers)
    assert encoded == b"GET /\xe9 HTTP/1.1\r\n" + lines + b"\r\n"


@pytest.mark.parametrize("breaking", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("where", ["line", "name", "value"])
def test_encoded_head_has_no_line_of_others(breaking: str, where: str) -> None:
    """A header that is written into a target, a name or a value is refused."""
    texts = {"line": "GET / HTTP/1.1", "name": "X", "value": "1"}
    texts[where] += breaking
    header = (texts["name"].encode(), texts["value"].encode())

    with pytest.raises(ValueError, match="line break"):
        encode_head(texts["line"], [header])
