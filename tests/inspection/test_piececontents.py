"""The pieces of an upload as contents of their own."""

from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.inspection.piececontents import PieceContents
from uploadfilter.signals.exact import Digests


def digests(data: bytes) -> tuple[object, ...]:
    """Return the exact signals of some bytes."""
    made = Digests()
    made.update(data)
    return made.signals()


@given(
    st.lists(st.binary(max_size=9), max_size=6),
    st.binary(max_size=9),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_every_piece_and_every_beginning_is_a_content(
    pieces: list[bytes], rest: bytes, cuts: list[int]
) -> None:
    """However the bytes arrive, at their places; what follows them is in the whole."""
    body = b"".join(pieces) + rest
    whole, tested = Digests(), PieceContents([len(piece) for piece in pieces])
    places = [0, *sorted(cut for cut in cuts if cut <= len(body)), len(body)]
    for begin, end in pairwise(places):
        tested.update(body[begin:end], whole)

    assert whole.signals() == digests(body)
    found = list(tested.contents(before=3))
    assert [content.path for content in found] == [
        str(3 + n) for n in range(len(found))
    ]
    for content in found:
        data = body[content.offset : content.offset + content.length]
        assert (content.exact, content.is_aside) == (digests(data), True)
    named = {(content.offset, content.length) for content in found}
    real = [len(piece) for piece in pieces if piece]
    ends = list(accumulate(real))
    if len(real) > 1:
        assert named >= {
            (end - size, size) for end, size in zip(ends, real, strict=True)
        }
        assert named >= {(0, end) for end in ends[:-1]}
    else:
        assert named == set()


def test_only_what_a_reader_may_open_is_scanned_by_itself() -> None:
    """The middle of a film is data; its beginning, a text and a picture are not."""
    pieces = [
        b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
        bytes(range(1, 9)) * 200,
        b"a plain text, as pages are" * 9,
        b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20),
        b"\1\2\3\4\5\6\7" + b"\x89PNG\r\n\x1a\n" + bytes(20),
    ]
    tested, whole = PieceContents([len(piece) for piece in pieces]), Digests()
    tested.update(b"".join(pieces), whole)
    found = {
        content.offset: content for content in tested.contents(1) if content.offset
    }
    scanned = [content.is_scanned for _, content in sorted(found.items())]
    assert scanned == [False, True, True, True]
