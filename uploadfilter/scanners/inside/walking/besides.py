"""Choose the further kinds as which a content is tried (ADR 0036).

The declared type, the names and the bytes each propose kinds
(``contents/kinds/proposals.py``). This module sorts the proposals for a walk.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from uploadfilter.contents import containers
from uploadfilter.contents.archives.archives import Behind
from uploadfilter.contents.carving import PictureStart
from uploadfilter.contents.kinds import magic, proposals
from uploadfilter.contents.kinds.families import holds_no_files
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container
from uploadfilter.contents.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Besides:
    """The other kinds that a content may have.

    Attributes:
        pictures: Offsets and kinds of pictures that can be decoded.
        containers: The containers that may read it.
        is_unread: Whether other programs may see a picture or files in it that are not
            read here.
    """

    pictures: tuple[PictureStart, ...] = ()
    containers: tuple[Container, ...] = ()
    is_unread: bool = False


def besides(
    source: Source,
    kind: Kind,
    *,
    claims: tuple[str, ...],
    decoded: frozenset[str],
    spans: tuple[range, ...],
) -> Besides:
    """Return the kinds as which a content is tried.

    Args:
        source: All of it.
        kind: The kind as which it is always tried.
        claims: Its names, and its declared type.
        decoded: Names of the picture formats that are decoded.
        spans: Its parts in which an archive may begin.
    """
    found = proposals.proposed(source, kind)
    claimed = proposals.claimed(kind, claims, source.read(0, magic.HEAD_BYTES))
    is_unread = claimed is not None and claimed.value not in decoded
    if claimed is not None and not is_unread:
        found = (*found, proposals.Proposal(kind=claimed))
    pictures: list[PictureStart] = []
    readers = list(_hidden(source, kind, claims, spans))
    known = {each.offset for each in readers if isinstance(each, Behind)}
    # What the pages of a document draw is compared nowhere.
    is_document = any(Kind.PDF in each.kinds for each in readers)
    if is_document and holds_no_files(kind):
        is_unread |= proposals.has_object(source)
    for item in found:
        reader = containers.container_for(item.kind)
        if item.kind.value in decoded:
            pictures.append(PictureStart(offset=item.offset, kind=item.kind))
            # Other programs read headers of Netpbm by undocumented rules.
            is_unread |= item.kind is Kind.PNM and not item.offset
        elif item.offset in known:
            continue
        elif reader is not None:
            readers.append(Behind(container=reader, offset=item.offset))
        else:
            is_unread |= magic.is_container(item.kind) or not item.offset
    return Besides(
        pictures=tuple(pictures), containers=tuple(readers), is_unread=is_unread
    )


def _hidden(
    source: Source, kind: Kind, claims: tuple[str, ...], spans: tuple[range, ...]
) -> Iterator[Container]:
    """Yield the containers for a content by its ends, its name or its type."""
    yield from containers.hidden_in(source, kind, spans)
    # A content without magic may begin like any kind, even a text or a picture.
    for claim in claims:
        claimed = containers.claimed_by(claim)
        if claimed is not None:
            yield claimed
            return
