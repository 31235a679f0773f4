"""How the tests feed bodies to extractors, and interpret the events."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.uploads.variants import Variant
from uploadfilter.contents import mailcoded
from uploadfilter.contents.source import MemorySource
from uploadfilter.uploads.body.canonical import (
    BodyPart,
    encode_form,
    form_content_type,
    mime_content_type,
)
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
    Extractor,
    FormExtractor,
    PieceFound,
    Refused,
)
from uploadfilter.uploads.head.plan import BodyKind, Refusal, plan
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.limits import UploadLimits

LIMITS = UploadLimits()
BOUNDARY = b"0123456789abcdef" * 3
"""As the proxy makes them, but not at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The result of events.

    Attributes:
        contents: Declared type and data of each content that is complete.
        left_open: Data of the content that a refusal cut off, if there is one; not
            compared, since how much it is depends on the cuts.
        refusal: Why the body was refused, if it was.
        is_piece: Whether it says that it is a piece of a file.
        coded: Data of contents whose coding a scanner undoes, and that coding.
    """

    contents: tuple[tuple[str | None, bytes], ...]
    left_open: bytes | None = field(compare=False)
    refusal: Refusal | None
    is_piece: bool = False
    coded: tuple[tuple[bytes, str], ...] = ()


def head(
    *headers: tuple[bytes, bytes], method: str = "POST", target: str = "/upload"
) -> RequestHead:
    """Return a head with a Host and the given headers."""
    return RequestHead(
        method=method, target=target, headers=((b"Host", b"site.example"), *headers)
    )


def collect(events: Iterable[Event]) -> Extracted:
    """Put events together, and check that they come in a possible order."""
    contents: list[tuple[str | None, bytes]] = []
    declared: str | None = None
    data: list[bytes] | None = None
    refusal: Refusal | None = None
    is_piece = False
    coding: str | None = None
    coded: list[tuple[bytes, str]] = []
    for event in events:
        assert refusal is None, "nothing follows a refusal"
        match event:
            case ContentStarted():
                assert data is None, "contents do not overlap"
                declared, data, coding = event.declared_type, [], event.coding
            case ContentData():
                assert data is not None, "data belong to a content"
                assert event.data, "data are never empty"
                data.append(event.data)
            case ContentEnded():
                assert data is not None, "what ends has begun"
                contents.append((declared, b"".join(data)))
                coded += [(b"".join(data), coding)] if coding else []
                data = None
            case PieceFound():
                is_piece = True
            case Refused():
                refusal = event.refusal
    assert data is None or refusal is not None, "a content ends"
    left_open = None if data is None else b"".join(data)
    return Extracted(
        contents=tuple(contents),
        left_open=left_open,
        refusal=refusal,
        is_piece=is_piece,
        coded=tuple(coded),
    )


def feed(extractor: Extractor, chunks: Iterable[bytes]) -> Extracted:
    """Give an extractor a body in chunks."""
    events = [event for chunk in chunks for event in extractor.receive(chunk)]
    return collect([*events, *extractor.end()])


def cuts(body: bytes, seed: int) -> list[list[bytes]]:
    """Cut a body in three ways: not at all, everywhere, and by chance."""
    chance = random.Random(seed)  # noqa: S311 - it only chooses where to cut
    places = sorted(chance.choices(range(len(body) + 1), k=7))
    pairs = zip([0, *places], [*places, len(body)], strict=True)
    return [
        [body],
        [body[i : i + 1] for i in range(len(body))],
        [body[a:b] for a, b in pairs],
    ]


def read_form(
    body: bytes, boundary: bytes, limits: UploadLimits = LIMITS
) -> tuple[Extracted, tuple[BodyPart, ...]]:
    """Read a form in one chunk; return contents and parts."""
    extractor = FormExtractor(boundary, limits)
    extracted = feed(extractor, [body])
    return extracted, extractor.parts


def write_form(parts: Sequence[BodyPart], contents: Sequence[bytes]) -> bytes:
    """Encode a form with its data.

    Args:
        parts: The parts.
        contents: The data of each part, then its data without their transfer encoding,
            if there are any.
    """
    left = iter(contents)
    contents = [(next(left), part.undone_length and next(left))[0] for part in parts]
    return b"".join(
        piece if isinstance(piece, bytes) else contents[piece]
        for piece in encode_form(parts, boundary=BOUNDARY)
    )


def forward(variant: Variant) -> tuple[str, bytes, list[bytes]] | None:
    """Do the proxy's work: type and body for the origin, and the contents we saw.

    ``None`` stands for a refusal.
    """
    length = (b"Content-Length", b"%d" % len(variant.body))
    body = plan(head(length, *((b"Content-Type", t) for t in variant.types)), LIMITS)
    if isinstance(body, Refusal):
        return None
    if body.kind is BodyKind.RAW:
        return variant.types[0].decode(), variant.body, [variant.body]
    extractor = FormExtractor(
        body.boundary or b"", LIMITS, is_form=body.parts_type is None
    )
    extracted = feed(extractor, [variant.body])
    if extracted.refusal is not None:
        return None
    parts = extractor.parts
    seen = [content for _, content in extracted.contents]
    if body.parts_type is None:
        content_type = form_content_type(BOUNDARY, body.charset)
    else:
        content_type = mime_content_type(BOUNDARY, body.parts_type)
    undone = [_undone(content, coding) for content, coding in extracted.coded]
    return content_type, write_form(parts, seen), [*seen, *undone]


def _undone(content: bytes, coding: str) -> bytes:
    """Return a content as a scanner looks at it, beside the content itself."""
    chunks = mailcoded.READERS[coding](MemorySource(content))
    return b"".join(each for each in chunks if isinstance(each, bytes))
