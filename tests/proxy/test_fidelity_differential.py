"""The same request, straight and through the filter, gets the same answer.

Allowed differences are listed with their reasons, in ``DIFFERENT`` below for answers
and in ``stacks.TOLD`` for requests. The filter is in ``ENFORCE``, and the bodies are
not forms: those are encoded again, which ``tests/uploads`` tests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.proxy import stacks
from tests.proxy.fidelity import Answer, in_front_of, parsed
from tests.proxy.wire import Got, WireOrigin, exchange, wire_origin

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIFFERENT = {
    b"connection": "belongs to each connection",
    b"keep-alive": "belongs to each connection",
    b"transfer-encoding": "how the body is framed; it is compared without",
    b"date": "the clock goes on; the filter adds one where there is none",
}
"""Headers in which answers straight and through the filter may differ, and why. That
headers of different names may change places means nothing (RFC 9110, section 5.3)."""

STACKS = ("aiohttp", "werkzeug", "django")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ports(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[str, tuple[int, int]]]:
    """Each site's own port, and the port of a filter before it."""
    folder = tmp_path_factory.mktemp("stacks")
    found = {}
    async with AsyncExitStack() as stack:
        own = {
            "aiohttp": await stack.enter_async_context(stacks.aiohttp_site(folder)),
            "werkzeug": stack.enter_context(stacks.werkzeug_site(folder)),
            "django": stack.enter_context(stacks.django_site(folder)),
        }
        for name, port in own.items():
            before = in_front_of(f"http://127.0.0.1:{port}", folder / name)
            found[name] = (port, await stack.enter_async_context(before))
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wired(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[WireOrigin, int]]:
    """An origin that shows every byte, and the port of a filter before it."""
    async with wire_origin() as origin:
        folder = tmp_path_factory.mktemp("wire")
        async with in_front_of(origin.url, folder) as port:
            yield origin, port


async def both(straight: int, filtered: int, request: bytes) -> tuple[Answer, Answer]:
    """Send the same bytes both ways; return the forbidden differences."""
    method = request.partition(b" ")[0]
    return (
        comparable(parsed(await exchange(straight, request), method)),
        comparable(parsed(await exchange(filtered, request), method)),
    )


def comparable(answer: Answer) -> Answer:
    """Return an answer without that in which two may differ."""
    kept = [item for item in answer.headers if item[0] not in DIFFERENT]
    return Answer(
        status=answer.status,
        reason=answer.reason,
        headers=tuple(sorted(kept, key=lambda item: item[0])),
        body=answer.body,
        is_whole=answer.is_whole,
    )


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """Write a request that ends its connection."""
    lines = [line + b" HTTP/1.1", b"Host: site.example", b"Connection: close", *headers]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


REQUESTS = {
    "get": request(
        b"GET /echo?a=1&b=%20", b"Accept: */*", b"X-Twice: 1", b"X-Twice: 2"
    ),
    "latin": request(b"GET /echo", b"X-Name: caf\xe9"),
    "odd-target": request(b"GET /echo/;a=b/%2e%2e/c//d?&&=", b"X: y"),
    "put": request(b"PUT /echo", b"Content-Type: text/x", body=b"hello" * 100),
    "post-nothing": request(b"POST /echo", b"Content-Length: 0"),
    "delete": request(b"DELETE /echo"),
    "options": request(b"OPTIONS /echo"),
    "cookie": request(b"GET /echo", b"Cookie: a=1; b=2"),
    "credentials": request(b"GET /echo", b"Authorization: Basic YTpi"),
    "file": request(b"GET /file"),
    "file-head": request(b"HEAD /file"),
    "range": request(b"GET /file", b"Range: bytes=5-99"),
    "last-bytes": request(b"GET /file", b"Range: bytes=-7"),
    "ranges": request(b"GET /file", b"Range: bytes=0-1,5-6"),
    "range-beyond": request(b"GET /file", b"Range: bytes=99999999-"),
    "not-modified": request(
        b"GET /file", b"If-Modified-Since: Tue, 01 Jan 2999 00:00:00 GMT"
    ),
    "precondition": request(b"GET /file", b'If-Match: "other"'),
    "packed": request(b"GET /packed", b"Accept-Encoding: gzip, deflate"),
    "not-packed": request(b"GET /packed", b"Accept-Encoding: identity"),
    "stream": request(b"GET /stream"),
    "redirect": request(b"GET /redirect"),
    "cookies": request(b"GET /cookies"),
    "empty": request(b"GET /empty"),
    "broken": request(b"GET /broken"),
    "missing": request(b"GET /nowhere"),
    "missing-head": request(b"HEAD /nowhere"),
}


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("stack", STACKS)
async def test_site_answers_as_if_the_filter_were_not_there(
    ports: dict[str, tuple[int, int]], stack: str, name: str
) -> None:
    """A real site gets and sends the same with and without the filter."""
    straight, filtered = await both(*ports[stack], REQUESTS[name])

    assert filtered == straight


async def test_conditions_of_a_site_hold_through_the_filter(
    ports: dict[str, tuple[int, int]],
) -> None:
    """A value that the site sent once is understood when it comes back."""
    for stack in STACKS:
        first, _ = await both(*ports[stack], REQUESTS["file"])
        etag = b"If-None-Match: " + first.values(b"etag")[0]
        straight, filtered = await both(*ports[stack], request(b"GET /file", etag))

        assert (filtered.status, straight.status) == (304, 304)
        assert filtered == straight


# Anything that is legal

TOKENS = st.from_regex(rb"X-[A-Za-z0-9!#$%&'*+.^`|~-]{1,10}", fullmatch=True)
VALUES = st.lists(
    st.sampled_from([*range(0x20, 0x7F), *range(0x80, 0x100), 0x09]), max_size=20
).map(lambda codes: bytes(codes).strip(b" \t"))
HEADERS = st.lists(st.tuples(TOKENS, VALUES), max_size=5)
TARGETS = st.text(
    st.sampled_from("abz09-._~%25/;:@!$&'()*+,=?|^{}\"<>`[]"), max_size=20
).map(lambda text: b"/" + text.encode())
BODIES = st.one_of(st.just(b""), st.binary(max_size=100).map(lambda data: b"t" + data))
ANSWERS = st.tuples(
    st.sampled_from([200, 201, 204, 206, 301, 304, 404, 418, 500, 503]),
    st.sampled_from([b"OK", b"", b"Tr\xe8s bien", b"So So"]),
    HEADERS,
    st.sampled_from(["length", "chunks", "end"]),
    st.binary(max_size=200),
)


def lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Write header lines."""
    return b"".join(b"%s: %s\r\n" % header for header in headers)


def answer_of(
    method: bytes,
    number: int,
    reason: bytes,
    headers: list[tuple[bytes, bytes]],
    framing: str,
    body: bytes,
) -> bytes:
    """Write an answer, framed in one of three ways."""
    head = b"HTTP/1.1 %d %s\r\n%s" % (number, reason, lines(headers))
    if number in {204, 304} or method == b"HEAD":
        return head + b"\r\n"
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    if framing == "chunks":
        chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    return head + b"Connection: close\r\n\r\n" + body


@given(
    method=st.sampled_from(
        [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"REPORT"]
    ),
    target=TARGETS,
    headers=HEADERS,
    body=BODIES,
    answer=ANSWERS,
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_anything_legal_passes_as_if_the_filter_were_not_there(
    wired: tuple[WireOrigin, int],
    method: bytes,
    target: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    answer: tuple[int, bytes, list[tuple[bytes, bytes]], str, bytes],
) -> None:
    """Every legal request and every legal answer arrives unchanged."""
    origin, port = wired
    said = answer_of(method, *answer)
    origin.got.clear()

    async def say(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(said)
        writer.close()

    origin.answering = say
    written = lines(headers).split(b"\r\n")[:-1]
    sent = request(b"%s %s" % (method, target), *written, body=body)
    straight_port = int(origin.url.rpartition(":")[2])
    straight, filtered = await both(straight_port, port, sent)
    direct, passed = (seen(got) for got in origin.got)

    assert filtered == straight
    assert passed == direct


def seen(got: Got) -> tuple[bytes, list[bytes], bytes]:
    """Return request line, headers and body as an origin saw them, comparably."""
    first, *rest = got.head.split(b"\r\n")
    kept = [
        line
        for line in rest
        if line.partition(b":")[0].decode("latin-1").lower() not in stacks.TOLD
    ]
    return first, [line.rstrip() for line in kept], got.body
