"""Scan one content: what it is, what it shows, and whether there is more to see.

Composes ``contents`` and ``signals``; runs inside a scanner process, but needs none.
The order of the rules is the order of the code:

1. Nothing in it: complete.
2. A picture by its first bytes, in a format that is not decoded: ``not_inspected``.
3. A picture by its first bytes or by its declared type: decoded; if that fails, the
   decoder's reason.
4. A container, or anything that may hold or encode a picture: ``not_inspected``.
5. Anything else (a video, a text, random bytes): complete, without views.

A picture that was decoded keeps its view, whatever reason there is beside it.
"""

import io
import os
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents import lookahead, magic
from uploadfilter.contents.magic import Kind
from uploadfilter.model import Reason, Scan, Signal, SignalType, View
from uploadfilter.scanners.messages import Budgets, ContentSpan
from uploadfilter.scanners.spans import chunks_of, open_span
from uploadfilter.signals.decoding import (
    DecodeLimits,
    NoPicture,
    decode,
    prepare_process,
)
from uploadfilter.signals.exact import Digests
from uploadfilter.signals.views import view_of

STORED: Final = "stored"
"""Name of the view of a picture as it is stored."""

_WINDOW_BYTES: Final = 16 * 1024 * 1024
"""How much is searched for hidden pictures at a time: a 64th of the address space."""

_OVERLAP_BYTES: Final = 128 * 1024
"""By how much windows overlap: more than the longest segment of a JPEG (64 KiB), which
the search looks behind."""


def prepare() -> None:
    """Set up this process for decoding: call it before the process is confined.

    Pillow imports most of its decoders only once it meets something that is none of the
    commonest formats; it does so here, so that no upload pays for it.
    """
    prepare_process()
    decode(io.BytesIO(b"no picture"))


def scan_content(
    fd: int,
    span: ContentSpan,
    *,
    types: frozenset[SignalType],
    budgets: Budgets,
    digests: bool = False,
) -> Scan:
    """Scan one content.

    Args:
        fd: Descriptor of the upload.
        span: Where the content lies in it.
        types: Perceptual signal types to compute.
        budgets: How many pixels are decoded; time and memory are the process's limits.
        digests: Also compute md5, sha1 and sha256.

    Returns:
        The scan, with the path of ``span``.

    Raises:
        MemoryError: The address space of the process was too small.
    """
    kind = magic.sniff(_head(fd, span))
    views, reason = _look(fd, span, kind, types=types, budgets=budgets)
    return Scan(
        path=span.path,
        kind=kind.value,
        size=span.length,
        exact=_digests(fd, span) if digests else (),
        views=views,
        reason=reason,
    )


def _head(fd: int, span: ContentSpan) -> bytes:
    return os.pread(fd, min(magic.HEAD_BYTES, span.length), span.offset)


def _digests(fd: int, span: ContentSpan) -> tuple[Signal, ...]:
    digests = Digests()
    for chunk in chunks_of(fd, span):
        digests.update(chunk)
    return digests.signals()


def _look(
    fd: int,
    span: ContentSpan,
    kind: Kind,
    *,
    types: frozenset[SignalType],
    budgets: Budgets,
) -> tuple[tuple[View, ...], Reason | None]:
    """Return the views of a content, and why they are not all there is."""
    if kind is Kind.EMPTY:
        return (), None
    if magic.is_picture(kind) and not magic.is_decoded(kind):
        # A picture to others, and none to us: never a pass by default.
        return (), Reason.UNDECODABLE
    if kind is Kind.SVG:
        # What a program draws from it can be any picture.
        return (), Reason.NOT_INSPECTED
    if magic.is_decoded(kind) or _is_declared_picture(span):
        return _look_at_picture(fd, span, kind, types=types, budgets=budgets)
    if magic.is_container(kind) or _holds_more(fd, span, kind):
        return (), Reason.NOT_INSPECTED
    return (), None


def _look_at_picture(
    fd: int,
    span: ContentSpan,
    kind: Kind,
    *,
    types: frozenset[SignalType],
    budgets: Budgets,
) -> tuple[tuple[View, ...], Reason | None]:
    """Return the one view of a picture, and why it is not all there is."""
    limits = DecodeLimits(max_pixels=budgets.max_pixels)
    with open_span(fd, span) as file:
        picture = decode(file, limits=limits)
    if isinstance(picture, NoPicture):
        return (), picture.reason
    view = view_of(picture, name=STORED, types=types)
    reason = picture.reason
    if reason is None and _holds_more(fd, span, kind):
        reason = Reason.NOT_INSPECTED
    return (view,), reason


def _is_declared_picture(span: ContentSpan) -> bool:
    declared = span.declared_type or ""
    return declared.strip().lower().startswith("image/")


def _holds_more(fd: int, span: ContentSpan, kind: Kind) -> bool:
    """Return whether there is more in a content than its kind shows."""
    return any(lookahead.holds_more(window, kind=kind) for window in _windows(fd, span))


def _windows(fd: int, span: ContentSpan) -> Iterator[bytes]:
    """Yield overlapping pieces that cover a content; most contents are one piece."""
    position, end = span.offset, span.offset + span.length
    while True:
        window = os.pread(fd, min(_WINDOW_BYTES, end - position), position)
        yield window
        position += _WINDOW_BYTES - _OVERLAP_BYTES
        if len(window) < _WINDOW_BYTES or position + _OVERLAP_BYTES >= end:
            return
