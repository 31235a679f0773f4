"""The words by which uploaders in web pages number the slices of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.assembling.webforms import UPLOADERS
from uploadfilter.uploads.assembly.webforms import MOST_SLICES, Slice, read_slice
from uploadfilter.uploads.head.plan import Refusal

KNOWN = {
    name: fields(1, 3, 100, 250)
    for name, fields in UPLOADERS.items()
    if name != "range"
}


def read(
    fields: dict[str, str], *more: tuple[str, str], content_range: str | None = None
) -> Slice | Refusal | None:
    """Read a form of some fields."""
    told = [*fields.items(), *more]
    return read_slice(told, content_range=content_range, file_name="a.jpg")


@pytest.mark.parametrize("uploader", KNOWN)
def test_second_of_three_slices(uploader: str) -> None:
    """As each script says it."""
    found = read(KNOWN[uploader], ("title", "a lake"))
    assert isinstance(found, Slice)
    assert (found.uploader, found.index, found.count) == (uploader, 1, 3)
    expected = (None, None) if uploader == "plupload" else (100, 250)
    assert (found.at, found.total) == expected
    assert found.is_random is (uploader in {"dropzone", "fineuploader"})


def test_range_counts_bytes() -> None:
    """JQuery File Upload numbers nothing."""
    found = read({"title": "a"}, content_range="bytes 100-199/250")
    assert isinstance(found, Slice)
    assert (found.index, found.count, found.at, found.total) == (None, None, 100, 250)
    assert "a.jpg" in found.upload


def test_form_without_such_words_is_no_slice() -> None:
    """Nor is one with the words of another script."""
    assert read({"title": "a", "name": "b"}) is None
    assert read({"part": "1", "parts": "3"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "bytes 1-0/5",
        "bytes 0-5/5",
        "bytes */5",
        "bytes 0-4/*",
        "bytes 0-4",
        "0-4/5",
        "",
    ],
)
def test_odd_range_is_refused(text: str) -> None:
    """Servers differ in what they make of it."""
    assert isinstance(read({}, content_range=text), Refusal)


@pytest.mark.parametrize("uploader", KNOWN)
def test_words_of_two_readings_are_refused(uploader: str) -> None:
    """Twice, in another case, with no number, beside other words, or beyond the end."""
    known = KNOWN[uploader]
    for name in (n for n in known if "ndex" in n or "unk" in n[-6:] or "Number" in n):
        assert isinstance(read(known, (name, known[name])), Refusal), name
        assert isinstance(read(known, (name.upper(), "0")), Refusal), name
        for odd in ("", "-1", "1.0", "0x1", " 1", "9" * 20, "0x"):
            assert isinstance(read(known | {name: odd}), Refusal), (name, odd)
    for name in ("part_index", "chunk-number", "offset", "sliceStart"):
        more = [(name, "2"), ("part_count", "5")]
        assert isinstance(read(known, *more), Refusal), name
    other = KNOWN["dropzone"] if uploader != "dropzone" else KNOWN["plupload"]
    assert isinstance(read(known | other), Refusal)
    assert isinstance(read(known, content_range="bytes 0-1/5"), Refusal)


@pytest.mark.parametrize("uploader", KNOWN)
def test_every_word_of_an_uploader_is_needed(uploader: str) -> None:
    """A form that lacks one is of no known uploader, or refused."""
    needed = {
        "dropzone": ("dzuuid", "dzchunkbyteoffset", "dztotalfilesize"),
        "fineuploader": ("qquuid", "qqpartbyteoffset", "qqtotalfilesize"),
        "resumable": ("resumableIdentifier", "resumableChunkSize"),
        "flow": ("flowIdentifier", "flowTotalSize"),
        "simple": ("identifier", "totalSize"),
        "plupload": ("name",),
    }[uploader]
    for name in needed:
        less = {key: value for key, value in KNOWN[uploader].items() if key != name}
        assert not isinstance(read(less), Slice)


def test_slices_are_bounded() -> None:
    """Each is a file."""
    most = KNOWN["plupload"] | {"chunk": "0", "chunks": str(MOST_SLICES)}
    assert isinstance(read(most), Slice)
    assert isinstance(read(most | {"chunks": str(MOST_SLICES + 1)}), Refusal)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([name for known in KNOWN.values() for name in known])
            | st.text(max_size=5),
            st.sampled_from(["0", "1", "3", "100", "250"]) | st.text(max_size=5),
        ),
        max_size=8,
    ),
    st.none() | st.text(max_size=20),
)
def test_any_fields_are_read_or_refused(
    fields: list[tuple[str, str]], text: str | None
) -> None:
    """Nothing raises, and a slice is within its file's slices."""
    found = read_slice(fields, content_range=text, file_name="a")
    if isinstance(found, Slice) and found.count is not None:
        assert 0 <= (found.index or 0) < found.count <= MOST_SLICES
