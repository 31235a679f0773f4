"""Send the same request straight to a site and through the proxy, and compare.

A request goes out over a bare socket, byte for byte the same both times, with the same
``Host``. Parts that always differ are removed from both answers before they are
compared: each such rule has its reason. Everything else must be equal, and headers of
one name also in their order; the order of different names means nothing (RFC 9110,
section 5.3).
"""

import difflib
import http.client
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.sites.behind import Behind

TIMEOUT_S = 60.0
"""Longest wait for a byte of an answer, on a busy machine too."""

HOST = "site.example"
"""The name under which a site is known to its visitors."""

OF_THE_CONNECTION = frozenset(
    # Each of two connections has its own framing and its own end (RFC 9110, 7.6.1).
    {"connection", "keep-alive", "transfer-encoding"}
)

BETWEEN = {
    "date": "two answers are not made in the same second",
    "via": "the proxy says that it was there (RFC 9110, section 7.6.3)",
}
"""Headers that differ between any two answers, or between the two ways; and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Varies:
    """The parts of a site's answers that differ from one request to the next.

    Attributes:
        pattern: Its form in a header or in the body.
        reason: The reason why the proxy does not cause it.
        header: The only header in which it varies, in lower case; empty for all of
            them and the body.
    """

    pattern: bytes
    reason: str
    header: str = ""

    def blanked(self, text: bytes, *, header: str = "") -> bytes:
        """Return the value of a header, or a body, without it."""
        if self.header not in ("", header):
            return text
        return re.sub(self.pattern, b"*", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request.

    Attributes:
        target: Request target, byte for byte.
        method: Method.
        headers: More headers than ``Host``.
        body: What follows, with its ``Content-Length``.
    """

    target: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def wire(self) -> bytes:
        """Return the request in the form that is sent."""
        headers = {"Host": HOST, "Connection": "close", **self.headers}
        if self.body is not None:
            headers["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + (self.body or b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer.

    Attributes:
        line: Status and reason phrase.
        headers: Names and values as they came, in order.
        body: The body.
    """

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def status(self) -> int:
        """The status."""
        return int(self.line.split()[0])

    def values(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for known, value in self.headers if known.lower() == name]

    def without(self, rules: Sequence[Varies]) -> "Told":
        """Return it without the parts that always differ."""
        left_out = OF_THE_CONNECTION | BETWEEN.keys()
        headers = tuple(
            (name, _blanked(value.encode("latin-1"), rules, name).decode("latin-1"))
            for name, value in self.headers
            if name.lower() not in left_out
        )
        return Told(line=self.line, headers=headers, body=_blanked(self.body, rules))


def _blanked(text: bytes, rules: Iterable[Varies], name: str = "") -> bytes:
    for rule in rules:
        text = rule.blanked(text, header=name.lower())
    return text


def ask(port: int, request: Ask) -> Told:
    """Send a request to a port of this machine, and read its answer."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(request.wire())
        response = http.client.HTTPResponse(connection, method=request.method)
        response.begin()
        return Told(
            line=f"{response.status} {response.reason}",
            headers=tuple(response.getheaders()),
            body=response.read(),
        )


def differences(site: Behind, request: Ask, rules: Sequence[Varies] = ()) -> list[str]:
    """Tell how the answer of the site differs from that through the proxy.

    Returns:
        A note that the site itself fails, which would prove nothing; or the parts of
        one answer only, with ``-`` for the site's and ``+`` for that through the proxy;
        nothing if they are the same.
    """
    straight, through = (ask(port, request) for port in site.ports)
    if straight.status == http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return [f"the site fails by itself: {straight}"]
    return list(
        difflib.unified_diff(
            _lines(straight.without(rules)),
            _lines(through.without(rules)),
            "straight",
            "through",
            lineterm="",
            n=0,
        )
    )


def _lines(told: Told) -> list[str]:
    """Return an answer as text; equal texts are equal answers."""
    in_order = sorted(told.headers, key=lambda header: header[0].lower())
    headers = [f"{name}: {value}" for name, value in in_order]
    return [told.line, *headers, *map(repr, told.body.split(b"\n"))]
