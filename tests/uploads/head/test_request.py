"""The check of a whole head agrees with the single rules."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tests.uploads.forms import LIMITS, head
from uploadfilter.uploads.head.clientside import ClientHeader, client_side
from uploadfilter.uploads.head.forwarding import Telling, forwarded_headers
from uploadfilter.uploads.head.plan import SINGLETONS, plan
from uploadfilter.uploads.head.request import RequestHead

Header = tuple[bytes, bytes]
LENGTH = (b"Content-Length", b"5")
CHUNKED = (b"Transfer-Encoding", b"chunked")
HOST = (b"Host", b"a")


class _Doubted(RequestHead):
    """A head that is never taken for a plain one: the slow twin."""

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "is_plain", False)


_PLAIN = ((b"Host", b"site.example:80"), (b"User-Agent", b"x (y; z)"), HOST, LENGTH)
_WORDS = st.sampled_from(
    [
        *(name for known in SINGLETONS for name in (known, known.title())),
        *(b"connection", b"upgrade", b"cookie", b"X-Method-Override", b"x_a", b"a b"),
        *(b"X-HTTP-Method", b"x_http_method", b"X-Content-Encoding", b"", b"\xc3"),
    ]
)
_SAID = st.sampled_from(
    [
        *(b"5", b"", b"gzip", b"identity", b"chunked", b"keep-alive", b"Close"),
        *(b"100-continue", b"DELETE", b"put", b"websocket", b"h2c", b"a,b", b"\xff"),
        *(b"a\x00b", b"\t5 ", b"content-type", b"image/png", b"STREAMING-A", b"a\nb"),
    ]
)


@given(
    headers=st.lists(
        st.sampled_from(_PLAIN)
        | st.tuples(_WORDS, _SAID)
        | st.tuples(_WORDS, st.binary(max_size=20)),
        max_size=6,
    ),
    method=st.sampled_from(["GET", "PUT", "POST", "CONNECT"]),
    target=st.sampled_from(["/a", "*", "a", "/a?b=c", "/\xe9"]),
    version=st.sampled_from([(1, 0), (1, 1), (2, 0)]),
)
def test_plain_head_is_one_that_no_rule_speaks_of(
    headers: list[Header], method: str, target: str, version: tuple[int, int]
) -> None:
    """The check of a whole head agrees with the single rules."""
    heads = [
        made(method=method, target=target, headers=tuple(headers), version=version)
        for made in (RequestHead, _Doubted)
    ]

    assert plan(heads[0], LIMITS) == plan(heads[1], LIMITS)
    assert heads[0].stands_for == heads[1].stands_for


_TOLD = st.sampled_from(
    [
        *(b"x-forwarded-for", b"X-Forwarded-Proto", b"Forwarded", b"X-Real-IP"),
        *(b"x_forwarded_for", b"Content-Range", b"X_File_Range", b"Connection"),
        *(b"Keep-Alive", b"Max-Forwards", b"Via", b"Cookie", b"A"),
    ]
)


@given(
    headers=st.lists(
        st.sampled_from(_PLAIN)
        | st.tuples(_TOLD, st.sampled_from([b"a", b"bytes 0-4/5", b"3", b"close"])),
        max_size=6,
    ),
    method=st.sampled_from(["GET", "PUT", "OPTIONS"]),
    peer=st.sampled_from(["192.0.2.1", "10.0.0.1"]),
    whole_ranges=st.booleans(),
)
def test_plain_head_goes_on_as_any_other(
    headers: list[Header], method: str, peer: str, *, whole_ranges: bool
) -> None:
    """The names of a plain head need no look at each of them."""
    found = []
    for made in (RequestHead, _Doubted):
        sent = made(method=method, target="/a", headers=tuple(headers))
        side = client_side(
            peer,
            sent,
            scheme="https",
            trusted_proxies=(ip_network("10.0.0.0/8"),),
            believed=ClientHeader.X_FORWARDED_FOR,
        )
        found.append(
            forwarded_headers(
                sent,
                side,
                decision_id="D1",
                body_length=5,
                content_type=None,
                telling=Telling(whole_ranges=whole_ranges),
            )
        )

    assert found[0] == found[1]


@given(
    headers=st.lists(st.tuples(st.sampled_from([b"A", b"a", b"b", b"C"]), _SAID)),
)
def test_values_of_a_header_keep_their_order(headers: list[Header]) -> None:
    """A head finds every value of a name, whether names repeat or not."""
    found = RequestHead(method="GET", target="/", headers=tuple(headers))

    for name in (b"a", b"b", b"c", b"d"):
        own = [value.strip(b" \t") for key, value in headers if key.lower() == name]
        assert found.values(name) == own
        assert found.value(name) == (own[0] if own else None)


def test_heads_of_usual_clients_are_plain() -> None:
    """Heads of browsers, scripts and front ends need no rule."""
    usual = [
        (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101"),
        (b"Accept", b"image/avif,image/webp,*/*;q=0.8"),
        (b"Accept-Encoding", b"gzip, deflate, br"),
        (b"Cookie", b'a="b c"; d=e%20f'),
        (b"Content-Type", b'multipart/form-data; boundary="----x"'),
        (b"X-Forwarded-For", b"203.0.113.9, 2001:db8::1"),
        (b"Connection", b"keep-alive"),
    ]

    assert head(LENGTH, *usual).is_plain
    assert not head(CHUNKED, *usual).is_plain
