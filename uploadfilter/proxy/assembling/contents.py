"""The contents of complete uploads that are inspected as one, and their pieces."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.uploads.assembly.assembly import UploadPieces
from uploadfilter.uploads.body.spans import BodySpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The bytes of uploads that are inspected together.

    Attributes:
        data: The bytes.
        spans: The contents in them; ``None`` if all of them are one content.
        shown: See ``UploadPieces``.
    """

    data: AsyncIterator[bytes]
    spans: Sequence[BodySpan] | None
    shown: tuple[int, ...] = ()


def joined_contents(uploads: Sequence[HeldUpload]) -> Contents:
    """Return all bytes of uploads as one content.

    Each of several uploads is a file of its own for the origin.
    """
    shown = tuple(each.offset for each in uploads)
    return Contents(data=join_uploads(uploads), spans=None, shown=shown)


def pieces_of(uploads: Sequence[HeldUpload], contents: Contents) -> UploadPieces:
    """Describe the pieces of uploads that are inspected together."""
    return UploadPieces(
        protocol=uploads[0].head.protocol,
        count=sum(len(each.assembly.pieces) for each in uploads),
        shown=contents.shown,
    )


async def join_uploads(uploads: Sequence[HeldUpload]) -> AsyncIterator[bytes]:
    """Yield several uploads, one after the other."""
    for upload in uploads:
        async for data in upload.read():
            yield data
