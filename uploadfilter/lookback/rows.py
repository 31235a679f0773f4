"""One row for each stored file: its scan, without anything that shows the file.

Exact digests become keyed hashes, as in the reference set, so that a copy of the rows
does not tell which files are there. Perceptual values stay only if the operator chose
so, because a distance has to be computed from them. Planes, from which a small picture
could be drawn, are never kept: their quality is.

Rules this module keeps: it is pure; a scan that was made a row and read again has the
same matches within the threshold (``tests/lookback/test_matching.py``).
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final

import msgspec

from uploadfilter.decisions.policy import verdict_of
from uploadfilter.model import (
    Geometry,
    Reason,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    Variant,
    View,
)
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES, Secret

Quality = Callable[[bytes], int]
"""Computes PDQ's quality, 0 to 100, from ``View.plane``."""


class StoredRow(msgspec.Struct, frozen=True, array_like=True):
    """The values of one type and geometry of a view."""

    type: SignalType
    geometry: Geometry | None
    first: Variant
    values: bytes


class StoredView(msgspec.Struct, frozen=True, array_like=True):
    """A view, with the quality in place of the plane."""

    name: str
    quality: int
    rows: tuple[StoredRow, ...]


class StoredContent(msgspec.Struct, frozen=True, array_like=True):
    """The scan of one content.

    Attributes:
        inside: Its path below the file: empty, or ``!/`` and what follows.
        exact: Types and keyed hashes of its digests.
        views: Its views; empty if the operator keeps no perceptual values.
    """

    inside: str
    exact: tuple[tuple[SignalType, bytes], ...]
    views: tuple[StoredView, ...]
    reasons: tuple[Reason, ...]
    contents: tuple["StoredContent", ...]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(StoredContent)


def unkeyed(
    scan: Scan, *, types: Collection[SignalType], quality_of: Quality
) -> StoredContent:
    """Return a scan as it is stored, except that its digests are not keyed yet."""
    top = len(scan.path)

    def of(inner: Scan) -> StoredContent:
        return StoredContent(
            inside=inner.path[top:],
            exact=tuple((it.type, it.value) for it in inner.exact),
            views=tuple(
                StoredView(view.name, quality_of(view.plane), rows)
                for view in inner.views
                if (rows := _rows(view, types))
            ),
            reasons=inner.reasons,
            contents=tuple(map(of, inner.contents)),
        )

    return of(scan)


def keyed(content: StoredContent, secret: Secret) -> StoredContent:
    """Return a scan whose digests are keyed with the secret of the installation."""
    return StoredContent(
        content.inside,
        tuple((kind, secret.exact_key(kind, value)) for kind, value in content.exact),
        content.views,
        content.reasons,
        tuple(keyed(it, secret) for it in content.contents),
    )


def walked(content: StoredContent) -> Iterator[StoredContent]:
    """Yield a stored content and all nested ones, outermost first."""
    yield content
    for nested in content.contents:
        yield from walked(nested)


def values_of(content: StoredContent, signal_type: SignalType) -> bytes:
    """Return all stored values of a perceptual type, joined."""
    return b"".join(
        row.values
        for inner in walked(content)
        for view in inner.views
        for row in view.rows
        if row.type is signal_type
    )


def encode(content: StoredContent) -> bytes:
    """Encode a stored scan."""
    return _encoder.encode(content)


def decode(data: bytes) -> StoredContent:
    """Decode a stored scan.

    Raises:
        ValueError: The bytes are not a stored scan.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ValueError(f"not a stored scan: {exc}") from exc


def scan_of(content: StoredContent, path: str) -> Scan:
    """Return a scan for ``match_scans``, from a stored one.

    The value of an exact signal is its keyed hash, filled up with zeros to the width of
    its type: only a generation that is asked by keys finds it. The plane of a view is
    one byte, its quality; ``stored_quality`` reads it.
    """
    return Scan(
        path=path + content.inside,
        kind="",
        size=0,
        exact=tuple(
            Signal(
                type=kind, value=key[:EXACT_KEY_BYTES].ljust(kind.width_bytes, b"\0")
            )
            for kind, key in content.exact
        ),
        views=tuple(map(_view, content.views)),
        reason=content.reasons[0] if content.reasons else None,
        contents=tuple(scan_of(it, path) for it in content.contents),
        further=content.reasons[1:],
    )


def stored_quality(plane: bytes) -> int:
    """Return the quality of a view that ``scan_of`` made."""
    return plane[0]


def reason_of(scan: Scan) -> Reason | None:
    """Return why a file is not checked, although nothing matches it; or ``None``."""
    _, reason = verdict_of([scan], ())
    return reason


def _rows(view: View, types: Collection[SignalType]) -> tuple[StoredRow, ...]:
    return tuple(
        StoredRow(row.type, row.geometry, row.first, row.values)
        for row in view.rows
        if row.type in types
    )


def _view(view: StoredView) -> View:
    return View(
        name=view.name,
        rows=tuple(
            SignalRow(
                type=row.type, values=row.values, geometry=row.geometry, first=row.first
            )
            for row in view.rows
        ),
        plane=bytes([view.quality]),
    )
