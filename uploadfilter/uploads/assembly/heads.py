"""Make the head of another request out of a client's own: to ask, to end, to replay."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from uploadfilter.uploads.head.request import METHOD_OVERRIDES, RequestHead


def edited(
    head: RequestHead,
    *,
    method: str,
    target: str,
    dropped: Iterable[bytes],
    added: Mapping[bytes, bytes],
) -> RequestHead:
    """Return the head of another request by the same client.

    Args:
        head: The client's own request.
        method: The other method.
        target: The other target.
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
    return replace(head, method=method, target=target, headers=(*kept, *added.items()))


_OF_A_BODY: Final = frozenset(
    {
        *(b"content-length", b"transfer-encoding", b"content-type", b"expect"),
        *(b"content-encoding", b"content-md5", b"digest", b"content-digest"),
        *(b"repr-digest", b"upload-checksum", b"trailer"),
    }
)
"""Headers that describe the body of one request."""
