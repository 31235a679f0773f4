"""The head of a request as it arrived, with a quick check for unusual headers."""

import re
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from uploadfilter.uploads.head import codings

HTTP_1_0 = (1, 0)
HTTP_1_1 = (1, 1)

METHOD_OVERRIDES: Final = frozenset(
    {b"x-http-method-override", b"x-http-method", b"x-method-override"}
)
_USUAL_CONNECTIONS: Final = frozenset({b"", b"close", b"keep-alive"})

_SPOKEN_OF: Final = frozenset(
    {
        *METHOD_OVERRIDES,
        *codings.HEADERS,
        *(b"transfer-encoding", b"upgrade", b"expect"),
    }
)
"""Headers whose values a rule examines."""

_LENGTH = re.compile(rb"[0-9]{1,19}")
HOST = re.compile(rb"[0-9A-Za-z._~!$&'()*+;=%:\[\]-]*")
"""The characters of a host and its port (RFC 9110, section 7.2), except the comma,
which joins two hosts for some readers; empty for a target that names no host."""

_PLAIN_NAMES = re.compile(rb"(?:[!#$%&'*+.^`|~0-9A-Za-z-]+\n)+")
_PLAIN_VALUES = re.compile(rb"[\t -~]*")
_VALUE = itemgetter(1)


@dataclass(frozen=True, kw_only=True)
class RequestHead:
    """The head of a request as it came over the wire.

    >>> head = RequestHead(
    ...     method="POST", target="/photos", headers=((b"Content-Length", b"9"),)
    ... )
    >>> head.declared_length, head.has_body
    (9, True)

    Attributes:
        method: As sent; methods are case-sensitive.
        target: As sent, still percent-encoded.
        headers: Names and values as sent, in order, repeats kept.
        version: HTTP version, major and minor.
        declared_length: Content-Length in bytes; ``None`` if it is missing or
            malformed.
        has_body: Whether the framing announces a body.
        is_plain: Whether the head is plain, as nearly every head is: no rule concerns
            it. If it is true, only the rule about the size can still refuse the
            request.
    """

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    version: tuple[int, int] = HTTP_1_1
    declared_length: int | None = field(init=False, compare=False, repr=False)
    has_body: bool = field(init=False, compare=False, repr=False)
    is_plain: bool = field(init=False, compare=False, repr=False)
    _by_name: dict[bytes, list[bytes]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Parse once what every request needs."""
        found = {name.lower(): [value.strip(b" \t")] for name, value in self.headers}
        if len(found) != len(self.headers):
            found = _repeated(self.headers)
        length: int | None = None
        if texts := found.get(b"content-length"):
            length = int(texts[0]) if _LENGTH.fullmatch(texts[0]) else None
        # Frozen: one call instead of one for each.
        self.__dict__.update(
            _by_name=found,
            declared_length=length,
            has_body=bool(length) or b"transfer-encoding" in found,
            is_plain=_is_plain(self, found),
        )

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a header in order; ``name`` is in lower case."""
        return self._by_name.get(name, [])

    def value(self, name: bytes) -> bytes | None:
        """Return the first value of a header; ``name`` is in lower case."""
        values = self._by_name.get(name)
        return values[0] if values else None

    def has_any(self, names: Iterable[bytes]) -> bool:
        """Tell whether any of these headers occurs; names in lower case."""
        return any(name in self._by_name for name in names)

    @property
    def names(self) -> KeysView[bytes]:
        """Every header name in lower case, once."""
        return self._by_name.keys()

    def present(self, names: frozenset[bytes]) -> Iterator[list[bytes]]:
        """Yield the values of those of ``names`` that occur; names in lower case."""
        return (values for name, values in self._by_name.items() if name in names)

    @property
    def stands_for(self) -> frozenset[str]:
        """The methods that any header asks for instead, as any origin may read them."""
        if self.is_plain:
            return frozenset()
        return frozenset(
            value.decode("latin-1").upper()
            for name in self.names
            if name.replace(b"_", b"-") in METHOD_OVERRIDES
            for value in self.values(name)
        )


def _repeated(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    """Return the values of each header, some of which occur more than once."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return found


def _is_plain(head: RequestHead, named: Mapping[bytes, Sequence[bytes]]) -> bool:
    """Check all headers at once for what the rules of ``plan`` check one by one."""
    host, length = named.get(b"host"), named.get(b"content-length")
    connection = named.get(b"connection")
    return (
        head.version == HTTP_1_1
        and head.target.startswith("/")
        and head.method != "CONNECT"
        and len(named) == len(head.headers)
        and _SPOKEN_OF.isdisjoint(named)
        and host is not None
        and HOST.fullmatch(host[0]) is not None
        and (length is None or _LENGTH.fullmatch(length[0]) is not None)
        and (connection is None or connection[0].lower() in _USUAL_CONNECTIONS)
        and _PLAIN_NAMES.fullmatch(b"\n".join([*named, b""])) is not None
        and _PLAIN_VALUES.fullmatch(b"".join(map(_VALUE, head.headers))) is not None
    )
