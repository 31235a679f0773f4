"""Recognise a request without a body by which an origin joins what it already has.

Every file that it names was inspected by itself, and nobody has seen them together. The
list of the files is in a header or in the query, so that there is no body to inspect:

- tus makes one upload of several by ``Upload-Concat: final;...``;
- S3, Azure and services like them copy an object, or a range of one, into a part;
- Swift joins all objects whose names begin like ``X-Object-Manifest``;
- HDFS appends files to another one by ``op=CONCAT``.

Such a request counts as a piece of a file. Where a route names the protocol, its own
module answers before this one is asked.

To add a protocol, add its words below, and a row in
``tests/uploads/head/test_joining.py``.
"""

import re
from typing import Final

from uploadfilter.uploads.head.pieces import named_in
from uploadfilter.uploads.head.request import RequestHead

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""

_CONCAT: Final = "upload-concat"
_PARTIAL: Final = b"partial"
_MANIFEST: Final = "x-object-manifest"
_SOURCE: Final = re.compile(r"x-[a-z]+-copy-source")
_SOURCE_RANGE: Final = re.compile(r"x-[a-z]+-(?:copy-)?source-range")
_OF_A_PART: Final = frozenset({"partnumber", "uploadid"})
_OF_A_BLOCK: Final = frozenset({"block", "page", "appendblock", "range"})


def joins(head: RequestHead) -> bool:
    """Tell whether a request without a body makes a file of several.

    Args:
        head: A head that announces no body.
    """
    if head.method in _SAFE and not head.stands_for:
        return False
    named = [
        (name.decode("latin-1").lower().replace("_", "-"), value.strip())
        for name, value in head.headers
    ]
    names = {name for name, _ in named}
    is_final = any(name == _CONCAT and value != _PARTIAL for name, value in named)
    if is_final or _MANIFEST in names or any(map(_SOURCE_RANGE.fullmatch, names)):
        return True
    is_copy = any(map(_SOURCE.fullmatch, names))
    return _is_in_query(head.target.partition("?")[2], is_copy=is_copy)


def _is_in_query(query: str, *, is_copy: bool) -> bool:
    """Tell whether a query asks for it.

    Args:
        query: As sent; empty without one.
        is_copy: Whether a header names an object that is copied.
    """
    if not query:
        return False
    said = {(name.lower(), value.lower()) for name, value in named_in(query)}
    if ("op", "concat") in said:
        return True
    is_part = {name for name, _ in said} >= _OF_A_PART
    is_block = any(("comp", word) in said for word in _OF_A_BLOCK)
    return is_copy and (is_part or is_block)
