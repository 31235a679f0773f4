"""JSON documents are read piece by piece, with the same result as in one piece."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.foreign import documents
from uploadfilter.hashsets.foreign.documents import DocumentShape
from uploadfilter.hashsets.tally import Problem

WAYS = {
    "": frozenset({"value", "Media"}),
    "value": frozenset({"Media"}),
    "Media": frozenset[str](),
}
SHAPE = DocumentShape(ways=WAYS, wanted=frozenset({"a", "b"}))


def read(data: bytes, chunk_bytes: int = 7) -> list[Any]:
    """Return the records of a document."""
    file: io.BufferedReader = io.BufferedReader(io.BytesIO(data))
    return list(documents.records(file, SHAPE, chunk_bytes=chunk_bytes))


def without_unwanted(item: object) -> object:
    """Return a record as it is read: unwanted fields are known by name only."""
    if not isinstance(item, dict):
        return Problem.NOT_JSON
    return {k: v if k in SHAPE.wanted else None for k, v in item.items()}


def slow(value: object, place: str = "") -> Iterator[object]:
    """Yield the records of a document that was decoded as a whole: the slow twin."""
    for item in value if isinstance(value, list) else [value]:
        ways = [
            way
            for way in WAYS[place]
            if isinstance(item, dict) and isinstance(item.get(way), list | dict)
        ]
        if not ways:
            yield without_unwanted(item)
        elif isinstance(item, dict):
            for name in item:
                if name in ways:
                    yield from slow(item[name], name)


NAMES = st.sampled_from(["value", "Media", "a", "b", 'c"', "\\", ""])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(1 - 2**63, 2**63 - 1)
    | st.floats(allow_nan=False)
)
VALUES = st.recursive(
    SCALARS.filter(lambda number: number not in {float("inf"), float("-inf")})
    | st.text('ab"\\{}[],: \n\u00e9\U0001f600', max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)
SPACES = st.sampled_from([None, 1, "\t"])


@given(
    value=VALUES,
    chunk_bytes=st.integers(1, 40),
    indent=SPACES,
    is_ascii=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_pieces_mean_the_same_as_the_whole(
    value: object,
    chunk_bytes: int,
    indent: int | str | None,
    is_ascii: bool,
    encoding: str,
) -> None:
    """However a document is written, cut and encoded, its records are the same."""
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)

    assert read(text.encode(encoding), chunk_bytes) == list(slow(value))


@given(value=VALUES, chunk_bytes=st.integers(1, 40), most=st.integers(40, 60))
def test_long_records_mean_the_same_in_what_is_wanted(
    value: object, chunk_bytes: int, most: int
) -> None:
    """A record that is read field by field keeps the used fields, or is an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "MOST_RECORD_CHARACTERS", most)
        found = read(json.dumps(value).encode(), chunk_bytes)

    wanted = [
        {name: item[name] for name in item.keys() & SHAPE.wanted}
        if isinstance(item, dict)
        else item
        for item in slow(value)
    ]
    assert len(found) == len(wanted)
    for item, expected in zip(found, wanted, strict=True):
        if isinstance(item, dict) and isinstance(expected, dict):
            assert item.items() >= expected.items()
        else:
            assert item is Problem.LINE_TOO_LONG or item == expected


DOCUMENT = {
    "odata.metadata": "\u00fc",
    "value": [{"a": 1, "n": {"m": [-1.5e3, True, None]}}, {"Media": [{"b": '\\"'}]}],
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_document_that_is_cut_off_is_refused(encoding: str) -> None:
    """At whatever byte: a file that is not all there is never taken for all."""
    data = json.dumps(DOCUMENT, ensure_ascii=False).encode(encoding)
    # A byte order mark alone is an empty file.
    for end in range(4, len(data)):
        with pytest.raises(HashSetFormatError):
            read(data[:end])


@pytest.mark.parametrize("between", ["", "\n", "\ufeff", "\r\n\ufeff"])
def test_documents_may_come_one_after_the_other(between: str) -> None:
    """Like pages of an answer that were saved into one file."""
    pages = between.join(['{"value":[{"a":1},{"a":2}]}', '{"a":3}', "[]", '[{"a":4}]'])

    assert [item["a"] for item in read(pages.encode("utf-8-sig"))] == [1, 2, 3, 4]


@example(b"\xef")
@example(b'[]"')
@example(b'[]"\\')
@example(b"\xef\xbb")
@given(
    st.binary(max_size=60) | st.text('{}[]",:\\ae1-. tru', max_size=60).map(str.encode)
)
def test_any_bytes_have_an_answer(data: bytes) -> None:
    """They are refused, or are what Python reads in them, too."""
    try:
        found = read(data)
    except HashSetFormatError:
        return

    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    decoder, text, at = json.JSONDecoder(), data.decode("utf-8-sig"), 0
    expected: list[object] = []
    spaces = " \t\r\n\ufeff"
    while text[at:].strip(spaces):
        at += len(text[at:]) - len(text[at:].lstrip(spaces))
        value, at = decoder.raw_decode(text, at)
        expected += slow(value)
    assert found == expected


@pytest.mark.parametrize(
    "data",
    [
        b'{"value":[{"a":1},]}',
        b'{"value":[{"a":1} {"a":2}]}',
        b'{"value":[{"a":1}]]',
        b'{"value":[{"a":1}',
        b'{"value":[{"a":NaN}]}',
        b'{"value":[{"a":' + b"9" * 5000 + b"}]}",
        b'{value:[{"a":1}]}',
        b'{"value":[{"a":"\xe9"}]}',
        b'{"value":[{"a":' + b"[" * 100_000,
        b'{"value":[' + b'{"a":' * 100_000,
    ],
    ids=lambda data: repr(data[:30]),
)
@pytest.mark.parametrize("chunk_bytes", [5, 1 << 16])
def test_broken_document_is_refused(data: bytes, chunk_bytes: int) -> None:
    """With an ``UploadFilterError``, for any mistake."""
    with pytest.raises(HashSetFormatError) as caught:
        read(data, chunk_bytes)

    assert caught.value.hint


MOST = 1 << 16
LONG = "x" * (MOST + 5)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            {"picture": LONG, "a": 1}, {"picture": None, "a": 1}, id="unwanted-text"
        ),
        pytest.param(
            {"n": [[LONG, {"q": LONG}]], "a": 1},
            {"n": None, "a": 1},
            id="unwanted-nest",
        ),
        pytest.param(
            {"n": [{"p": 1}] * 20_000, "a": 1}, {"n": None, "a": 1}, id="unwanted-list"
        ),
        pytest.param({"a": LONG, "b": 1}, Problem.LINE_TOO_LONG, id="wanted"),
        pytest.param(LONG, Problem.LINE_TOO_LONG, id="no-object"),
    ],
)
def test_memory_is_bounded(
    monkeypatch: pytest.MonkeyPatch, record: object, expected: object
) -> None:
    """A record of any length is read in the memory of one, and the next one is read."""
    monkeypatch.setattr(documents, "MOST_RECORD_CHARACTERS", MOST)
    data = json.dumps({"value": [record, {"b": 2}]}).encode()
    file: io.BufferedReader = io.BufferedReader(io.BytesIO(data))
    tracemalloc.start()
    found = list(documents.records(file, SHAPE, chunk_bytes=4096))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found[1] == {"b": 2}
    assert found[0] == expected
    assert peak < 50 * MOST
