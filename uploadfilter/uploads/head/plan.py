"""Decide from a request's head how its body is read, or refuse the request.

Two readers of one head must come to the same result: this filter and any origin behind
it. A head that they could read differently is refused, not guessed. There are three
kinds of refusals, by reason:

- ``MALFORMED_REQUEST``: the end of the body is unclear, or the following bytes are not
  HTTP. It cannot be forwarded in any mode, with or without a body.
- ``AMBIGUOUS_REQUEST``, ``MALFORMED_FORM``, ``UNSUPPORTED_CODING``: the body could be
  forwarded, but its contents could be read in two ways. Only a request with a body is
  refused for it; ``MONITOR`` records it and lets it pass.
- ``TOO_LARGE``: the declared length is over the limit.

A rule is one function that returns its refusal or ``None``, and one line in
``_FRAMING_RULES`` (any request) or ``_BODY_RULES`` (a request with a body).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Final
from urllib.parse import unquote

from uploadfilter.model import Reason
from uploadfilter.uploads.head import awschunked, codings, fields, multiparts, pieces
from uploadfilter.uploads.head.request import (
    HOST,
    HTTP_1_0,
    HTTP_1_1,
    METHOD_OVERRIDES,
    RequestHead,
)
from uploadfilter.uploads.limits import UploadLimits

_BAD_REQUEST = 400
_TOO_LARGE = 413
_UNSUPPORTED = 415
_NOT_IMPLEMENTED = 501

SINGLETONS: Final = frozenset(
    {
        # The beginning, the end, and the type of the body.
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"content-encoding",
        b"content-disposition",
        b"content-range",
        b"content-md5",
        b"expect",
        # The sender, the purpose, and the name under which it will be stored.
        b"authorization",
        b"destination",
        b"overwrite",
        b"slug",
        # Headers by which protocols cut a body, or one upload, into pieces.
        b"upload-length",
        b"upload-offset",
        b"upload-complete",
        b"upload-concat",
        b"upload-defer-length",
        b"x-amz-content-sha256",
        b"x-amz-copy-source",
        b"x-amz-decoded-content-length",
        b"x-amz-trailer",
    }
)
"""Headers that may occur once: if there are two, origins differ in which they take."""

_FRAMING: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
"""Headers that determine the end of a request and its site."""

_OVERRIDES_OF_POST: Final = frozenset({b"PUT", b"PATCH", b"DELETE"})
"""Methods that a POST may stand for: the block editor of WordPress sends them, because
some networks let only GET and POST pass. With any other word an origin could treat the
body in a way in which no POST is treated (ADR 0023)."""

_DIGESTS: Final = (b"content-md5", b"digest", b"content-digest", b"repr-digest")
"""Headers with a digest of the body's bytes, which a form encoded anew changes."""

_READ: Final = SINGLETONS | METHOD_OVERRIDES | {*codings.HEADERS, *_DIGESTS}
_READ_BEGIN: Final = (
    *(b"content-", b"upload-", b"tus-", b"oc-", b"x-amz-", b"x-goog-", b"x-ms-"),
    *(b"x-upload", b"x-http-", b"x-method", b"uploadfilter-", b"proxy-", b"keep-"),
)
"""Headers that say how a body is read, and the beginnings of more of them."""

_ASCII_ONLY: Final = SINGLETONS - {b"content-disposition", b"slug", b"destination"}
"""Singletons that are never text for people, so honest clients send only ASCII."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BOUNDARY = re.compile(r"(?:(?![\";\\])[ -~]){0,199}(?![\";\\])[!-~]")
"""1 to 200 printable characters, the last one not a space. RFC 2046 (section 5.1.1)
allows 70 of fewer kinds, and Django and Werkzeug 201. Some readers end a boundary at a
semicolon even in quotes (Rack), and differ in escapes."""


class BodyKind(StrEnum):
    """The way in which a body is read."""

    NONE = "none"
    RAW = "raw"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The refusal of a request before its content is inspected.

    Attributes:
        status: HTTP status of the answer in ``ENFORCE``.
        reason: The recorded reason.
        detail: One sentence for the client; fixed text, without data of the request.
    """

    status: int
    reason: Reason
    detail: str


PIECE: Final = Refusal(
    status=_BAD_REQUEST,
    reason=Reason.PIECEWISE_UPLOAD,
    detail="A file is to be sent whole, in one request.",
)
"""The refusal of a piece of a file, unless the operator allows pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPlan:
    """The description of a body.

    Attributes:
        kind: The way in which it is read.
        declared_length: Bytes, if the head states them; ``None`` for a chunked body.
        declared_type: Media type that the client claims, in lower case and without
            parameters; ``None`` if there is none or it is malformed.
        boundary: For a form, the separator of its parts; otherwise ``None``.
        coding: Its content coding, by its name in ``contents/coded.py``; ``None`` if it
            has none.
        charset: For a form, the charset that its head names, in lower case; ``None``
            if it names none.
        parts_type: For parts that are no form, their type with its other parameters, as
            the client wrote them; ``None`` for a form.
        framing: The framing of S3, if that is its coding.
        is_piece: Whether the head states that it is a piece of a file.
        is_field: Whether it is no file, but what fields of a form or a program say.
    """

    kind: BodyKind
    declared_length: int | None = None
    declared_type: str | None = None
    boundary: bytes | None = None
    coding: str | None = None
    charset: str | None = None
    parts_type: str | None = None
    framing: awschunked.Framing | None = None
    is_piece: bool = False
    is_field: bool = False


_NO_BODY: Final = BodyPlan(kind=BodyKind.NONE)


def plan(head: RequestHead, limits: UploadLimits) -> BodyPlan | Refusal:
    """Decide how the body of a request is read, or refuse the request.

    Args:
        head: The head as it arrived.
        limits: Limits on the size of a body.

    Returns:
        The plan (``BodyKind.NONE`` if there is no body), or the first refusal: framing
        comes first, then the size, then ambiguity.
    """
    refusal = None if head.is_plain else _first_refusal(_FRAMING_RULES, head)
    if refusal is not None:
        return refusal
    if not head.has_body:
        return _NO_BODY
    if (head.declared_length or 0) > limits.max_body_bytes:
        return Refusal(
            status=_TOO_LARGE,
            reason=Reason.TOO_LARGE,
            detail="The body is longer than this service accepts.",
        )
    refusal = None if head.is_plain else _first_refusal(_BODY_RULES, head)
    found = refusal or _plan_of_type(head)
    return found if isinstance(found, Refusal) else _piece_or_whole(found, head)


def _piece_or_whole(found: BodyPlan, head: RequestHead) -> BodyPlan:
    return replace(found, is_piece=True) if _is_piece(head) else found


def _is_piece(head: RequestHead) -> bool:
    # A header may make a POST a PUT (see ``_rule_overrides``), which writes a range.
    writes = sorted(head.stands_for & pieces.WRITING)
    return pieces.in_head(
        head.headers,
        method=writes[0] if writes else head.method,
        target=head.target,
        length=head.declared_length,
    )


_Rule = Callable[[RequestHead], Refusal | None]


def _first_refusal(rules: Iterable[_Rule], head: RequestHead) -> Refusal | None:
    for rule in rules:
        refusal = rule(head)
        if refusal is not None:
            return refusal
    return None


def _unframeable(detail: str, status: int = _BAD_REQUEST) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


def _ambiguous(detail: str) -> Refusal:
    return Refusal(status=_BAD_REQUEST, reason=Reason.AMBIGUOUS_REQUEST, detail=detail)


def _unsupported(detail: str) -> Refusal:
    return Refusal(status=_UNSUPPORTED, reason=Reason.UNSUPPORTED_CODING, detail=detail)


def _bad_form(detail: str, status: int = _BAD_REQUEST) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_FORM, detail=detail)


# Rules of framing: for every request.


def _rule_version(head: RequestHead) -> Refusal | None:
    """Refuse other versions, because they are framed differently."""
    if head.version in {HTTP_1_0, HTTP_1_1}:
        return None
    return _unframeable("The HTTP version is neither 1.0 nor 1.1.")


def _rule_names(head: RequestHead) -> Refusal | None:
    """Refuse a name that is not a token, like ``Content-Length ``: some skip it."""
    if all(_TOKEN.fullmatch(name) for name in head.names):
        return None
    return _unframeable("A header name contains a character that is not allowed.")


def _rule_lookalikes(head: RequestHead) -> Refusal | None:
    """Refuse ``Content_Length``, which CGI and WSGI read as ``Content-Length``."""
    for name in head.names:
        if b"_" in name and name.replace(b"_", b"-") in _FRAMING:
            return _unframeable("A header name has an underscore instead of a hyphen.")
    return None


def _rule_length(head: RequestHead) -> Refusal | None:
    """Require at most one length, in digits (RFC 9112, section 6.3)."""
    lengths = head.values(b"content-length")
    if len(lengths) > 1:
        return _unframeable("There is more than one Content-Length.")
    if lengths and head.declared_length is None:
        return _unframeable("Content-Length is not a number.")
    return None


def _rule_transfer_coding(head: RequestHead) -> Refusal | None:
    """Allow only chunked, and never beside a length (RFC 9112, section 6.1)."""
    codings = head.values(b"transfer-encoding")
    if not codings:
        return None
    if [coding.lower() for coding in codings] != [b"chunked"]:
        return _unframeable("Transfer-Encoding is not exactly chunked.")
    if head.values(b"content-length"):
        return _unframeable("Content-Length and Transfer-Encoding exclude each other.")
    if head.version < HTTP_1_1:
        return _unframeable("Transfer-Encoding is not allowed in HTTP/1.0.")
    return None


def _rule_host(head: RequestHead) -> Refusal | None:
    """Require one Host (RFC 9112, section 3.2): it selects the site of an upload."""
    hosts = head.values(b"host")
    if len(hosts) > 1:
        return _unframeable("There is more than one Host.")
    if not hosts and head.version >= HTTP_1_1:
        return _unframeable("There is no Host.")
    if not all(HOST.fullmatch(host) for host in hosts):
        return _unframeable("Host is not the name of a host.")
    return None


def _rule_target(head: RequestHead) -> Refusal | None:
    """Require a path; the other forms are for forward proxies."""
    if head.method == "CONNECT":
        return _unframeable("This service opens no tunnels.", _NOT_IMPLEMENTED)
    if head.target.startswith("/") or head.target == "*":
        return None
    return _unframeable("The request target is not a path.")


def _rule_upgrade(head: RequestHead) -> Refusal | None:
    """Refuse upgrades: the bytes after one are not HTTP; ``h2c`` is ignored."""
    offers = b",".join(head.values(b"upgrade")).lower().split(b",")
    if all(offer.strip() in {b"", b"h2c"} for offer in offers):
        return None
    return _unframeable("This service does not upgrade connections.", _NOT_IMPLEMENTED)


_FRAMING_RULES: Final[tuple[_Rule, ...]] = (
    _rule_version,
    _rule_names,
    _rule_lookalikes,
    _rule_length,
    _rule_transfer_coding,
    _rule_host,
    _rule_target,
    _rule_upgrade,
)


# Rules of meaning: for a request with a body.


def _rule_repeats(head: RequestHead) -> Refusal | None:
    if any(len(values) > 1 for values in head.present(SINGLETONS)):
        return _ambiguous("A header that may occur once is repeated.")
    return None


def _rule_underscores(head: RequestHead) -> Refusal | None:
    """Refuse a name with an underscore if CGI and WSGI read it as one that matters.

    The widespread snippet for Android sends its field's name as a header
    (``uploaded_file``), and interfaces have an ``api_key``.
    """
    odd = [name for name in head.names if b"_" in name]
    read_as = [name.replace(b"_", b"-") for name in odd]
    if (
        len(set(read_as)) < len(odd)
        or not head.names.isdisjoint(read_as)
        or any(name in _READ or name.startswith(_READ_BEGIN) for name in read_as)
        or (odd and _is_piece(_hyphened(head)) and not _is_piece(head))
    ):
        return _ambiguous("A header name has an underscore instead of a hyphen.")
    return None


def _hyphened(head: RequestHead) -> RequestHead:
    """Return a head as CGI reads its names."""
    names = [name.replace(b"_", b"-") for name, _ in head.headers]
    values = [value for _, value in head.headers]
    return replace(head, headers=tuple(zip(names, values, strict=True)))


def _rule_characters(head: RequestHead) -> Refusal | None:
    if any(_CONTROL.search(value) for _, value in head.headers):
        return _ambiguous("A header contains a control character.")
    if all(value.isascii() for value in chain(*head.present(_ASCII_ONLY))):
        return None
    return _ambiguous("A header contains characters outside ASCII.")


def _rule_connection(head: RequestHead) -> Refusal | None:
    """Refuse ``Connection: content-type``: it hides the type from the origin."""
    if connection_options(head.values(b"connection")) & SINGLETONS:
        return _ambiguous("Connection names a header that belongs to the body.")
    return None


def _rule_overrides(head: RequestHead) -> Refusal | None:
    """Allow an override only by one method whose body is read like that of a POST."""
    told = list(chain(*head.present(METHOD_OVERRIDES)))
    if not told:
        return None
    if head.method == "POST" and len(told) == 1 and told[0] in _OVERRIDES_OF_POST:
        return None
    return _ambiguous("A header overrides the method.")


def _rule_expect(head: RequestHead) -> Refusal | None:
    expect = head.value(b"expect")
    if expect is None or expect.lower() == b"100-continue":
        return None
    return _ambiguous("Expect is not 100-continue.")


def _rule_content_coding(head: RequestHead) -> Refusal | None:
    """Refuse codings that no scanner undoes."""
    detail = codings.unread_in(head.values)
    return _unsupported(detail) if detail else None


_BODY_RULES: Final[tuple[_Rule, ...]] = (
    _rule_repeats,
    _rule_underscores,
    _rule_characters,
    _rule_connection,
    _rule_overrides,
    _rule_expect,
    _rule_content_coding,
)


def connection_options(values: Iterable[bytes]) -> frozenset[bytes]:
    """Return the names in the values of Connection, in lower case."""
    return frozenset(
        option.strip().lower() for value in values for option in value.split(b",")
    )


# Rules for the type.


def _plan_of_type(head: RequestHead) -> BodyPlan | Refusal:
    text = (head.value(b"content-type") or b"").decode("latin-1")
    media_type = fields.parse_media_type(text)
    if media_type is not None and media_type.value in multiparts.TYPES:
        return _plan_of_form(head, media_type)
    refusal = _refusal_of_type(text, media_type)
    if refusal is not None:
        return refusal
    declared_type = media_type.value if media_type else None
    path = unquote(head.target.partition("?")[0])
    # What PUT stores is a file, whatever its type.
    is_field = head.method != "PUT" and fields.is_of_fields(declared_type)
    framing = awschunked.framing_in(head.values)
    return BodyPlan(
        kind=BodyKind.RAW,
        declared_length=head.declared_length,
        declared_type=codings.claimed_type(declared_type, path),
        coding=codings.of_body(head.values),
        framing=framing if isinstance(framing, awschunked.Framing) else None,
        is_field=is_field,
    )


def _refusal_of_type(
    text: str, media_type: fields.Parametrised | None
) -> Refusal | None:
    """Refuse a body that is not a form but may be taken for one.

    Some readers search for ``multipart`` anywhere in the value (formidable), at its
    start (PHP), or for any ``multipart/`` with a boundary (Rack, Django).
    """
    if media_type and media_type.value.startswith("application/grpc"):
        return _unsupported("This service does not speak gRPC.")
    folded = text.lower()
    if folded.startswith("multipart/form-data"):
        return _bad_form("The form's type is malformed.")
    if "multipart" in folded or "boundary" in folded:
        return _bad_form(
            "Of multipart types, only form-data, related and mixed are read.",
            _UNSUPPORTED,
        )
    return None


def _plan_of_form(
    head: RequestHead, media_type: fields.Parametrised
) -> BodyPlan | Refusal:
    parameters = media_type.parameters
    parts_type = multiparts.without_boundary(media_type, head.value(b"content-type"))
    fault = multiparts.fault_in(media_type, parts_type)
    if fault:
        return _bad_form(fault)
    charset = parameters.get("charset")
    if charset is not None and not fields.is_plain_charset(charset):
        return _bad_form("The form has a charset that does not contain ASCII.")
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        return _bad_form("The form's boundary is missing or not allowed.")
    coding = codings.of_body(head.values)
    if coding not in codings.OF_A_FORM:
        return _unsupported("A form may have one content coding: gzip or deflate.")
    if head.has_any(_DIGESTS):
        return _ambiguous("A form cannot be sent with a digest of its bytes.")
    return BodyPlan(
        kind=BodyKind.FORM,
        declared_length=head.declared_length,
        declared_type=media_type.value,
        coding=coding,
        boundary=boundary.encode("ascii"),
        charset=None if charset is None else charset.lower(),
        parts_type=parts_type,
    )
