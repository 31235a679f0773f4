"""Recognise a request that carries a piece of a file, which the origin joins.

Every protocol for large files has its own words for this: a header, the query, a field
of a form. A piece is inspected by itself, so that a picture in two pieces is never seen
as a whole. A request that states to carry the *whole* file does not carry a piece:
clients send ``chunk=0&chunks=1`` with every small file.

There are three kinds of words. Only the letters of a name count (``X-Chunk-Index``,
``dzchunkindex`` and ``chunk_index`` are the same):

- the number of pieces: more than one means a piece;
- the position where this one begins: any except 0 means a piece;
- the number of this one: alone, it means the whole if it is the first.

To add a protocol, add its words to ``_COUNT``, ``_PLACE`` or ``_NUMBER`` of
``signs.py``, or a rule of its own to ``_HEADERS`` or ``_QUERIES``; and a row in
``tests/uploads/head/test_pieces.py``.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final
from urllib.parse import parse_qsl, unquote

from uploadfilter.uploads.head.signs import (
    PIECE_WORD,
    Signs,
    is_count,
    letters_of,
    number_of,
)

_OF_A_HEADER: Final = re.compile(
    r"x?(?:bz|amz|ms|goog|oc|upload|file)*(?:chunk[a-z]*"
    rf"|{PIECE_WORD}(?:index|idx|number|num|no|nr|id|offset|start))"
)
_IN_WORDS: Final = re.compile(
    rf"(?:[a-z0-9]+-)*{PIECE_WORD}-(?:index|idx|number|num|no|nr|id|offset|start)"
)
"""Names of headers that number a piece, or describe it. If hyphens separate the words,
the protocol does not matter."""


def in_head(
    headers: Iterable[tuple[bytes, bytes]],
    *,
    method: str,
    target: str,
    length: int | None,
) -> bool:
    """Tell whether a head announces a piece of a file.

    Args:
        headers: As sent.
        method: As sent.
        target: As sent.
        length: Bytes of the body; ``None`` if the head does not state it.
    """
    if "?" not in target and not may_be_said(name for name, _ in headers):
        return _PATHS.search(unquote(target)) is not None
    return looked_at(headers, method=method, target=target, length=length)


def may_be_said(names: Iterable[bytes]) -> bool:
    """Tell whether any of these names of headers may mark a piece: nearly none does.

    Args:
        names: As sent.
    """
    return _MAY_SAY.search(b"\n".join(names).lower()) is not None


def looked_at(
    headers: Iterable[tuple[bytes, bytes]],
    *,
    method: str,
    target: str,
    length: int | None,
) -> bool:
    """Return the result of ``in_head`` by reading every header."""
    named = [
        (name.decode("latin-1").lower(), value.decode("latin-1").strip())
        for name, value in headers
    ]
    return (
        _is_said(named, length)
        or _is_ranged_write(named, method)
        or _is_named_by_header(named)
        or _is_in_target(target, named)
        or _is_list_of_s3(target, named, method)
    )


WRITING: Final = frozenset({"PUT", "PATCH"})
"""Methods by which a ``Range`` is that of the bytes that come."""

_RANGE_OF_AZURE: Final = "range"

_Named = Sequence[tuple[str, str]]
"""Names in lower case, and values."""


def _is_said(named: _Named, length: int | None) -> bool:
    """Tell whether a known header marks a piece; one that comes twice does."""
    headers = dict(named)
    known = [(name, value) for name, value in named if name in _HEADERS]
    return len({name for name, _ in known}) < len(known) or any(
        _HEADERS[name](value, headers, length) for name, value in known
    )


def _is_in_target(target: str, headers: _Named) -> bool:
    path, _, query = target.partition("?")
    if _PATHS.search(unquote(path)) is not None:
        return True
    if not query:
        return False
    return _is_in_query(named_in(query), is_data=_is_data(headers))


def named_in(query: str) -> list[tuple[str, str]]:
    """Return names and values of a query as any origin may read them.

    Netty and older libraries (Python, Perl, Rack) also end a value at a semicolon.

    Args:
        query: As sent; empty without one.
    """
    ways = {query, query.replace(";", "&")}
    parsed = (parse_qsl(way, keep_blank_values=True, errors="replace") for way in ways)
    return list(chain.from_iterable(parsed))


_Rule = Callable[[str, Mapping[str, str], int | None], bool]


def _always(_value: str, _headers: Mapping[str, str], _length: int | None) -> bool:
    return True


def _is_part_of_range(
    value: str, _headers: Mapping[str, str], _length: int | None
) -> bool:
    """Tell whether a range is less than the whole (RFC 9110, section 14.4)."""
    found = _RANGE.fullmatch(value)
    if found is None:
        return True
    return int(found[1]) != 0 or int(found[2]) + 1 != int(found[3])


def is_whole_range(value: bytes) -> bool:
    """Tell whether a Content-Range says that its body is the whole file."""
    return not _is_part_of_range(value.decode("latin-1"), {}, None)


_RANGE: Final = re.compile(r"bytes[ =]+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


def _is_offset(value: str, headers: Mapping[str, str], length: int | None) -> bool:
    """Tell whether an offset marks a piece; the first may be the whole file."""
    if number_of(value) > 0 or not value[:1].isdigit():
        return True
    is_last = headers.get("upload-complete") == "?1"
    is_final = "finalize" in headers.get("x-goog-upload-command", "")
    is_all = "upload-length" in headers and not _is_longer(
        headers["upload-length"], headers, length
    )
    return not (is_last or is_final or is_all)


def _is_later(value: str, _headers: Mapping[str, str], _length: int | None) -> bool:
    return number_of(value) > 0


def _is_longer(value: str, _headers: Mapping[str, str], length: int | None) -> bool:
    """Tell whether the file is longer than the body, or may be."""
    return length is None or number_of(value) > length


def _is_known_longer(
    value: str, _headers: Mapping[str, str], length: int | None
) -> bool:
    return length is not None and number_of(value) > length


def _is_not(word: str) -> _Rule:
    return lambda value, _headers, _length: value != word


def _is_not_final(value: str, _headers: Mapping[str, str], _length: int | None) -> bool:
    """Tell whether bytes come but not the end; Google's ``start`` has no content."""
    words = {word.strip().lower() for word in value.split(",")}
    return "upload" in words and "finalize" not in words


def _is_in_session(
    value: str, _headers: Mapping[str, str], _length: int | None
) -> bool:
    """Tell whether JSON of Dropbox names a session that the bytes belong to."""
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return True
    return not isinstance(said, dict) or not {"cursor", "session_id"}.isdisjoint(said)


_HEADERS: Final[Mapping[str, _Rule]] = {
    # RFC 9110, section 14.5, and variants of it.
    "content-range": _is_part_of_range,
    "x-content-range": _is_part_of_range,
    "x-upload-content-range": _is_part_of_range,
    "x-file-range": _is_part_of_range,
    "x-update-range": _always,
    # tus, and draft-ietf-httpbis-resumable-upload.
    "upload-offset": _is_offset,
    "upload-complete": _is_not("?1"),
    "upload-incomplete": _is_not("?0"),
    "upload-concat": _always,
    "upload-defer-length": _always,
    "upload-length": _is_longer,
    # Google, and protocols with the same names.
    "x-upload-offset": _is_offset,
    "x-file-offset": _is_offset,
    "x-goog-upload-offset": _is_offset,
    "x-goog-upload-command": _is_not_final,
    "x-offset": _is_later,
    "offset": _is_later,
    "file-offset": _is_later,
    # Swift joins objects by this list of them.
    "x-object-manifest": _always,
    # Dropbox, ownCloud and Nextcloud.
    "dropbox-api-arg": _is_in_session,
    "oc-chunked": _always,
    "oc-total-length": _is_known_longer,
    "x-file-size": _is_known_longer,
    # Azure and Amazon.
    "x-ms-range": _is_part_of_range,
    "x-ms-page-write": _always,
    "x-ms-write": _always,
    "x-ms-blob-condition-appendpos": _always,
    "x-ms-blob-content-offset": _always,
    "x-amz-copy-source-range": _always,
    "x-amz-write-offset-bytes": _always,
}
"""Headers of a request with a body, and the rule by which a value marks a piece."""


def _is_ranged_write(named: _Named, method: str) -> bool:
    """Tell whether a request writes a range, as Azure does with ``Range``."""
    return method in WRITING and any(name == _RANGE_OF_AZURE for name, _ in named)


def _is_named_by_header(named: _Named) -> bool:
    """Tell whether a header of a site's own protocol marks a piece, as fields do."""
    own = [(name, value) for name, value in named if name.startswith(_OWN)]
    if not own:
        return False
    if Signs(own).is_piece:
        return True
    counts = [number_of(value) for name, value in own if is_count(name)]
    is_numbered = any(
        _OF_A_HEADER.fullmatch(letters_of(name)) or _IN_WORDS.fullmatch(name)
        for name, _ in own
    )
    return is_numbered and counts != [1]


_OWN: Final = (
    *("x-", "chunk", "part-", "slice", "total-", "file-", "upload-", "uploader-"),
)
"""Prefixes of names of headers that no standard defines."""


_OF_FRONT_ENDS: Final = (
    *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"),
    *("x-real-ip", "x-request-id"),
)
"""Headers that begin like ``_OWN``, come with every request, and mark nothing."""

_SAYING: Final = (*_HEADERS, _RANGE_OF_AZURE)
_MAY_SAY: Final = re.compile(
    "(?m:^(?!(?:{})$)(?:(?:{})$|{}))".format(
        *("|".join(map(re.escape, words)) for words in (_OF_FRONT_ENDS, _SAYING)),
        "|".join(map(re.escape, _OWN)),
    ).encode("ascii")
)


def _is_data(named: _Named) -> bool:
    """Tell whether a body is the bytes of a file: not a form, and not a message."""
    types = [value.lower() for name, value in named if name == "content-type"]
    return not any(value.startswith(_MESSAGES) for value in types)


_MESSAGES: Final = (
    "multipart/",
    *("application/json", "application/x-www-form-urlencoded", "application/xml"),
    *("text/", "application/graphql", "application/ld+json"),
)


def _is_in_query(named: _Named, *, is_data: bool) -> bool:
    signs = Signs(named)
    signs.has_file = is_data
    # All values of a name that comes twice: some origins take the first, some the last.
    said = {(name.lower(), value.lower()) for name, value in named}
    names = {name for name, _ in said}
    is_append = ("action", "append") in said and "position" in names
    is_known = any(rule <= names for rule in _QUERIES)
    return signs.is_piece or is_append or is_known or not said.isdisjoint(_ASKED)


def _is_list_of_s3(target: str, named: _Named, method: str) -> bool:
    """Tell whether a POST may be the list by which S3 joins parts.

    The parts may have come by another route, which is for S3 and lets them pass before
    the verdict. Other services have a query of this name, too, but no such signature.
    A list without a signature, for a bucket that anybody may write to, is not told.
    """
    names = {name.lower() for name, _ in named_in(target.partition("?")[2])}
    if method != "POST" or "uploadid" not in names:
        return False
    headers = {name for name, _ in named}
    is_signed = any(
        name == "authorization" and value.startswith("AWS") for name, value in named
    )
    is_of_s3 = any(name.startswith("x-amz-") for name in headers | names)
    return is_signed or is_of_s3 or "awsaccesskeyid" in names


_QUERIES: Final = (
    frozenset({"partnumber", "uploadid"}),  # S3, and compatible services
    frozenset({"append", "position"}),  # OSS and COS
    frozenset({"appendpos"}),
    frozenset({"partnum", "uploadid"}),
    frozenset({"upload_id", "offset"}),  # Girder, QNAP
    frozenset({"uploadid", "offset"}),
)
"""Names in a query that mark a piece if they occur together."""

_ASKED: Final = frozenset(
    {
        *(
            ("comp", word) for word in ("block", "page", "appendblock", "range")
        ),  # Azure
        *(("op", "append"), ("op", "concat")),
        ("multipart-manifest", "put"),
    }
)
"""Names and values in a query that ask an origin to put a file together."""

_PATHS: Final = re.compile(
    r"/dav/uploads/[^/]+/[^/]+/[^/]+|-chunking-[0-9]+-[0-9]+-[0-9]+"  # Nextcloud
    r"|/upload_session/(?:start|append|finish)"  # Dropbox
    r"|/upload_sessions/[^/]+\Z"  # Box
    r"|/(?:start|continue|finish)upload\("  # SharePoint
    r"|/mkblk/[0-9]+|/bput/[^/]+/[0-9]+|/mkfile/[0-9]+"  # Qiniu
    r"|/buckets/[^/]+/objects/[^/]+/uploads/[^/]+/[0-9]+",
    re.IGNORECASE,
)
"""Paths that accept pieces, whatever the head states."""
