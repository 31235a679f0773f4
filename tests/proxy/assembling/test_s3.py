"""S3 multipart uploads through the filter: the whole object, or none."""

import asyncio
import base64
from typing import NamedTuple
from zlib import crc32

import pytest

from tests.proxy.assembling.origins import Reply, S3Origin, serve
from tests.proxy.assembling.senders import (
    LISTED,
    UNLISTED,
    S3Sender,
    count_held,
    renewed,
)
from tests.proxy.site import CLOSE, Site
from tests.proxy.wire import Got, status
from tests.waiting import until
from uploadfilter.model import Action, Reason
from uploadfilter.proxy.assembling import heldfile
from uploadfilter.uploads.assembly.assembly import State

pytestmark = pytest.mark.asyncio(loop_scope="package")


class Served(NamedTuple):
    """A filter before a store."""

    client: S3Sender
    origin: S3Origin
    site: Site


def empty(made: Site) -> Served:
    """Put an empty store behind a filter without any copy."""
    origin = renewed(made).s3
    made.origin.answering = serve(origin.reply)
    return Served(S3Sender(site=made, path="/s3/key"), origin, made)


@pytest.fixture
def served(enforcing: Site) -> Served:
    """The filter before an empty store."""
    return empty(enforcing)


async def test_parts_that_are_not_listed_do_not_count(served: Served) -> None:
    """The object is that of the list; the other parts are deleted."""
    await served.client.begin()
    parts = {1: UNLISTED[:50], 2: LISTED, 3: UNLISTED[50:]}
    for number, data in parts.items():
        await served.client.part(number, data)
    del parts[2]
    assert status(await served.client.complete(parts)) == 200
    assert served.origin.objects == {"/s3/key": UNLISTED}
    assert count_held(served.site) == 0


async def test_part_that_the_origin_refused_is_not_held(served: Served) -> None:
    """Otherwise the copy would be another than the version at the origin."""
    await served.client.begin()
    await served.client.part(1, LISTED)
    refused = await served.client.part(1, UNLISTED, "Authorization: bad")
    assert status(refused) == 403
    assert count_held(served.site) == 0
    assert status(await served.client.complete({1: LISTED})) == 404
    assert served.origin.objects == {}


async def test_part_that_never_came_by_is_unknown(served: Served) -> None:
    """Bytes that nobody inspected are never joined."""
    await served.client.begin()
    served.origin.parts[served.client.upload_id][1] = LISTED
    await served.client.part(2, UNLISTED)
    answer = await served.client.complete({1: LISTED, 2: UNLISTED})
    assert (status(answer), b"NoSuchUpload" in answer) == (404, True)
    assert served.origin.objects == {}
    assert status(await served.client.complete({2: UNLISTED})) == 200


@pytest.mark.parametrize("data", [UNLISTED, b""], ids=["part", "empty"])
async def test_part_is_not_held_before_the_origin_has_it(
    served: Served, data: bytes
) -> None:
    """A kill at that moment would leave a copy of another version than the origin's."""
    states: list[State] = []
    folder = served.site.state / "uploads"

    def reply(method: str, target: str, got: Got) -> Reply:
        for file in folder.glob(f"*{heldfile.JOURNAL}"):
            found = heldfile.peek(folder, file.stem)
            assert found is not None
            states.append(found.assembly.state)
        return served.origin.reply(method, target, got)

    await served.client.begin()
    served.site.origin.answering = serve(reply)
    assert status(await served.client.part(1, data)) == 200
    assert states == [State.OPEN]


def framed(data: bytes, *, size: int = 40, checksum: bytes | None = None) -> bytes:
    """Return data in aws-chunked framing with a checksum behind it."""
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks)
    told = base64.b64encode(crc32(data).to_bytes(4, "big"))
    return body + b"0\r\nx-amz-checksum-crc32:" + (checksum or told) + b"\r\n\r\n"


def framing(data: bytes) -> tuple[str, ...]:
    """Return the headers of such a body."""
    return (
        "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        f"x-amz-decoded-content-length: {len(data)}",
        "x-amz-trailer: x-amz-checksum-crc32",
        "Content-Encoding: aws-chunked",
        SIGNED,
    )


SIGNED = "Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=c"


@pytest.mark.parametrize("is_listed", [False, True])
async def test_framed_parts_go_on_as_sent_and_are_held_without_frames(
    served: Served, *, is_listed: bool
) -> None:
    """The default of clients through TLS."""
    data = LISTED if is_listed else UNLISTED
    await served.client.begin()
    parts = {1: data[:90], 2: data[90:]}
    for number, piece in parts.items():
        sent = framed(piece)
        answer = await served.client.part(number, sent, *framing(piece))
        assert status(answer) == 200, answer
        assert served.site.origin.got[-1].body == sent
    answer = await served.client.complete(parts)
    assert status(answer) == (403 if is_listed else 200)
    assert list(served.origin.objects.values()) == ([] if is_listed else [UNLISTED])


@pytest.mark.parametrize(
    ("method", "path", "contents"),
    [("PUT", "/s3/key", 1), ("POST", "/s3/key", 2), ("PUT", "/other/key", 2)],
)
async def test_framed_bytes_are_looked_at_unless_the_route_is_of_s3(
    served: Served, method: str, path: str, contents: int
) -> None:
    """Its origin undoes the framing of a PUT; others store the bytes as they came."""
    known = len(served.site.decisions())
    client = S3Sender(site=served.site, path=path)
    body = framed(UNLISTED)
    await client.ask(method, "", *framing(UNLISTED), body=body)
    (decision,) = served.site.decisions()[known:]
    found = [each for each in decision.contents if "!" not in each.path]
    assert len(found) + decision.contents_omitted == contents


@pytest.mark.parametrize(
    ("signed", "query"),
    [
        (None, ""),
        ("Authorization: AWS a:b", ""),
        ("Authorization: AWS4-HMAC-SHA2567 a", ""),
        (SIGNED, "AWSAccessKeyId=a&Expires=1&Signature=b"),
        (SIGNED, "%41WSAccessKeyId=a"),
        (SIGNED, "X-Amz-Signature=a"),
    ],
)
async def test_framing_that_an_origin_may_keep_is_no_framing_of_s3(
    served: Served, signed: str | None, query: str
) -> None:
    """MinIO stores the bytes as they came, unless version 4 signs them in the head."""
    known = len(served.site.decisions())
    headers = [each for each in framing(UNLISTED) if each != SIGNED]
    headers += [signed] if signed else []
    body = framed(UNLISTED)
    await served.client.ask("PUT", query, *headers, body=body)
    (decision,) = served.site.decisions()[known:]
    found = [each for each in decision.contents if "!" not in each.path]
    assert len(found) + decision.contents_omitted == 2
    await served.client.begin()
    query += f"&partNumber=1&uploadId={served.client.upload_id}"
    answer = await served.client.ask("PUT", query.lstrip("&"), *headers, body=body)
    assert (status(answer), b"InvalidRequest" in answer) == (400, True)
    assert served.origin.parts[served.client.upload_id] == {}


async def test_part_whose_checksum_is_wrong_goes_nowhere(served: Served) -> None:
    """The origin would read other bytes than the copy, or none."""
    await served.client.begin()
    for sent in (framed(LISTED, checksum=b"AAAAAA=="), framed(LISTED)[:-9]):
        answer = await served.client.part(1, sent, *framing(LISTED))
        assert status(answer) == 400
        assert served.origin.parts[served.client.upload_id] == {}
        assert count_held(served.site) == 0


async def test_two_clients_on_one_part(served: Served) -> None:
    """One of them is told to wait; the copy is that of the origin."""
    await served.client.begin()
    head = (
        f"PUT /s3/key?partNumber=1&uploadId={served.client.upload_id} HTTP/1.1\r\n"
        f"Content-Length: {len(UNLISTED)}\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.site.port)
    writer.write(head + CLOSE + b"\r\n" + UNLISTED[:70])
    await writer.drain()
    await until(lambda: count_held(served.site) == 1)
    assert status(await served.client.part(1, LISTED)) == 409
    writer.write(UNLISTED[70:])
    assert status(await reader.read()) == 200
    writer.close()
    assert served.origin.parts[served.client.upload_id] == {1: UNLISTED}
    assert status(await served.client.complete({1: UNLISTED})) == 200


async def test_monitor_records_and_passes_what_nobody_could_check(
    monitoring: Site,
) -> None:
    """Its parts came by another way."""
    served = empty(monitoring)
    await served.client.begin()
    served.origin.parts[served.client.upload_id][1] = LISTED
    assert status(await served.client.complete({1: LISTED})) == 200
    assert served.origin.objects == {"/s3/key": LISTED}
    decision = served.site.decisions()[-1]
    assert (decision.reason, decision.effect) == (
        Reason.PIECEWISE_UPLOAD,
        Action.ACCEPT,
    )
