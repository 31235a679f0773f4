"""The filter as a whole, on the wire: answers to clients, requests to origins."""

import asyncio
import base64
import gzip
import io
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageOps
from structlog.testing import capture_logs

from tests.corpus import pictures
from tests.corpus.tricks.archives import seven_zip
from tests.pictures.sketches import decoded
from tests.proxy.site import (
    CLOSE,
    HOST,
    Site,
    entry,
    exact_entry,
    file_part,
    form,
    list_entries,
    settings,
    site,
)
from tests.proxy.wire import (
    OK,
    Got,
    closed,
    status,
)
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.errors import LogBusyError, ServiceError
from uploadfilter.model import (
    Action,
    Entry,
    Geometry,
    Mode,
    Reason,
    Signal,
    SignalType,
    Verdict,
)
from uploadfilter.service.running import running
from uploadfilter.signals import views
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.requests.limits import ProxyLimits

LISTED = pictures.jpeg(pictures.photograph(1, width=640, height=480))
UNLISTED = pictures.jpeg(pictures.photograph(2, width=640, height=480))
TEXT = b"a holiday greeting without any picture"


def perceptual_entry(number: int, content: bytes) -> Entry:
    """List a picture by its perceptual signals alone."""
    view = views.view_of(
        decoded(content),
        name="stored",
        types=frozenset({SignalType.PDQ, SignalType.PHASH}),
    )
    values = [view.value(SignalType.PDQ), view.value(SignalType.PHASH)]
    assert view.signals[0].geometry is Geometry.FULL
    return entry(
        number,
        *(
            Signal(type=signal_type, value=value)
            for signal_type, value in zip(
                (SignalType.PDQ, SignalType.PHASH), values, strict=True
            )
            if value is not None
        ),
    )


ENTRIES = (exact_entry(1, LISTED), perceptual_entry(1, LISTED))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def enforcing(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    """A filter in ENFORCE, shared by the tests of this module."""
    state = tmp_path_factory.mktemp("enforcing")
    async with site(state, listed=ENTRIES) as shared:
        yield shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def monitoring(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    """A filter in MONITOR, shared by the tests of this module."""
    state = tmp_path_factory.mktemp("monitoring")
    async with site(state, listed=ENTRIES, mode=Mode.MONITOR) as shared:
        yield shared


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> None:
    """Let every test begin with an origin that has seen nothing."""
    for name in ("enforcing", "monitoring"):
        if name in request.fixturenames:
            shared: Site = request.getfixturevalue(name)
            shared.origin.got.clear()
            shared.origin.answers = [OK]
            shared.origin.answering = None
            shared.origin.reads_bodies = True


def last(shared: Site) -> DecisionRecord:
    """Return the newest decision on record."""
    return shared.decisions()[-1]


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_request_without_a_body_is_forwarded(enforcing: Site) -> None:
    """A request without content is not inspected."""
    before = len(enforcing.decisions())
    answer = await enforcing.send(b"GET /a;b/%2e%2e/c?d HTTP/1.1\r\n" + CLOSE + b"\r\n")

    assert status(answer) == 200
    assert enforcing.origin.got[0].head.startswith(b"GET /a;b/%2e%2e/c?d HTTP/1.1")
    assert enforcing.origin.got[0].header(b"uploadfilter-decision") == []
    assert len(enforcing.decisions()) == before


async def test_unlisted_picture_reaches_the_origin_unchanged(enforcing: Site) -> None:
    """The origin gets the same bytes, and the id of their decision."""
    answer = await enforcing.put(UNLISTED)

    assert status(answer) == 200
    assert enforcing.origin.got[0].body == UNLISTED
    decision = last(enforcing)
    assert decision.verdict is Verdict.NO_MATCH
    assert enforcing.origin.got[0].header(b"uploadfilter-decision") == [
        decision.id.encode()
    ]
    assert await enforcing.outcome(decision.id) == 200


async def test_listed_picture_is_rejected_and_never_seen(enforcing: Site) -> None:
    """The client gets 403 with the decision's id, the origin gets nothing at all."""
    answer = await enforcing.put(LISTED)

    decision = last(enforcing)
    assert status(answer) == 403
    assert decision.id.encode() in answer
    assert enforcing.origin.got == []
    assert (decision.verdict, decision.effect) == (Verdict.MATCH, Action.REJECT)
    assert decision.matches[0].entry == "entry-1"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda picture: picture.resize((320, 240)), id="resized"),
        pytest.param(ImageOps.mirror, id="mirrored"),
        pytest.param(lambda picture: picture.rotate(90, expand=True), id="turned"),
        pytest.param(lambda picture: picture.convert("L"), id="grey"),
    ],
)
async def test_altered_listed_picture_is_rejected(
    enforcing: Site, change: Callable[[Image.Image], Image.Image]
) -> None:
    """A re-encoded or otherwise altered copy is still the listed picture."""
    with Image.open(io.BytesIO(LISTED)) as picture:
        altered = pictures.jpeg(change(picture), quality=60)

    assert status(await enforcing.put(altered)) == 403
    assert enforcing.origin.got == []
    assert last(enforcing).matches[0].signal_type in {SignalType.PDQ, SignalType.PHASH}


async def test_form_is_encoded_anew(enforcing: Site) -> None:
    """The origin gets a newly written form, with every part in its place."""
    name = b'Content-Disposition: form-data; name="name"'
    answer = await enforcing.post_form(form((name, TEXT), file_part(UNLISTED)))

    got = enforcing.origin.got[0]
    assert status(answer) == 200
    assert b"b0undary" not in got.head + got.body
    assert got.header(b"content-length") == [str(len(got.body)).encode()]
    assert TEXT in got.body
    assert UNLISTED in got.body
    assert [content.kind for content in last(enforcing).contents] == ["text", "jpeg"]


async def test_listed_picture_in_a_form_is_rejected(enforcing: Site) -> None:
    """A picture is found in a form, whether it is called a file or not."""
    plain = b'Content-Disposition: form-data; name="field"'
    answer = await enforcing.post_form(form(file_part(UNLISTED), (plain, LISTED)))

    assert status(answer) == 403
    assert enforcing.origin.got == []


@pytest.mark.parametrize("write", [gzip.compress, zlib.compress])
async def test_form_in_a_coding_goes_on_without_it(
    enforcing: Site, write: Callable[[bytes], bytes]
) -> None:
    """An origin that undoes no coding can read it, too; a listed picture is found."""
    coding = b"gzip" if write is gzip.compress else b"deflate"
    for file, expected in ((UNLISTED, 200), (LISTED, 403)):
        body = write(form(file_part(file)))
        head = b"POST /form HTTP/1.1\r\n" + CLOSE + b"Content-Encoding: " + coding
        head += b"\r\nContent-Type: multipart/form-data; boundary=b0undary"
        head += b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert status(await enforcing.send(head, body)) == expected

    (got,) = enforcing.origin.got
    assert not got.header(b"content-encoding")
    assert got.header(b"content-length") == [b"%d" % len(got.body)]
    assert UNLISTED in got.body


async def test_form_in_a_coding_is_recorded_and_goes_on(monitoring: Site) -> None:
    """In MONITOR the origin gets the bytes as they came, and their coding."""
    body = gzip.compress(form(file_part(LISTED)))
    head = b"POST /form HTTP/1.1\r\n" + CLOSE + b"Content-Encoding: gzip\r\n"
    head += b"Content-Type: multipart/form-data; boundary=b0undary\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    assert status(await monitoring.send(head, body)) == 200

    got = monitoring.origin.got[0]
    assert (got.body, got.header(b"content-encoding")) == (body, [b"gzip"])
    assert last(monitoring).action is Action.REJECT


@pytest.mark.parametrize("reverse", [False, True], ids=["monitored-first", "last"])
async def test_monitored_match_shields_nothing(
    tmp_path: Path, *, reverse: bool
) -> None:
    """It lies beside a listed picture, in both orders, and the upload is rejected."""
    parts = [file_part(UNLISTED), file_part(LISTED)]
    async with site(tmp_path, listed=ENTRIES) as shared:
        list_entries(tmp_path, [exact_entry(7, UNLISTED)], name="seen", enforced=False)
        answer = await shared.post_form(form(*parts[:: -1 if reverse else 1]))

        assert status(answer) == 403
        assert {match.set for match in last(shared).matches} >= {"demo", "seen"}


async def test_monitored_match_alone_is_accepted(tmp_path: Path) -> None:
    """A monitored match is recorded, and passes."""
    async with site(tmp_path, listed=()) as shared:
        list_entries(tmp_path, [exact_entry(7, UNLISTED)], name="seen", enforced=False)

        assert status(await shared.put(UNLISTED)) == 200
        assert last(shared).verdict is Verdict.MATCH
        assert last(shared).effect is Action.ACCEPT


async def test_monitor_forwards_the_original_bytes(monitoring: Site) -> None:
    """In MONITOR a listed picture in a form goes on byte by byte, on record."""
    body = form(file_part(LISTED))
    answer = await monitoring.post_form(body)

    decision = last(monitoring)
    assert status(answer) == 200
    assert monitoring.origin.got[0].body == body
    assert (decision.action, decision.effect) == (Action.REJECT, Action.ACCEPT)


async def test_new_generation_is_used_at_once(tmp_path: Path) -> None:
    """An import during operation counts from the next upload on."""
    async with site(tmp_path, listed=()) as shared:
        assert status(await shared.put(LISTED)) == 200
        list_entries(tmp_path, ENTRIES)
        assert status(await shared.put(LISTED)) == 403


# Requests that two parsers could read differently.


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(b"Content-Length: 4\r\nContent-Length: 4\r\n", 400, id="lengths"),
        pytest.param(
            b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400, id="both"
        ),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", 400, id="coding"),
        pytest.param(
            b"Content-Length: 4\r\nContent-Type: text/plain\r\n"
            b"Content-Type: image/png\r\n",
            400,
            id="types",
        ),
        pytest.param(
            b"Content-Length: 4\r\nContent_Type: image/png\r\n", 400, id="underscore"
        ),
        pytest.param(
            b"Content-Length: 4\r\nContent-Encoding: compress\r\n", 415, id="coded"
        ),
        pytest.param(
            b"Content-Length: 4\r\nContent-Range: bytes 0-3/8\r\n", 400, id="range"
        ),
        pytest.param(b"Content-Length: 4\r\nExpect: tea\r\n", 400, id="expect"),
        pytest.param(
            b"Content-Length: 4\r\nContent-Type: multipart/form-data\r\n",
            400,
            id="no-boundary",
        ),
        pytest.param(b"Content-Length: 4\r\nUpgrade: websocket\r\n", 501, id="upgrade"),
        pytest.param(b"Content-Length: 9999999999\r\n", 413, id="too-large"),
        pytest.param(
            b"Content-Length: 4\r\nX: " + b"x" * 9000 + b"\r\n", 431, id="long-header"
        ),
        pytest.param(b"X: x\r\n" * 101, 431, id="many-headers"),
    ],
)
async def test_ambiguous_head_is_refused(
    enforcing: Site, lines: bytes, expected: int
) -> None:
    """It is refused before its body comes, and the origin gets no byte of it."""
    answer = await enforcing.send(
        b"POST /x HTTP/1.1\r\n" + CLOSE + lines + b"\r\n", b"data"
    )

    assert status(answer) == expected
    assert enforcing.origin.got == []


async def test_compressed_body_is_not_unpacked(monitoring: Site) -> None:
    """In MONITOR a coding is forwarded unchanged, with its header; it is recorded."""
    answer = await monitoring.put(b"\x1f\x9dpacked", b"Content-Encoding: compress")

    got = monitoring.origin.got[0]
    assert status(answer) == 200
    assert got.body == b"\x1f\x9dpacked"
    assert got.header(b"content-encoding") == [b"compress"]
    assert last(monitoring).reason is Reason.UNSUPPORTED_CODING


async def test_upgrade_to_h2c_is_dropped(enforcing: Site) -> None:
    """The offer of another HTTP version is ignored, as RFC 9110, 7.8 allows."""
    answer = await enforcing.put(TEXT, b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")

    got = enforcing.origin.got[0]
    assert status(answer) == 200
    assert got.header(b"upgrade") + got.header(b"http2-settings") == []
    assert got.body == TEXT


@pytest.mark.parametrize(
    "expect", [b"Expect: 100-continue", b"Expect: 100-Continue"], ids=["lower", "mixed"]
)
async def test_client_that_waits_is_told_to_go_on(
    enforcing: Site, expect: bytes
) -> None:
    """100 Continue comes before the body, and the answer after it."""
    answer = await enforcing.put(TEXT, expect)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert enforcing.origin.got[0].header(b"expect") == []


async def test_refused_head_is_not_told_to_go_on(enforcing: Site) -> None:
    """A client that waits and is refused never sends its body."""
    answer = await enforcing.send(
        b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Expect: 100-continue\r\n"
        b"Content-Encoding: compress\r\nContent-Length: 5\r\n\r\n"
    )

    assert status(answer) == 415


async def test_chunked_body_is_forwarded_with_its_length(enforcing: Site) -> None:
    """The origin gets one framing, ours; trailers end here."""
    answer = await enforcing.send(
        b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
        b"3;ext=1\r\nabc\r\n3\r\ndef\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )

    got = enforcing.origin.got[0]
    assert status(answer) == 200
    assert got.body == b"abcdef"
    assert got.header(b"content-length") == [b"6"]
    assert b"railer" not in got.head


async def test_decision_header_of_a_client_is_stripped(enforcing: Site) -> None:
    """An origin may trust the header, so clients must not set it."""
    await enforcing.put(TEXT, b"uploadfilter-decision: forged")

    assert enforcing.origin.got[0].header(b"uploadfilter-decision") == [
        last(enforcing).id.encode()
    ]


async def test_answer_says_nothing_of_the_list(enforcing: Site) -> None:
    """A match and a bomb get the same words; only the ids differ."""
    answers = [
        await enforcing.put(LISTED),
        await enforcing.put(pictures.claimed_size_png()),
    ]
    ids = [decision.id.encode() for decision in enforcing.decisions()[-2:]]
    bodies = [
        answer.partition(b"\r\n\r\n")[2].replace(decision, b"")
        for answer, decision in zip(answers, ids, strict=True)
    ]

    assert bodies[0] == bodies[1]
    assert b"demo" not in answers[0]
    assert b"Server:" not in answers[0]


# Bodies that end badly.


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"zz\r\nabc", id="no-size"),
        pytest.param(b"3\r\nabcdef\r\n0\r\n\r\n", id="wrong-size"),
        pytest.param(b"-1\r\n\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"ffffffffffffffffff\r\n", id="huge"),
    ],
)
async def test_garbage_in_chunks_is_refused(enforcing: Site, body: bytes) -> None:
    """A body that is not chunked as it states is answered 400, and not forwarded."""
    head = b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"

    assert status(await enforcing.send(head, body)) == 400
    assert enforcing.origin.got == []


async def test_garbage_in_mid_body_is_on_record(
    enforcing: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """While a body is read, its end is a decision, and not an error of a library."""
    reader, writer = await asyncio.open_connection("127.0.0.1", enforcing.port)
    writer.write(
        b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Expect: 100-continue\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"3\r\nabc\r\nzz\r\n")

    assert status(await reader.read()) == 400
    await closed(writer)
    assert last(enforcing).reason is Reason.MALFORMED_REQUEST
    assert enforcing.origin.got == []
    assert [record.name for record in caplog.records] == []


async def test_client_that_vanishes_is_on_record(enforcing: Site) -> None:
    """The origin gets nothing of an incomplete body; the record states the cause."""
    before = len(enforcing.decisions())
    _, writer = await asyncio.open_connection("127.0.0.1", enforcing.port)
    writer.write(b"PUT /x HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nabc")
    await writer.drain()
    await closed(writer)
    decision = await enforcing.new_decision(before)

    assert decision.reason is Reason.ABORTED
    assert enforcing.origin.got == []


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
async def test_client_that_leaves_at_once_is_no_fault(
    enforcing: Site, expect: bytes
) -> None:
    """It is on record as aborted, and no error in the operational log."""
    before = len(enforcing.decisions())
    head = b"PUT /x HTTP/1.1\r\n" + HOST + expect + b"Content-Length: 100\r\n\r\n"
    with capture_logs() as events:
        with socket.create_connection(("127.0.0.1", enforcing.port)) as client:
            client.sendall(head)
        decision = await enforcing.new_decision(before)

    assert decision.reason is Reason.ABORTED
    # The first upload of a filter without a front end says that, in whatever order.
    others = [event for event in events if event["event"] != "client_limits_off"]
    assert [event for event in others if event["log_level"] != "info"] == []


async def test_second_request_behind_a_body_is_a_request(enforcing: Site) -> None:
    """Bytes after the declared length are the next request, which is inspected too."""
    answer = await enforcing.send(
        b"PUT /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
        b"PUT /2 HTTP/1.1\r\n" + CLOSE + b"Content-Length: %d\r\n\r\n" % len(LISTED),
        LISTED,
    )

    assert [got.body for got in enforcing.origin.got] == [b"abc"]
    assert b"HTTP/1.1 403 " in answer


async def test_slow_body_is_given_up(tmp_path: Path) -> None:
    """A body that stops coming is answered 408 and recorded."""
    limits = ProxyLimits(body_idle_s=0.05, linger_s=0.05)
    async with site(tmp_path, proxy=limits) as shared:
        answer = await shared.send(
            b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 9\r\n\r\nabc"
        )

        assert status(answer) == 408
        assert last(shared).reason is Reason.TOO_SLOW


async def test_body_that_grows_over_the_limit_is_refused(tmp_path: Path) -> None:
    """A chunked body states no length, so its bytes are counted."""
    async with site(tmp_path, limits=UploadLimits(max_body_bytes=10)) as shared:
        answer = await shared.send(
            b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
            b"b\r\nabcdefghijk\r\n0\r\n\r\n"
        )

        assert status(answer) == 413
        assert shared.origin.got == []


# Forms.


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(form(file_part(b"x"))[:-4], 400, id="no-end"),
        pytest.param(form(file_part(b"x")).replace(b"\r\n", b"\n"), 400, id="lf-only"),
        pytest.param(form(file_part(b"x")) + form(file_part(LISTED)), 400, id="after"),
        pytest.param(b"no form at all", 400, id="none"),
        pytest.param(form((b"X-Nothing: 1", b"x")), 400, id="no-disposition"),
        pytest.param(
            form((b'Content-Disposition: form-data; name="%s"' % (b"n" * 9000), b"")),
            413,
            id="huge-header",
        ),
        pytest.param(form(*[file_part(b"")] * 1001), 413, id="many-files"),
        pytest.param(
            form((b'Content-Disposition: form-data; name="a"', b"--b0undary")),
            400,
            id="boundary-inside",
        ),
    ],
)
async def test_form_that_can_be_misread_is_refused(
    enforcing: Site, body: bytes, expected: int
) -> None:
    """A request that real origins read in different ways does not reach them."""
    answer = await enforcing.post_form(body)

    assert status(answer) == expected
    assert last(enforcing).reason is Reason.MALFORMED_FORM
    assert enforcing.origin.got == []


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="empty-form"),
        pytest.param([file_part(b"")], id="empty-file"),
        pytest.param([file_part(b"")] * 1000, id="thousand-parts"),
        pytest.param(
            [(b'Content-Disposition: form-data; name="a"', b"--b0undar")],
            id="nearly-a-boundary-inside",
        ),
    ],
)
async def test_odd_but_clear_form_passes(
    enforcing: Site, parts: list[tuple[bytes, bytes]]
) -> None:
    """Empty parts are not suspicious, and content may look like a boundary."""
    plain = [
        (lines.replace(b"\r\nContent-Type: image/jpeg", b""), content)
        for lines, content in parts
    ]

    assert status(await enforcing.post_form(form(*plain))) == 200
    assert len(enforcing.origin.got) == 1


async def test_empty_body_is_forwarded(enforcing: Site) -> None:
    """A chunked body without a byte is an upload of nothing."""
    answer = await enforcing.send(
        b"POST /x HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )

    assert status(answer) == 200
    assert enforcing.origin.got[0].header(b"content-length") == [b"0"]


# Pictures.


PHOTO = pictures.photograph(3, width=320, height=240)


@pytest.mark.parametrize(
    ("content", "declared", "expected", "reason"),
    [
        pytest.param(TEXT, b"image/jpeg", 403, Reason.UNDECODABLE, id="text.jpg"),
        pytest.param(TEXT, b"text/plain", 200, None, id="text"),
        pytest.param(
            pictures.claimed_size_png(),
            b"image/png",
            403,
            Reason.TOO_MANY_PIXELS,
            id="enormous",
        ),
        pytest.param(
            pictures.zero_dimension_png(),
            b"image/png",
            403,
            Reason.UNDECODABLE,
            id="zero-pixel",
        ),
        pytest.param(pictures.one_pixel_png(), b"image/png", 200, None, id="one-pixel"),
        pytest.param(
            pictures.truncated(pictures.jpeg(PHOTO)),
            b"image/jpeg",
            403,
            Reason.TRUNCATED,
            id="truncated",
        ),
        pytest.param(pictures.animated_gif(), b"image/gif", 200, None, id="gif"),
        pytest.param(pictures.cmyk_jpeg(PHOTO), b"image/jpeg", 200, None, id="cmyk"),
        pytest.param(
            pictures.palette_png(PHOTO), b"image/png", 200, None, id="palette"
        ),
        pytest.param(pictures.grey16_png(PHOTO), b"image/png", 200, None, id="16-bit"),
        pytest.param(pictures.rgba_png(PHOTO), b"image/png", 200, None, id="alpha"),
        pytest.param(
            b"PACK\0\0\0\2" + b"\0" * 40,
            b"application/x-git",
            200,
            Reason.NOT_INSPECTED,
            id="git",
        ),
        pytest.param(
            seven_zip(TEXT, is_encrypted=True),
            b"application/x-7z-compressed",
            200,
            Reason.ENCRYPTED,
            id="locked-archive",
        ),
        pytest.param(
            b'{"picture": "data:image/png;base64,'
            + base64.b64encode(pictures.png(PHOTO)[:33] + b"\xee" * 99)
            + b'"}',
            b"application/json",
            403,
            Reason.UNDECODABLE,
            id="json",
        ),
    ],
)
async def test_odd_content_has_a_clear_end(
    enforcing: Site,
    content: bytes,
    declared: bytes,
    expected: int,
    reason: Reason | None,
) -> None:
    """Any effect of a picture on a decoder is a reason on record."""
    answer = await enforcing.put(content, b"Content-Type: " + declared)

    assert status(answer) == expected
    assert last(enforcing).reason is reason


# Origins.


async def test_origin_that_is_down_is_502_with_its_outcome(tmp_path: Path) -> None:
    """The decision stays, and the outcome states that the origin did not answer."""
    async with site(tmp_path) as shared:
        await shared.origin.stop()
        shared.origin.answers = [b""]

        async def drop(
            _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.transport.abort()

        shared.origin.answering = drop
        answer = await shared.put(TEXT)

        assert status(answer) == 502
        assert await shared.outcome(last(shared).id) == "aborted"


async def test_answer_that_breaks_off_ends_the_connection(enforcing: Site) -> None:
    """A client must not take a part of an answer for the whole."""
    enforcing.origin.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"]

    async def answer_a_part(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(enforcing.origin.answers[0])
        await writer.drain()
        writer.close()

    enforcing.origin.answering = answer_a_part
    answer = await enforcing.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")

    assert answer.endswith(b"part")


async def test_origin_that_answers_early_is_heard(enforcing: Site) -> None:
    """An origin may refuse an accepted upload before it has read it."""
    enforcing.origin.reads_bodies = False
    enforcing.origin.answers = [
        b"HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    ]

    answer = await enforcing.put(b"x" * 3_000_000)

    assert status(answer) == 401
    assert await enforcing.outcome(last(enforcing).id) == 401


# The filter's own incapacity.


async def test_missing_reference_set_is_503(tmp_path: Path) -> None:
    """Without a reference set nothing was checked, so no upload passes."""
    async with site(tmp_path, listed=None) as shared:
        answer = await shared.put(TEXT)

        assert status(answer) == 503
        assert b"Retry-After: " in answer
        assert shared.origin.got == []


async def test_missing_reference_set_in_monitor_is_recorded(tmp_path: Path) -> None:
    """In MONITOR the upload goes on, and the record says that nothing was checked."""
    async with site(tmp_path, listed=None, mode=Mode.MONITOR) as shared:
        answer = await shared.put(TEXT)

        assert status(answer) == 200
        assert last(shared).reason is Reason.NO_REFERENCE_SET
        assert last(shared).action is Action.RETRY_LATER
        assert shared.origin.got[0].body == TEXT


async def test_empty_reference_set_accepts(tmp_path: Path) -> None:
    """A set that was made empty on purpose is a valid set."""
    async with site(tmp_path, listed=()) as shared:
        assert status(await shared.put(UNLISTED)) == 200


async def test_two_proxies_cannot_share_an_instance(enforcing: Site) -> None:
    """Two writers would break the chain of records."""
    with pytest.raises(LogBusyError, match="log"):
        async with running(settings(enforcing.state, enforcing.origin.url)):
            pass


async def test_address_in_use_is_said(tmp_path: Path, enforcing: Site) -> None:
    """The message names the address and the remedy."""
    address = TCPAddress(host="127.0.0.1", port=enforcing.port)
    taken = settings(tmp_path, enforcing.origin.url, listen=(address,))
    with pytest.raises(ServiceError, match=str(enforcing.port)) as error:
        async with running(taken):
            pass

    assert "--listen" in error.value.hint
