"""The head determines how a body is read, or refuses it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uploads.forms import LIMITS, head
from uploadfilter.model import Reason
from uploadfilter.uploads.head.plan import (
    SINGLETONS,
    BodyKind,
    BodyPlan,
    Refusal,
    plan,
)
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.limits import UploadLimits

Header = tuple[bytes, bytes]
LENGTH = (b"Content-Length", b"5")
CHUNKED = (b"Transfer-Encoding", b"chunked")
HOST = (b"Host", b"a")


def type_of(value: bytes) -> Header:
    """Return a Content-Type header."""
    return (b"Content-Type", value)


def plan_of(*headers: Header) -> BodyPlan | Refusal:
    """Decide about a request with a Host and the given headers."""
    return plan(head(*headers), LIMITS)


def plan_with_body(*headers: Header) -> BodyPlan | Refusal:
    """Decide about a request with a body of five bytes."""
    return plan_of(LENGTH, *headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], BodyPlan(kind=BodyKind.NONE), id="none"),
        pytest.param(
            [(b"Content-Length", b"0")], BodyPlan(kind=BodyKind.NONE), id="empty"
        ),
        pytest.param(
            [LENGTH], BodyPlan(kind=BodyKind.RAW, declared_length=5), id="no type"
        ),
        pytest.param([CHUNKED], BodyPlan(kind=BodyKind.RAW), id="chunked"),
        pytest.param(
            [LENGTH, type_of(b"Image/PNG; a=b")],
            BodyPlan(kind=BodyKind.RAW, declared_length=5, declared_type="image/png"),
            id="raw",
        ),
        pytest.param(
            [LENGTH, type_of(b"undefined")],
            BodyPlan(kind=BodyKind.RAW, declared_length=5),
            id="no valid type",
        ),
        pytest.param(
            [CHUNKED, type_of(b"multipart/form-data; charset=UTF-8; boundary=a'b")],
            BodyPlan(
                kind=BodyKind.FORM,
                declared_type="multipart/form-data",
                boundary=b"a'b",
                charset="utf-8",
            ),
            id="form",
        ),
        pytest.param(
            [LENGTH, type_of(b'Multipart/Form-Data; Boundary="a b=c"')],
            BodyPlan(
                kind=BodyKind.FORM,
                declared_length=5,
                declared_type="multipart/form-data",
                boundary=b"a b=c",
            ),
            id="form with quotes",
        ),
    ],
)
def test_plan_follows_the_head(headers: list[Header], expected: BodyPlan) -> None:
    """Framing decides whether there is a body, and its type how it is read."""
    assert plan_of(*headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([LENGTH, LENGTH], id="two lengths"),
        pytest.param([LENGTH, CHUNKED], id="length and chunked"),
        pytest.param([CHUNKED, CHUNKED], id="chunked twice"),
        pytest.param([(b"Transfer-Encoding", b"gzip, chunked")], id="gzip, chunked"),
        pytest.param([(b"Transfer-Encoding", b"identity")], id="identity"),
        pytest.param([(b"Transfer-Encoding", b"")], id="empty coding"),
        pytest.param([(b"Content-Length", b"5, 5")], id="two lengths in one"),
        pytest.param([(b"Content-Length", b"+5")], id="sign"),
        pytest.param([(b"Content-Length", b"0x5")], id="hexadecimal"),
        pytest.param([(b"Content-Length", b"-1")], id="negative"),
        pytest.param([(b"Content-Length", b"")], id="empty length"),
        pytest.param([(b"Content-Length", b"1" * 20)], id="too many digits"),
        pytest.param([(b"Content-Length", "\uff15".encode())], id="digit not of ASCII"),
        pytest.param([(b"Content_Length", b"5")], id="length with underscore"),
        pytest.param([(b"Transfer_Encoding", b"chunked")], id="coding with underscore"),
        pytest.param([(b"Content-Length ", b"5")], id="blank in a name"),
        pytest.param([(b"", b"x")], id="no name"),
        pytest.param([HOST], id="two hosts"),
    ],
)
def test_unframeable_request_is_refused_even_without_a_body(
    headers: list[Header],
) -> None:
    """Where readers disagree about the end of a request, nothing is forwarded."""
    refusal = plan_of(*headers)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (400, Reason.MALFORMED_REQUEST)


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b" chunked\t"])
def test_chunked_is_read_in_any_case(coding: bytes) -> None:
    """Coding names are case-insensitive, and blanks around a value mean nothing."""
    body = plan_of((b"Transfer-Encoding", coding))

    assert isinstance(body, BodyPlan)
    assert body.kind is BodyKind.RAW


@pytest.mark.parametrize("version", [(0, 9), (1, 2), (2, 0), (3, 0)])
def test_other_versions_are_refused(version: tuple[int, int]) -> None:
    """Another version has another framing, which is not known here."""
    request = RequestHead(method="GET", target="/", headers=(HOST,), version=version)

    refusal = plan(request, LIMITS)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        (b"a.example:80", False),
        (b"a_b.example", False),
        (b"[::1]:8080", False),
        (b"", False),
        (b"caf\xc3\xa9", True),
        (b"a b", True),
        (b"a, b", True),
        (b"a/b", True),
        (b"u@a", True),
        (b"a?b", True),
        (b"a\\b", True),
    ],
)
def test_host_that_names_none_is_refused(host: bytes, *, refused: bool) -> None:
    """The site of an upload must not depend on how a host is read."""
    request = RequestHead(method="GET", target="/", headers=((b"Host", host),))

    assert isinstance(plan(request, LIMITS), Refusal) is refused


@pytest.mark.parametrize(
    ("version", "headers", "refused"),
    [
        pytest.param((1, 1), (), True, id="HTTP/1.1 without a host"),
        pytest.param((1, 0), (), False, id="HTTP/1.0 without a host"),
        pytest.param((1, 0), (CHUNKED,), True, id="HTTP/1.0 in chunks"),
    ],
)
def test_versions_have_their_own_framing(
    version: tuple[int, int], headers: tuple[Header, ...], *, refused: bool
) -> None:
    """HTTP/1.1 must name a host, and HTTP/1.0 knows no chunks."""
    request = RequestHead(method="PUT", target="/", headers=headers, version=version)

    assert isinstance(plan(request, LIMITS), Refusal) == refused


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", None),
        ("GET", "//a/../b;c?d#e", None),
        ("OPTIONS", "*", None),
        ("GET", "http://elsewhere/", 400),
        ("GET", "", 400),
        ("CONNECT", "elsewhere:443", 501),
    ],
)
def test_target_is_a_path(method: str, target: str, status: int | None) -> None:
    """An origin gets paths: whole addresses and tunnels are for forward proxies."""
    decided = plan(head(method=method, target=target), LIMITS)

    assert (decided.status if isinstance(decided, Refusal) else None) == status


@pytest.mark.parametrize(
    ("offers", "refused"),
    [
        ([b"websocket"], True),
        ([b"h2c, websocket"], True),
        ([b"h2c", b"TLS/1.0"], True),
        ([b"h2c"], False),
        ([b"H2C ,"], False),
    ],
)
def test_upgrades_are_refused_but_for_one_that_is_ignored(
    offers: list[bytes], *, refused: bool
) -> None:
    """After an upgrade nothing could be inspected: 501, with or without a body."""
    decided = plan_of(*((b"Upgrade", offer) for offer in offers))

    assert isinstance(decided, Refusal) == refused
    assert not isinstance(decided, Refusal) or decided.status == 501


def test_declared_length_is_limited() -> None:
    """A body that is announced as too long is refused before it arrives: 413."""
    limits = UploadLimits(max_body_bytes=4)

    assert isinstance(plan(head((b"Content-Length", b"4")), limits), BodyPlan)
    assert plan(head(LENGTH, type_of(b"multipart/mixed")), limits) == Refusal(
        status=413,
        reason=Reason.TOO_LARGE,
        detail="The body is longer than this service accepts.",
    )


AMBIGUOUS = [
    *[
        pytest.param([(name, b"1"), (name.title(), b"1")], id=f"two of {name.decode()}")
        for name in sorted(
            SINGLETONS - {b"host", b"content-length", b"transfer-encoding"}
        )
    ],
    pytest.param([(b"X_Y", b"z"), (b"x-y", b"z")], id="underscore and hyphen"),
    pytest.param([(b"A_B-C", b"z"), (b"A-B_C", b"z")], id="two underscores"),
    pytest.param([(b"Content_Md5", b"z")], id="digest with underscore"),
    pytest.param([(b"Upload_Offset", b"5")], id="tus with underscore"),
    pytest.param([(b"X_Chunk-Index", b"1")], id="piece with underscore"),
    pytest.param([(b"X-HTTP_Method", b"PUT")], id="override with underscore"),
    pytest.param(
        [(b"Content_Type", b"multipart/form-data")], id="type with underscore"
    ),
    pytest.param([(b"X", b"a\x01b")], id="control character"),
    pytest.param([type_of("image/pńg".encode())], id="type not in ASCII"),
    pytest.param(
        [(b"Connection", b"close, Content-Type")], id="type of the connection"
    ),
    pytest.param([(b"X-HTTP-Method-Override", b"MKCOL")], id="override"),
    pytest.param([(b"x-method-override", b"GET")], id="other override"),
    pytest.param([(b"X-HTTP-Method-Override", b"put")], id="override in small letters"),
    pytest.param([(b"X-HTTP-Method-Override", b"PUT, GET")], id="override by a list"),
    pytest.param(
        [(b"X-HTTP-Method-Override", b"PUT"), (b"X-HTTP-Method", b"PUT")],
        id="two overrides",
    ),
    pytest.param([(b"Expect", b"200-ok")], id="expect"),
    pytest.param(
        [type_of(b"multipart/form-data; boundary=a"), (b"Content-MD5", b"x")],
        id="form with a digest",
    ),
    pytest.param(
        [type_of(b"multipart/form-data; boundary=a"), (b"Content-Digest", b"x")],
        id="form with a new digest",
    ),
]


@pytest.mark.parametrize("headers", AMBIGUOUS)
def test_ambiguous_request_is_refused_with_a_body(headers: list[Header]) -> None:
    """A head that two readers could take for different things is a 400."""
    refusal = plan_with_body(*headers)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (400, Reason.AMBIGUOUS_REQUEST)


def test_path_claims_what_has_no_magic() -> None:
    """A raw body has no name except the path that it is sent to."""
    found = plan(head((b"Content-Length", b"5"), target="/a%2Ebr?b"), UploadLimits())

    assert isinstance(found, BodyPlan)
    assert found.declared_type == "application/x-brotli"


def test_piece_is_planned_as_what_it_is() -> None:
    """The operator decides whether pieces are taken, the head how they are read."""
    plan = plan_with_body((b"Content-Range", b"bytes 0-4/10"))

    assert isinstance(plan, BodyPlan)
    assert (plan.kind, plan.is_piece) == (BodyKind.RAW, True)


@pytest.mark.parametrize(
    ("method", "is_piece"), [(b"PUT", True), (b"PATCH", True), (b"DELETE", False)]
)
def test_post_that_stands_for_a_put_writes_a_range(
    method: bytes, *, is_piece: bool
) -> None:
    """As a PUT does: an origin may obey the header."""
    ranged = (b"Range", b"bytes=0-4")
    planned = plan_with_body((b"X-HTTP-Method-Override", method), ranged)

    assert isinstance(planned, BodyPlan)
    assert planned.is_piece is is_piece


@pytest.mark.parametrize("method", [b"PUT", b"PATCH", b"DELETE"])
def test_post_may_stand_for_a_method_of_the_same_body(method: bytes) -> None:
    """The block editor of WordPress saves a post by a POST that stands for a PUT."""
    planned = plan_with_body((b"X-HTTP-Method-Override", method))

    assert isinstance(planned, BodyPlan)
    assert planned.kind is BodyKind.RAW


@pytest.mark.parametrize(
    ("headers", "methods"),
    [
        pytest.param((), set(), id="none"),
        pytest.param(((b"X-Method-Override", b"PUT"),), {"PUT"}, id="one"),
        pytest.param(((b"x-http-method", b"put"),), {"PUT"}, id="small letters"),
        pytest.param(((b"X_HTTP_Method", b"PUT"),), {"PUT"}, id="as CGI knows it"),
        pytest.param(
            ((b"X-HTTP-Method", b"PUT"), (b"X-HTTP-Method-Override", b"POST")),
            {"PUT", "POST"},
            id="two headers",
        ),
        pytest.param(
            ((b"X-HTTP-Method", b"PUT"), (b"X-HTTP-Method", b"POST")),
            {"PUT", "POST"},
            id="one header twice",
        ),
    ],
)
def test_methods_that_headers_name_are_known(
    headers: tuple[tuple[bytes, bytes], ...], methods: set[str]
) -> None:
    """A policy by method has to consider every method an origin may believe."""
    assert head(*headers).stands_for == methods


def test_only_a_post_may_stand_for_another_method() -> None:
    """A PUT that stands for a DELETE can be read in two ways."""
    headers = (HOST, LENGTH, (b"X-HTTP-Method-Override", b"DELETE"))
    refusal = plan(RequestHead(method="PUT", target="/", headers=headers), LIMITS)

    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.AMBIGUOUS_REQUEST


@pytest.mark.parametrize("headers", AMBIGUOUS)
def test_ambiguous_request_without_a_body_passes(headers: list[Header]) -> None:
    """A request without a body has nothing to inspect, so it is not refused."""
    assert plan_of(*headers) == BodyPlan(kind=BodyKind.NONE)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"Content-Disposition", 'attachment; filename="é"'.encode())]),
        pytest.param([(b"Expect", b"100-Continue")]),
        pytest.param([(b"Content-Encoding", b"Identity")]),
        pytest.param([(b"Connection", b"close, X-Thing"), (b"X-Thing", b"1")]),
        pytest.param([(b"Cookie", b"a=b"), (b"Cookie", b"c=d")]),
        pytest.param([(b"Content-MD5", b"x")]),
        pytest.param([(b"X-Tab", b"a\tb")]),
    ],
)
def test_what_clients_send_passes(headers: list[Header]) -> None:
    """It is unusual, but means the same to every reader."""
    body = plan_with_body(*headers)

    assert isinstance(body, BodyPlan)
    assert body.kind is BodyKind.RAW


@pytest.mark.parametrize(
    "header",
    [
        (b"Content-Encoding", b"gzip, gzip"),
        (b"Content-Encoding", b"identity, gzip"),
        (b"Content-Encoding", b"compress"),
        (b"Content-Encoding", b"aws-chunked"),
        (b"Content-Encoding", b""),
        (b"X-Amz-Content-Sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        type_of(b"application/grpc"),
        type_of(b"application/grpc-web+proto"),
    ],
)
def test_codings_are_not_understood(header: Header) -> None:
    """A body that must be decoded before it can be inspected is a 415."""
    refusal = plan_with_body(header)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (415, Reason.UNSUPPORTED_CODING)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_coding_of_a_raw_body_is_undone_by_a_scanner(coding: bytes) -> None:
    """The plan names it."""
    body = plan_with_body((b"Content-Encoding", coding))

    assert isinstance(body, BodyPlan)
    assert (body.kind, body.coding) == (BodyKind.RAW, coding.decode())


@pytest.mark.parametrize("kind", [b"form-data", b"related", b"mixed"])
@pytest.mark.parametrize(
    ("coding", "known"),
    [
        *((each, each.lower().decode()) for each in (b"gzip", b"GZIP", b"deflate")),
        (b"x-gzip", "gzip"),
        (b"identity", None),
    ],
)
def test_coding_of_a_form_is_undone_by_the_proxy(
    kind: bytes, coding: bytes, known: str | None
) -> None:
    """It must be parsed before it can be encoded anew."""
    media_type = type_of(b"multipart/%s; boundary=x" % kind)
    form = plan_with_body((b"Content-Encoding", coding), media_type)

    assert isinstance(form, BodyPlan)
    assert (form.kind, form.coding) == (BodyKind.FORM, known)


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"compress", b"gzip, gzip"])
def test_coding_that_the_proxy_does_not_undo_is_refused(coding: bytes) -> None:
    """Its decoders run in scanners only."""
    media_type = type_of(b"multipart/form-data; boundary=x")
    form = plan_with_body((b"Content-Encoding", coding), media_type)

    assert isinstance(form, Refusal)
    assert (form.status, form.reason) == (415, Reason.UNSUPPORTED_CODING)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param(b"multipart/form-data", 400, id="no boundary"),
        pytest.param(b"multipart/form-data; boundary=", 400, id="empty"),
        pytest.param(b'multipart/form-data; boundary=""', 400, id="empty in quotes"),
        pytest.param(b"multipart/form-data; boundary=a; boundary=b", 400, id="two"),
        pytest.param(b"multipart/form-data; boundary*0=a", 400, id="continued"),
        pytest.param(b"multipart/form-data; boundary*=utf-8''a", 400, id="extended"),
        pytest.param(
            b"multipart/form-data; boundary=a; x*=b", 400, id="other extended"
        ),
        pytest.param(
            b"multipart/form-data; boundary=" + b"a" * 201, 400, id="too long"
        ),
        pytest.param(b'multipart/form-data; boundary="a;b"', 400, id="semicolon"),
        pytest.param(b"multipart/form-data; boundary=a,b", 400, id="comma"),
        pytest.param(b'multipart/form-data; boundary="a "', 400, id="blank at its end"),
        pytest.param(b'multipart/form-data; boundary="a\\b"', 400, id="escape"),
        pytest.param(b"multipart/form-data; boundary=a b", 400, id="blank"),
        pytest.param(b"multipart/form-data boundary=a", 400, id="no semicolon"),
        pytest.param(b"multipart/form-data, x/y; boundary=a", 400, id="two types"),
        pytest.param(
            b"multipart/form-data; boundary=a; charset=utf-16", 400, id="UTF-16"
        ),
        pytest.param(b"multipart/alternative; boundary=a", 415, id="alternative"),
        pytest.param(b"multipart/related", 400, id="related without a boundary"),
        pytest.param(b"multipart/mixed; boundary*0=a", 400, id="mixed, continued"),
        pytest.param(
            b'multipart/related; boundary=a; type="Multipart/form-data"', 400, id="root"
        ),
        pytest.param(
            b'multipart/mixed; boundary=a; start="; boundary=b"', 400, id="in quotes"
        ),
        pytest.param(b"multipart/x", 415, id="any multipart"),
        pytest.param(b"multipart", 415, id="half a type"),
        pytest.param(b"text/plain; boundary=a", 415, id="boundary of a text"),
        pytest.param(b"text/plain; x=multipart/form-data", 415, id="in a parameter"),
        pytest.param(b"application/x-MultiPart", 415, id="other type"),
    ],
)
def test_type_that_could_be_a_form_is_refused(value: bytes, status: int) -> None:
    """A form has one readable boundary; a body that resembles a form is refused."""
    refusal = plan_with_body(type_of(value))

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (status, Reason.MALFORMED_FORM)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"multipart/mixed; boundary=a", "multipart/mixed"),
        (b"Multipart/Related;BOUNDARY=a", "multipart/related"),
        (
            b'multipart/related; boundary="a"; type="a/b+xml"; x=y; start="<0.a@b>"',
            'multipart/related; type="a/b+xml"; start="<0.a@b>"',
        ),
        (
            b'multipart/related; start-info="text/xml"; boundary=a',
            'multipart/related; start-info="text/xml"',
        ),
        (b"multipart/form-data; boundary=a", None),
    ],
)
def test_parts_that_are_no_form_keep_their_type(value: bytes, kept: str | None) -> None:
    """What says which part is the root goes on as it was written."""
    body = plan_with_body(type_of(value))

    assert isinstance(body, BodyPlan)
    assert (body.kind, body.boundary) == (BodyKind.FORM, b"a")
    assert body.parts_type == kept


@pytest.mark.parametrize("name", [b"uploaded_file", b"api_key", b"X_Y"])
def test_header_with_an_underscore_may_be_sent(name: bytes) -> None:
    """Android's snippet sends one, which no reader takes for another header."""
    assert isinstance(plan_with_body((name, b"x")), BodyPlan)


@pytest.mark.parametrize(
    ("value", "boundary", "charset"),
    [
        (b"multipart/form-data;boundary=*****", b"*****", None),
        (b"multipart/form-data; boundary = a", b"a", None),
        (b"multipart/form-data; boundary={a@b}", b"{a@b}", None),
        (b'multipart/form-data; boundary="<a,[b]>"', b"<a,[b]>", None),
        (
            b"multipart/form-data; charset=ISO-8859-1; boundary=a",
            b"a",
            "iso-8859-1",
        ),
        (b"multipart/form-data; boundary=a; charset=US-ASCII", b"a", "us-ascii"),
        (b"multipart/form-data; boundary=a; type=text/xml", b"a", None),
    ],
)
def test_type_of_a_form_that_clients_send(
    value: bytes, boundary: bytes, charset: str | None
) -> None:
    """Android snippets, scripts, Apache HttpClient 5 and others write it so."""
    body = plan_with_body(type_of(value))

    assert isinstance(body, BodyPlan)
    assert (body.boundary, body.charset) == (boundary, charset)


def test_longest_boundary_passes() -> None:
    """RFC 2046 allows at most 70 characters."""
    body = plan_with_body(type_of(b"multipart/form-data; boundary=" + b"a" * 200))

    assert isinstance(body, BodyPlan)
    assert body.boundary == b"a" * 200


names = st.sampled_from([*sorted(SINGLETONS), b"X", b"Connection", b"Upgrade"])
values = st.binary(max_size=20) | st.sampled_from(
    [b"5", b"chunked", b"multipart/form-data; boundary=a", b"identity", b"h2c"]
)


@given(headers=st.lists(st.tuples(names, values) | st.tuples(values, values)))
def test_any_head_gives_a_plan_or_a_refusal(headers: list[Header]) -> None:
    """Any head leads to a decision, and a refusal has no data of the request."""
    decided = plan(
        RequestHead(method="POST", target="/", headers=tuple(headers)), LIMITS
    )

    if isinstance(decided, Refusal):
        assert decided.status in {400, 413, 415, 501}
        assert decided.detail.endswith(".")
    else:
        assert (decided.boundary is not None) == (decided.kind is BodyKind.FORM)
