"""The requirements on every ``Extractor``, for any body.

To have an extractor tested, describe it as a ``Subject`` and parametrise a test over
``CHECKS``::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_extractor_conforms(check: Check) -> None:
        check(MY_SUBJECT)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uploads.forms import Extracted, cuts, feed
from uploadfilter.uploads.body.extractors import Extractor


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An extractor, with the known facts about it.

    Attributes:
        make: Makes a new one.
        contents: Data of the contents by body, for bodies that it reads.
        refused: Bodies that it refuses; may be empty.
        pieces: What bodies are made of; some order of them is nearly well-formed.
    """

    make: Callable[[], Extractor]
    contents: dict[bytes, tuple[bytes, ...]]
    refused: tuple[bytes, ...]
    pieces: tuple[bytes, ...]


Check = Callable[[Subject], None]


def bodies(subject: Subject) -> st.SearchStrategy[bytes]:
    """Return a strategy for bodies: pieces in any order, and known ones spoilt."""
    piece = st.sampled_from(subject.pieces) | st.binary(max_size=3)
    known = st.sampled_from([*subject.contents, *subject.refused])
    place, length = st.integers(0, 200), st.integers(0, 3)
    spoilt = st.builds(spoil, known, place, length, piece)
    return spoilt | st.builds(spoil, spoilt, place, length, piece) | pieced(piece)


def pieced(piece: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy for bodies made of pieces only."""
    return st.lists(piece, max_size=20).map(b"".join)


def spoil(body: bytes, place: int, length: int, piece: bytes) -> bytes:
    """Put a piece into a body, over some bytes of it."""
    return body[:place] + piece + body[place + length :]


def data_of(extracted: Extracted) -> tuple[bytes, ...]:
    """Return the data of the contents that are complete."""
    return tuple(data for _, data in extracted.contents)


def check_reads_what_it_should(subject: Subject) -> None:
    """A body that is well-formed gives its contents."""
    for body, contents in subject.contents.items():
        extracted = feed(subject.make(), [body])

        assert extracted.refusal is None
        assert data_of(extracted) == contents


def check_refuses_what_it_should(subject: Subject) -> None:
    """A body that is not well-formed is refused with a status and a sentence."""
    for body in subject.refused:
        refusal = feed(subject.make(), [body]).refusal

        assert refusal is not None, body
        assert refusal.status in {400, 413}
        assert refusal.detail.endswith(".")


def check_cuts_do_not_matter(subject: Subject) -> None:
    """However a body is cut into chunks, its contents or refusal are the same."""

    @settings(max_examples=150, deadline=None)
    @given(body=bodies(subject), seed=st.integers(0, 2**32))
    def holds(body: bytes, seed: int) -> None:
        outcomes = [feed(subject.make(), chunks) for chunks in cuts(body, seed)]

        assert outcomes[0] == outcomes[1] == outcomes[2]

    holds()


def check_known_bodies_can_be_cut_anywhere(subject: Subject) -> None:
    """The same for bodies that chance would not find, at every single place."""
    for body in [*subject.contents, *subject.refused]:
        whole = feed(subject.make(), [body])
        for at in range(len(body) + 1):
            assert feed(subject.make(), [body[:at], body[at:]]) == whole


def check_any_bytes_give_contents_or_one_refusal(subject: Subject) -> None:
    """Any bytes give either contents or one refusal, never an exception."""

    @settings(max_examples=150, deadline=None)
    @given(body=st.binary(max_size=200) | bodies(subject))
    def holds(body: bytes) -> None:
        extracted = feed(subject.make(), [body])

        assert extracted.left_open is None or extracted.refusal is not None

    holds()


def check_empty_chunks_do_nothing(subject: Subject) -> None:
    """An empty chunk is not the end of a body."""
    for body, contents in subject.contents.items():
        chunks = [b"", body[:1], b"", body[1:], b""]

        assert data_of(feed(subject.make(), chunks)) == contents


def check_refused_stays_refused(subject: Subject) -> None:
    """After a refusal there are no more events, whatever follows."""
    for body in subject.refused:
        extractor = subject.make()
        events = [*extractor.receive(body), *extractor.end()]

        assert events
        assert extractor.receive(body) == []
        assert extractor.end() == []


CHECKS: Sequence[Check] = (
    check_reads_what_it_should,
    check_refuses_what_it_should,
    check_cuts_do_not_matter,
    check_known_bodies_can_be_cut_anywhere,
    check_any_bytes_give_contents_or_one_refusal,
    check_empty_chunks_do_nothing,
    check_refused_stays_refused,
)
