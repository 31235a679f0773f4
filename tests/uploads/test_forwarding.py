"""What of a head goes on to the origin, and back to the client."""

from ipaddress import ip_network

import pytest

from tests.uploads.forms import head
from uploadfilter.uploads.forwarding import (
    Headers,
    client_address,
    forwarded_headers,
    returned_headers,
)

Header = tuple[bytes, bytes]
PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1"))


def forward(
    *headers: Header,
    decision_id: str | None = "D1",
    body_length: int | None = 3,
    content_type: str | None = None,
    trusted: bool = False,
) -> Headers:
    """Return what the origin gets of a request with a Host and the given headers."""
    return forwarded_headers(
        head(*headers),
        client="192.0.2.1",
        scheme="https",
        decision_id=decision_id,
        body_length=body_length,
        content_type=content_type,
        trusted=trusted,
    )


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Return the values of a header."""
    return [value for known, value in headers if known.lower() == name]


def address(peer: str, *entries: bytes) -> str:
    """Return the client's address for the given lines of X-Forwarded-For."""
    told = head(*((b"X-Forwarded-For", entry) for entry in entries))
    return client_address(peer, told, PROXIES)


def test_origin_gets_the_headers_of_one_new_request() -> None:
    """Everything that the client sent and may send, then what we say ourselves."""
    sent = (b"X-Thing", b"1"), (b"Cookie", b"a"), (b"Cookie", b"b")

    assert forward(*sent, (b"Content-Length", b"9")) == [
        (b"Host", b"site.example"),
        *sent,
        (b"Content-Length", b"3"),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"site.example"),
        (b"Via", b"1.1 uploadfilter"),
        (b"Uploadfilter-Decision", b"D1"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"Connection",
        b"Keep-Alive",
        b"Proxy-Connection",
        b"Proxy-Authorization",
        b"TE",
        b"Trailer",
        b"Transfer-Encoding",
        b"Upgrade",
        b"HTTP2-Settings",
        b"Expect",
        b"expect",
        b"Uploadfilter-Decision",
        b"UPLOADFILTER_DECISION",
        b"X-Forwarded-Port",
        b"x_forwarded_ssl",
        b"Forwarded",
        b"X-Real-IP",
    ],
)
def test_headers_that_are_not_the_clients_to_send_are_dropped(name: bytes) -> None:
    """What belongs to the connection, to us, or to a trusted proxy does not go on."""
    assert (name, b"x") not in forward((name, b"x"))


def test_headers_of_the_connection_are_dropped() -> None:
    """What Connection names is meant for us alone (RFC 9110, section 7.6.1)."""
    sent = forward((b"Connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"X-End", b"2"))

    assert values(sent, b"x-hop") == []
    assert values(sent, b"x-end") == [b"2"]


@pytest.mark.parametrize("name", [b"Cookie", b"Authorization", b"Origin", b"Host"])
def test_connection_cannot_hide_what_a_site_relies_on(name: bytes) -> None:
    """A client may not have its own credentials or origin removed on the way."""
    sent = forward((b"Connection", name), (name, b"kept"))

    assert b"kept" in values(sent, name.lower())


def test_type_of_a_form_is_replaced() -> None:
    """A form encoded anew goes on under its new boundary only."""
    sent = forward(
        (b"Content-Type", b"multipart/form-data; boundary=a"),
        content_type="multipart/form-data; boundary=b",
    )

    assert values(sent, b"content-type") == [b"multipart/form-data; boundary=b"]


def test_type_of_a_raw_body_is_kept() -> None:
    """Without a new type, the client's goes on, repeats and all (``MONITOR``)."""
    sent = forward((b"Content-Type", b"a/b"), (b"content-type", b"c/d"))

    assert values(sent, b"content-type") == [b"a/b", b"c/d"]


def test_request_without_a_body_has_no_length_and_no_decision() -> None:
    """What was not sent and not decided is not claimed."""
    sent = forward((b"Content-Length", b"0"), decision_id=None, body_length=None)

    assert values(sent, b"content-length") == []
    assert values(sent, b"uploadfilter-decision") == []


def test_trusted_proxy_is_believed_about_scheme_and_host() -> None:
    """What a trusted proxy says about the client's side goes on."""
    told = (
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Host", b"outer.example"),
        (b"X-Forwarded-Port", b"8443"),
        (b"Forwarded", b"for=198.51.100.1"),
    )
    sent = forward(*told, (b"X-Forwarded-For", b"198.51.100.1"), trusted=True)

    assert set(told) <= set(sent)
    assert values(sent, b"x-forwarded-for") == [b"192.0.2.1"]


@pytest.mark.parametrize("trusted", [False, True])
def test_odd_scheme_is_not_passed_on(*, trusted: bool) -> None:
    """There are two schemes; what else is said is replaced by what we know."""
    sent = forward((b"X-Forwarded-Proto", b"gopher"), trusted=trusted)

    assert values(sent, b"x-forwarded-proto") == [b"https"]


def test_via_of_others_is_kept() -> None:
    """Via is a list to which each proxy adds itself."""
    sent = forward((b"Via", b"1.1 front"))

    assert values(sent, b"via") == [b"1.1 front", b"1.1 uploadfilter"]


def test_client_gets_the_answer_without_the_connection() -> None:
    """Of an answer, the connection's headers stay with us; repeats are kept."""
    answer = [
        (b"Connection", b"keep-alive, X-Hop"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"X-Hop", b"1"),
        (b"Set-Cookie", b"a"),
        (b"Set-Cookie", b"b"),
        (b"Content-Encoding", b"gzip"),
    ]

    assert returned_headers(answer) == answer[4:]


@pytest.mark.parametrize(
    ("peer", "entries", "client"),
    [
        pytest.param("192.0.2.9", (b"198.51.100.1",), "192.0.2.9", id="not trusted"),
        pytest.param("10.0.0.1", (), "10.0.0.1", id="nothing told"),
        pytest.param("10.0.0.1", (b"192.0.2.1",), "192.0.2.1", id="one hop"),
        pytest.param(
            "10.0.0.1", (b"198.51.100.1, 192.0.2.1",), "192.0.2.1", id="claimed hop"
        ),
        pytest.param(
            "10.0.0.1", (b"192.0.2.1", b"10.0.0.2"), "192.0.2.1", id="two proxies"
        ),
        pytest.param("10.0.0.1", (b"10.0.0.3, 10.0.0.2",), "10.0.0.3", id="inside"),
        pytest.param("10.0.0.1", (b"unknown",), "10.0.0.1", id="no address"),
        pytest.param("10.0.0.1", (b"192.0.2.1,",), "10.0.0.1", id="empty entry"),
        pytest.param(
            "10.0.0.1", (b"x, 192.0.2.1",), "192.0.2.1", id="junk that is not reached"
        ),
        pytest.param(
            "10.0.0.1", (b"192.0.2.1, x, 10.0.0.2",), "10.0.0.1", id="junk on the way"
        ),
        pytest.param("10.0.0.1", (b"192.0.2.1:80",), "192.0.2.1", id="port"),
        pytest.param("::1", (b"[2001:db8::1]:80",), "2001:db8::1", id="IPv6 and port"),
        pytest.param("::1", (b"[2001:db8::1]",), "2001:db8::1", id="IPv6 in brackets"),
        pytest.param("::1", (b"[2001:db8::1]x",), "::1", id="junk behind brackets"),
        pytest.param("::1", (b"2001:DB8::1",), "2001:db8::1", id="IPv6"),
        pytest.param("::ffff:10.0.0.1", (b"192.0.2.1",), "192.0.2.1", id="mapped"),
        pytest.param("fe80::1%eth0", (), "fe80::1", id="zone"),
        pytest.param("unix:", (b"192.0.2.1",), "unix:", id="no peer address"),
    ],
)
def test_client_is_who_the_nearest_untrusted_hop_is(
    peer: str, entries: tuple[bytes, ...], client: str
) -> None:
    """Trusted proxies are believed one by one, from the nearest on."""
    assert address(peer, *entries) == client
