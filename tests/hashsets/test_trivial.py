"""No content of which every disk is full is ever listed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hashsets.reading import read
from uploadfilter.hashsets import trivial
from uploadfilter.hashsets.tally import Problem
from uploadfilter.model import EXACT_TYPES, SignalType


def digest_of(content: bytes, kind: SignalType) -> str:
    """Return a digest as lists have it."""
    return hashlib.new(kind.value, content, usedforsecurity=False).hexdigest()


@given(
    st.sampled_from(
        [*trivial.contents(), bytes(512), bytes(4096), b"\xff" * 65536, bytes(1 << 20)]
    ),
    st.sampled_from(EXACT_TYPES),
)
def test_trivial_content_is_left_out(content: bytes, kind: SignalType) -> None:
    """The same holds for a list of any exact type."""
    found, tally = read(digest_of(content, kind).encode())

    assert found == []
    assert [item.problem for item in tally.problems] == [Problem.TRIVIAL]
    assert tally.malformed == 0


@pytest.mark.parametrize("form", ["short", "general", "block"])
def test_trivial_content_is_left_out_of_json_lines(form: str) -> None:
    """In both forms, among others or alone; the rest of the entry is kept."""
    one = digest_of(b"\n", SignalType.MD5)
    lines = {
        "short": [f'{{"id":"a","category":"A","md5":"{one}"}}'],
        "general": [
            f'{{"id":"a","category":"A","signals":[{{"type":"md5","value":"{one}"}}]}}'
        ],
        "block": [f'{{"id":"a{n}","category":"A","md5":"{one}"}}' for n in range(40)],
    }[form]
    kept = digest_of(b"no trivial content", SignalType.SHA1)
    lines.append(f'{{"id":"b","category":"A","md5":"{one}","sha1":"{kept}"}}')

    found, tally = read("\n".join(lines).encode())

    assert found == ["b"]
    assert [item.count for item in tally.problems] == [len(lines)]
