"""Read heads of requests, and make the heads of others out of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from urllib.parse import urljoin, urlsplit

from uploadfilter.model import Reason
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import METHOD_OVERRIDES, RequestHead

_NUMBER: Final = re.compile(rb"[0-9]{1,18}")


def edit(
    head: RequestHead,
    *,
    method: str,
    target: str | None = None,
    dropped: Iterable[bytes] = (),
    added: Mapping[bytes, bytes] = MappingProxyType({}),
) -> RequestHead:
    """Return the head of another request by the same client.

    Args:
        head: The client's own request.
        method: The other method.
        target: The other target; ``None`` for the same.
        dropped: Headers to leave out, in lower case, besides those that are added and
            those that describe a body or override the method.
        added: Headers to add.
    """
    names = {name.lower() for name in added}
    gone = names | METHOD_OVERRIDES | _OF_A_BODY | set(dropped)
    kept = [
        (name, value)
        for name, value in head.headers
        if name.lower().replace(b"_", b"-") not in gone
    ]
    target = head.target if target is None else target
    return replace(head, method=method, target=target, headers=(*kept, *added.items()))


_OF_A_BODY: Final = frozenset(
    {
        *(b"content-length", b"transfer-encoding", b"content-type", b"expect"),
        *(b"content-encoding", b"content-md5", b"digest", b"content-digest"),
        *(b"repr-digest", b"upload-checksum", b"trailer"),
    }
)
"""Headers that describe the body of one request."""


TOO_LARGE: Final = Refusal(
    status=413,
    reason=Reason.TOO_LARGE,
    detail="The body is longer than this service accepts.",
)


def refuse(detail: str, status: int = 400) -> Refusal:
    """Return the refusal of a head that is no step."""
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


def read_number(head: RequestHead, name: bytes) -> int | Refusal | None:
    """Return the number in a header; ``None`` if the header is not there."""
    values = head.values(name)
    if not values:
        return None
    if len(values) > 1 or not _NUMBER.fullmatch(values[0]):
        return refuse("A length or an offset of the upload is not a number.")
    return int(values[0])


def obeyed_method(head: RequestHead, allowed: frozenset[str]) -> str | None:
    """Return the method that a server obeys; ``None`` if it is unclear.

    A POST may stand for the ``allowed`` methods.
    """
    asked = head.stands_for
    if not asked:
        return head.method
    if head.method != "POST" or len(asked) > 1 or not asked <= allowed:
        return None
    return next(iter(asked))


def target_of(location: bytes, target: str) -> str:
    """Return the target that clients use for a Location in the answer to a target."""
    address = location.decode("latin-1")
    found = urlsplit(urljoin(f"http://origin{target}", address))
    return found.path + (f"?{found.query}" if found.query else "")
