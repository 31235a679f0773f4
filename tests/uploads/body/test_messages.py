"""Messages that are inspected together, joined with what came before them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.extractors import CHECKS, Check, Subject
from uploadfilter.uploads.body import messages as tested
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
)
from uploadfilter.uploads.body.messages import (
    JOINED_BYTES,
    Message,
    MessagesExtractor,
    MessageSpan,
    body_of,
    last_bytes,
)

MESSAGES = st.lists(
    st.builds(Message, data=st.binary(max_size=20), is_text=st.booleans()), max_size=6
)


def contents(events: list[Event]) -> list[tuple[bytes, bool]]:
    """Return the data of each content, and whether it is aside."""
    found: list[tuple[bytes, bool]] = []
    for event in events:
        match event:
            case ContentStarted():
                found.append((b"", event.is_aside))
            case ContentData():
                found[-1] = (found[-1][0] + event.data, found[-1][1])
            case _:
                assert isinstance(event, ContentEnded)
    return found


@given(MESSAGES, st.binary(max_size=20), st.lists(st.integers(0, 200), max_size=5))
def test_contents_are_the_messages_and_all_of_them_joined(
    messages: list[Message], before: bytes, cuts: list[int]
) -> None:
    """However the bytes arrive; the joined content is there if it says more."""
    pieces, spans = body_of(messages, before)
    body, extractor = b"".join(pieces), MessagesExtractor(spans)
    events: list[Event] = []
    places = [0, *sorted(cut for cut in cuts if cut <= len(body)), len(body)]
    for begin, end in pairwise(places):
        events += extractor.receive(body[begin:end])
    events += extractor.end()

    data = [message.data for message in messages]
    joined = before + b"".join(data)
    expected = [(each, False) for each in data]
    if len(data) + bool(before) != 1:
        expected.append((joined, True))
    assert contents(events) == expected


@given(st.lists(MESSAGES, max_size=5), st.integers(1, 30))
def test_last_bytes_are_those_of_the_whole_stream(
    batches: list[list[Message]], most: int
) -> None:
    """The slow twin keeps everything."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tested, "JOINED_BYTES", most)
        before, everything = b"", b""
        for batch in batches:
            before = last_bytes(batch, before)
            everything += b"".join(message.data for message in batch)
            assert before == everything[-most:]


def test_joined_bytes_are_bounded() -> None:
    """A long message leaves its end."""
    long = Message(data=bytes(JOINED_BYTES) + b"end", is_text=False)
    assert last_bytes([long], b"before") == long.data[-JOINED_BYTES:]


def test_body_longer_than_its_messages_is_a_mistake_of_ours() -> None:
    """Bytes of which nobody knows what they are are never passed over."""
    with pytest.raises(ValueError, match="longer"):
        MessagesExtractor([MessageSpan(length=1, declared_type=None)]).receive(b"ab")


@pytest.mark.parametrize("length", [0, 5])
def test_content_ends_with_the_body(length: int) -> None:
    """Also if bytes are missing, which the length in the record then says."""
    extractor = MessagesExtractor([MessageSpan(length=length, declared_type=None)])
    assert contents(extractor.receive(b"") + extractor.end()) == [(b"", False)]


TWO = Subject(
    make=lambda: MessagesExtractor(
        [
            MessageSpan(length=2, declared_type=None),
            MessageSpan(length=10**6, declared_type=None),
        ]
    ),
    contents={b"ab": (b"ab", b""), b"abc": (b"ab", b"c")},
    refused=(),
    pieces=(b"a", b"bc"),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_messages_conform(check: Check) -> None:
    """As every extractor does."""
    check(TWO)
