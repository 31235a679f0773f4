"""Contents of known lengths, whatever the pieces in which their body arrives."""

import pytest

from tests.conformance.extractors import CHECKS, Check, Subject
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
)
from uploadfilter.uploads.body.spans import BodySpan, SpansExtractor


def lengths(events: list[Event]) -> list[int]:
    """Return the bytes of each content."""
    found: list[int] = []
    for event in events:
        match event:
            case ContentStarted():
                found.append(0)
            case ContentData():
                found[-1] += len(event.data)
            case _:
                assert isinstance(event, ContentEnded)
    return found


def test_body_longer_than_its_contents_is_a_mistake_of_ours() -> None:
    """Bytes of which nobody knows what they are are never passed over."""
    with pytest.raises(ValueError, match="longer"):
        SpansExtractor([BodySpan(length=1, declared_type=None)]).receive(b"ab")


@pytest.mark.parametrize("length", [0, 5])
def test_content_ends_with_the_body(length: int) -> None:
    """Also if bytes are missing, which the length in the record then says."""
    extractor = SpansExtractor([BodySpan(length=length, declared_type=None)])
    assert lengths(extractor.receive(b"") + extractor.end()) == [0]


TWO = Subject(
    make=lambda: SpansExtractor(
        [
            BodySpan(length=2, declared_type=None),
            BodySpan(length=10**6, declared_type=None),
        ]
    ),
    contents={b"ab": (b"ab", b""), b"abc": (b"ab", b"c")},
    refused=(),
    pieces=(b"a", b"bc"),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_spans_conform(check: Check) -> None:
    """As every extractor does."""
    check(TWO)
