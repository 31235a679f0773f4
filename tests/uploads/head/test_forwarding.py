"""The part of a head that is forwarded to the origin, and back to the client."""

from ipaddress import ip_network

import pytest

from tests.uploads.forms import head
from uploadfilter.uploads.head.clientside import ClientHeader, ClientSide, client_side
from uploadfilter.uploads.head.forwarding import (
    Headers,
    Telling,
    ends_here,
    forwarded_headers,
    returned_headers,
)
from uploadfilter.uploads.head.request import RequestHead

Header = tuple[bytes, bytes]
TELLING = Telling()
PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1"))


def forward(
    *headers: Header,
    decision_id: str | None = "D1",
    body_length: int | None = 3,
    content_type: str | None = None,
    peer: str = "192.0.2.1",
    telling: Telling = TELLING,
    believed: ClientHeader = ClientHeader.X_FORWARDED_FOR,
    method: str = "POST",
) -> Headers:
    """Return the headers for the origin of a request with a Host and given headers."""
    sent = head(*headers, method=method)
    return forwarded_headers(
        sent,
        side(peer, sent, believed=believed),
        decision_id=decision_id,
        body_length=body_length,
        content_type=content_type,
        telling=telling,
    )


def side(
    peer: str,
    sent: RequestHead,
    *,
    believed: ClientHeader = ClientHeader.X_FORWARDED_FOR,
) -> ClientSide:
    """Return the facts about a client that reached us, or a proxy, under https."""
    return client_side(
        peer, sent, scheme="https", trusted_proxies=PROXIES, believed=believed
    )


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Return the values of a header."""
    return [value for known, value in headers if known.lower() == name]


def address(peer: str, *entries: bytes) -> str:
    """Return the client's address for the given lines of X-Forwarded-For."""
    told = head(*((b"X-Forwarded-For", entry) for entry in entries))
    return side(peer, told).client


def test_origin_gets_the_headers_of_one_new_request() -> None:
    """They are all that the client sent and may send, and then our own headers."""
    sent = (b"X-Thing", b"1"), (b"Cookie", b"a"), (b"Cookie", b"b")

    assert forward(*sent, (b"Content-Length", b"9")) == [
        (b"Host", b"site.example"),
        *sent,
        (b"Content-Length", b"3"),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"site.example"),
        (b"X-Forwarded-Port", b"443"),
        (b"Via", b"1.1 uploadfilter"),
        (b"Uploadfilter-Decision", b"D1"),
    ]


SIGNED_FRAMING = (
    b"Authorization",
    b"AWS4-HMAC-SHA256 Credential=a/b/s3/aws4_request, "  # noqa: ISC004 -- one value
    b"SignedHeaders=content-encoding;host;transfer-encoding;x-amz-date, Signature=0f",
)
CHUNKED = (b"Transfer-Encoding", b"chunked")


def test_chunks_stay_chunks_where_a_client_signed_that() -> None:
    """With a length in their place, the origin would find the signature wrong."""
    assert values(forward(SIGNED_FRAMING, CHUNKED), b"content-length") == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((CHUNKED,), id="unsigned"),
        pytest.param((SIGNED_FRAMING,), id="not in chunks"),
        pytest.param(
            (
                CHUNKED,
                (SIGNED_FRAMING[0], SIGNED_FRAMING[1].replace(b"transfer-", b"x-")),
            ),
            id="others signed",
        ),
        pytest.param(
            (CHUNKED, (b"Authorization", b"Basic transfer-encoding")), id="no signature"
        ),
    ],
)
def test_other_bodies_have_their_length(headers: tuple[Header, ...]) -> None:
    """Some origins take no body in chunks."""
    assert values(forward(*headers), b"content-length") == [b"3"]


def test_form_that_is_encoded_anew_has_its_length() -> None:
    """Its signature is void in any case."""
    told = forward(SIGNED_FRAMING, CHUNKED, content_type="multipart/form-data")

    assert values(told, b"content-length") == [b"3"]


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
    """Headers of the connection, ours, or a trusted proxy's are not forwarded."""
    assert (name, b"x") not in forward((name, b"x"))


def test_headers_of_the_connection_are_dropped() -> None:
    """A header named in Connection is for this hop alone (RFC 9110, section 7.6.1)."""
    sent = forward((b"Connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"X-End", b"2"))

    assert values(sent, b"x-hop") == []
    assert values(sent, b"x-end") == [b"2"]


@pytest.mark.parametrize("name", [b"Cookie", b"Authorization", b"Origin", b"Host"])
def test_connection_cannot_hide_what_a_site_relies_on(name: bytes) -> None:
    """A client may not have its own credentials or origin removed on the way."""
    sent = forward((b"Connection", name), (name, b"kept"))

    assert b"kept" in values(sent, name.lower())


def test_type_of_a_form_is_replaced() -> None:
    """A form encoded again is forwarded with its new boundary only."""
    sent = forward(
        (b"Content-Type", b"multipart/form-data; boundary=a"),
        content_type="multipart/form-data; boundary=b",
    )

    assert values(sent, b"content-type") == [b"multipart/form-data; boundary=b"]


def test_type_of_a_raw_body_is_kept() -> None:
    """Without a new type, the client's goes on, repeats and all (``MONITOR``)."""
    sent = forward((b"Content-Type", b"a/b"), (b"content-type", b"c/d"))

    assert values(sent, b"content-type") == [b"a/b", b"c/d"]


RANGED = (
    b"Content-Range",
    b"content-range",
    b"Content_Range",
    b"X-Content-Range",
    b"X-File-Range",
    b"X-Upload-Content-Range",
)


@pytest.mark.parametrize("name", RANGED)
@pytest.mark.parametrize("value", [b"bytes 0-9/10", b"bytes=0-9/10", b"bytes  0-9/10"])
def test_range_of_a_whole_file_is_dropped(name: bytes, value: bytes) -> None:
    """A server would write it in place, before the end of an older, longer file."""
    length = (b"Content-Length", b"10")
    sent = forward((name, value), length, method="PUT")
    assert value not in [it for _, it in sent]
    asked = forward((name, value), method="PUT", body_length=0)
    assert (name, value) in asked
    # The operator says that this origin writes no range in place.
    whole = Telling(whole_ranges=True)
    assert (name, value) in forward((name, value), length, method="PUT", telling=whole)


def test_range_of_a_piece_is_kept() -> None:
    """The operator lets pieces pass."""
    length = (b"Content-Length", b"10")
    piece = (b"Content-Range", b"bytes 0-9/20")
    assert values(forward(piece, length), b"content-range") == [b"bytes 0-9/20"]


def test_range_of_a_whole_file_in_a_form_is_dropped() -> None:
    """A script could write it in place as a server does."""
    length, whole = (b"Content-Length", b"10"), (b"Content-Range", b"bytes 0-9/10")
    form = forward(whole, length, content_type="multipart/form-data; boundary=b")
    assert values(form, b"content-range") == []


def test_request_without_a_body_has_no_length_and_no_decision() -> None:
    """It states nothing that was not sent or decided."""
    sent = forward((b"Content-Length", b"0"), decision_id=None, body_length=None)

    assert values(sent, b"content-length") == []
    assert values(sent, b"uploadfilter-decision") == []


def test_trusted_proxy_is_believed_about_scheme_and_host() -> None:
    """A trusted proxy's statement about the client's side is forwarded."""
    told = (
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Host", b"outer.example"),
        (b"X-Forwarded-Port", b"8443"),
        (b"Forwarded", b"for=198.51.100.1"),
    )
    sent = forward(*told, (b"X-Forwarded-For", b"198.51.100.1"), peer="10.0.0.1")

    assert set(told) <= set(sent)
    assert values(sent, b"x-forwarded-for") == [b"198.51.100.1"]


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.1"])
def test_odd_scheme_is_not_passed_on(peer: str) -> None:
    """There are two schemes; any other statement is replaced by our own knowledge."""
    sent = forward((b"X-Forwarded-Proto", b"gopher"), peer=peer)

    assert values(sent, b"x-forwarded-proto") == [b"https"]


def test_via_of_others_is_kept() -> None:
    """Via is a list to which each proxy adds itself."""
    sent = forward((b"Via", b"1.1 front"))

    assert values(sent, b"via") == [b"1.1 front", b"1.1 uploadfilter"]


def test_client_gets_the_answer_without_the_connection() -> None:
    """The connection's headers of an answer are removed; repeated headers are kept."""
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


@pytest.mark.parametrize(
    ("peer", "lines", "client"),
    [
        pytest.param(
            "192.0.2.9", (b"for=198.51.100.1",), "192.0.2.9", id="not trusted"
        ),
        pytest.param("10.0.0.1", (), "10.0.0.1", id="nothing told"),
        pytest.param("10.0.0.1", (b"for=192.0.2.1",), "192.0.2.1", id="one hop"),
        pytest.param(
            "10.0.0.1", (b"for=198.51.100.1, for=192.0.2.1",), "192.0.2.1", id="claimed"
        ),
        pytest.param(
            "10.0.0.1",
            (b"for=192.0.2.1", b"for=10.0.0.2"),
            "192.0.2.1",
            id="two proxies",
        ),
        pytest.param("10.0.0.1", (b"for=_hidden",), "10.0.0.1", id="obfuscated"),
        pytest.param("10.0.0.1", (b"for=unknown",), "10.0.0.1", id="unknown"),
        pytest.param("10.0.0.1", (b"proto=https",), "10.0.0.1", id="no node"),
        pytest.param("10.0.0.1", (b'for="192.0.2.1',), "10.0.0.1", id="malformed"),
        pytest.param(
            "10.0.0.1",
            (b'for="x', b"for=192.0.2.1"),
            "192.0.2.1",
            id="junk not reached",
        ),
        pytest.param("::1", (b'for="[2001:DB8::1]:80"',), "2001:db8::1", id="IPv6"),
    ],
)
def test_client_is_read_from_forwarded_if_that_is_believed(
    peer: str, lines: tuple[bytes, ...], client: str
) -> None:
    """Forwarded is read as X-Forwarded-For is: hop by hop, from the nearest on."""
    told = head(*((b"Forwarded", line) for line in lines))

    assert side(peer, told, believed=ClientHeader.FORWARDED).client == client


@pytest.mark.parametrize(
    ("believed", "client"),
    [
        (ClientHeader.X_FORWARDED_FOR, "192.0.2.1"),
        (ClientHeader.FORWARDED, "198.51.100.1"),
    ],
)
def test_one_header_is_believed_and_the_other_is_not(
    believed: ClientHeader, client: str
) -> None:
    """A front end that writes one of them forwards a client's own other one."""
    told = head((b"X-Forwarded-For", b"192.0.2.1"), (b"Forwarded", b"for=198.51.100.1"))

    assert side("10.0.0.1", told, believed=believed).client == client


def test_scheme_and_host_come_from_the_hop_that_saw_the_client() -> None:
    """Of two proxies, the outer one knows the host that the client asked for."""
    sent = forward(
        (b"Forwarded", b"for=192.0.2.1;proto=http;host=outer.example"),
        (b"Forwarded", b"for=10.0.0.2;proto=https;host=inner.example"),
        peer="10.0.0.1",
        believed=ClientHeader.FORWARDED,
    )

    assert values(sent, b"x-forwarded-proto") == [b"http"]
    assert values(sent, b"x-forwarded-host") == [b"outer.example"]


@pytest.mark.parametrize(
    ("headers", "peer", "port"),
    [
        ((), "192.0.2.1", b"443"),
        (((b"X-Forwarded-Port", b"8443"),), "10.0.0.1", b"8443"),
        (((b"X-Forwarded-Port", b"8443"),), "192.0.2.1", b"443"),
        (((b"X-Forwarded-Port", b"x"),), "10.0.0.1", b"443"),
        (((b"X-Forwarded-Proto", b"http"),), "10.0.0.1", b"80"),
        (((b"X-Forwarded-Host", b"x:99"),), "10.0.0.1", b"99"),
    ],
)
def test_port_is_the_one_that_the_client_asked(
    headers: tuple[Header, ...], peer: str, port: bytes
) -> None:
    """As a trusted proxy says, as the host has it, or the scheme's own."""
    assert values(forward(*headers, peer=peer), b"x-forwarded-port") == [port]


def test_client_without_an_address_is_unknown() -> None:
    """A unix socket has no address to name (RFC 7239, section 6.2)."""
    assert values(forward(peer=""), b"x-forwarded-for") == [b"unknown"]


def test_via_names_the_version_that_the_client_speaks() -> None:
    """Via says how the message was received (RFC 9110, section 7.6.3)."""
    old = RequestHead(method="GET", target="/", headers=(), version=(1, 0))
    sent = forwarded_headers(
        old,
        side("192.0.2.1", old),
        decision_id=None,
        body_length=None,
        content_type=None,
        telling=Telling(via="edge-7"),
    )

    assert values(sent, b"via") == [b"1.0 edge-7"]


def test_origin_without_a_host_gets_its_own() -> None:
    """HTTP/1.0 need not name one, HTTP/1.1 must (RFC 9112, section 3.2)."""
    old = RequestHead(method="GET", target="/", headers=(), version=(1, 0))
    sent = forwarded_headers(
        old,
        side("192.0.2.1", old),
        decision_id=None,
        body_length=None,
        content_type=None,
        telling=Telling(authority="10.1.2.3:8000"),
    )

    assert sent[0] == (b"Host", b"10.1.2.3:8000")


def test_empty_via_is_none() -> None:
    """Some origins do not compress answers for a proxy."""
    assert values(forward(telling=Telling(via="")), b"via") == []


def test_via_is_a_name() -> None:
    """A pseudonym is a token; nothing else can stand there."""
    with pytest.raises(ValueError, match="via"):
        Telling(via="a b")


@pytest.mark.parametrize(
    ("method", "sent", "got"),
    [
        ("OPTIONS", b"3", b"2"),
        ("TRACE", b"1", b"0"),
        ("TRACE", b"x", b"x"),
        ("GET", b"3", b"3"),
    ],
)
def test_max_forwards_is_counted_down(method: str, sent: bytes, got: bytes) -> None:
    """The number decreases for OPTIONS and TRACE; other methods keep it."""
    headers = forward((b"Max-Forwards", sent), method=method)

    assert values(headers, b"max-forwards") == [got]


@pytest.mark.parametrize(
    ("method", "value", "ends"),
    [
        ("OPTIONS", b"0", True),
        ("TRACE", b"00", True),
        ("OPTIONS", b"1", False),
        ("OPTIONS", b"-0", False),
        ("GET", b"0", False),
    ],
)
def test_request_ends_where_it_asks_to(
    method: str, value: bytes, *, ends: bool
) -> None:
    """``Max-Forwards: 0`` is for the first recipient (RFC 9110, section 7.6.2)."""
    assert ends_here(head((b"Max-Forwards", value), method=method)) is ends
