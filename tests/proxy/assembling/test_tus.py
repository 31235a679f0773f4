"""tus through the filter: every byte, or none, however an upload is cut."""

import asyncio
import base64
import hashlib
from typing import NamedTuple

import pytest

from tests.proxy.assembling.origins import TusOrigin, serve
from tests.proxy.assembling.senders import (
    LISTED,
    PIECE,
    UNLISTED,
    TusSender,
    header,
    renewed,
)
from tests.proxy.site import CLOSE, Site
from tests.proxy.wire import status
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="package")


class Served(NamedTuple):
    """A filter before a server of tus."""

    client: TusSender
    origin: TusOrigin
    site: Site


@pytest.fixture
def served(enforcing: Site) -> Served:
    """The filter before a server that has no upload yet."""
    origin = renewed(enforcing).tus
    enforcing.origin.answering = serve(origin.reply)
    return Served(TusSender(site=enforcing), origin, enforcing)


async def test_unlisted_upload_arrives_in_one_request(served: Served) -> None:
    """Two pieces come, one PATCH goes on, and its client always knows the offset."""
    target = await served.client.create(len(UNLISTED))
    assert status(await served.client.patch(target, 0, UNLISTED[:50])) == 204
    assert await served.client.offset(target) == 50
    answer = await served.client.patch(target, 50, UNLISTED[50:])
    assert header(answer, b"upload-offset") == str(len(UNLISTED))
    patches = [got for got in served.site.origin.got if got.head.startswith(b"PATCH")]
    assert [got.body for got in patches] == [UNLISTED]
    assert await served.client.offset(target) == len(UNLISTED)


@pytest.mark.parametrize("count", [1, 50, len(UNLISTED)])
async def test_creation_with_upload(served: Served, count: int) -> None:
    """The bytes of a creation wait, too; a whole upload is decided at once."""
    target = await served.client.create(len(UNLISTED), body=UNLISTED[:count])
    assert (served.origin.retrievable() == []) is (count < len(UNLISTED))
    if count < len(UNLISTED):
        assert await served.client.offset(target) == count
        answer = await served.client.patch(target, count, UNLISTED[count:])
        assert status(answer) == 204
    assert served.origin.retrievable() == [UNLISTED]


async def test_whole_listed_picture_in_a_creation_is_rejected(served: Served) -> None:
    """The origin keeps not even the empty upload."""
    answer = await served.client.ask(
        "POST",
        "/tus",
        f"Upload-Length: {len(LISTED)}",
        PIECE,
        body=LISTED,
    )
    assert status(answer) == 403
    assert served.origin.uploads == {}


async def test_deferred_length(served: Served) -> None:
    """It is stated once, with any piece, and the origin gets it with the bytes."""
    target = await served.client.create(None)
    length = f"Upload-Length: {len(UNLISTED)}"
    assert status(await served.client.patch(target, 0, UNLISTED[:50], length)) == 204
    other = f"Upload-Length: {len(UNLISTED) + 1}"
    assert status(await served.client.patch(target, 50, UNLISTED[50:], other)) == 400
    assert status(await served.client.patch(target, 50, UNLISTED[50:], length)) == 204
    assert served.origin.retrievable() == [UNLISTED]


async def test_unfinished_parts_are_not_joined(served: Served) -> None:
    """Every part has to be complete, and a part of this kind."""
    part = await served.client.create(10, "Upload-Concat: partial")
    await served.client.patch(part, 0, b"12345")
    whole = await served.client.create(10)
    for parts in (part, whole, f"{part} {part}", "/tus/unknown", ""):
        answer = await served.client.ask(
            "POST", "/tus", f"Upload-Concat: final;{parts}", body=b""
        )
        assert status(answer) in {400, 404}
    assert served.origin.retrievable() == []


@pytest.mark.parametrize("method", ["sha1", "sha512"])
async def test_checksum(served: Served, method: str) -> None:
    """A piece with other bytes than stated does not count."""
    target = await served.client.create(len(UNLISTED))
    value = base64.b64encode(hashlib.new(method, UNLISTED[:50]).digest()).decode()
    stated = f"Upload-Checksum: {method} {value}"
    answer = await served.client.patch(target, 0, UNLISTED[1:51], stated)
    assert status(answer) == 460
    assert await served.client.offset(target) == 0
    assert status(await served.client.patch(target, 0, UNLISTED[:50], stated)) == 204
    assert status(await served.client.patch(target, 50, UNLISTED[50:])) == 204
    assert served.origin.retrievable() == [UNLISTED]


@pytest.mark.parametrize(
    ("at", "data", "expected"),
    [(1, b"x", 409), (0, b"x" * 11, 413), (11, b"x", 413)],
)
async def test_lying_offsets_and_lengths(
    served: Served, at: int, data: bytes, expected: int
) -> None:
    """Nothing of such a piece is kept."""
    target = await served.client.create(10)
    answer = await served.client.patch(target, at, data)
    assert status(answer) == expected
    assert await served.client.offset(target) == 0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (("Content-Type: image/png", "Upload-Offset: 0"), 415),
        ((PIECE, "Upload_Offset: 0"), 400),
        ((PIECE, "Upload-Offset: 0", "Content-Encoding: gzip"), 415),
    ],
)
async def test_no_header_chooses_a_weaker_path(
    served: Served, headers: tuple[str, ...], expected: int
) -> None:
    """A PATCH on this route is a piece of tus, or it is refused."""
    target = await served.client.create(len(LISTED))
    answer = await served.client.ask("PATCH", target, *headers, body=LISTED)
    assert status(answer) == expected
    assert served.origin.retrievable() == []


async def test_other_uploads_of_the_route_are_inspected(served: Served) -> None:
    """A POST or PUT that is no tus is an upload as everywhere."""
    answer = await served.client.ask("PUT", "/tus/x", body=LISTED)
    assert status(answer) == 403
    odd = await served.client.ask(
        "POST", "/tus", f"Upload-Length: {len(LISTED) + 1}", body=LISTED
    )
    assert status(odd) == 400
    assert served.origin.retrievable() == []


async def test_origin_says_who_may_go_on(served: Served) -> None:
    """A client without a right gets the origin's answer, and its bytes do not count."""
    target = await served.client.create(len(UNLISTED))
    bad = "Authorization: bad"
    assert status(await served.client.patch(target, 0, UNLISTED[:50], bad)) == 401
    assert status(await served.client.ask("HEAD", target, bad)) == 401
    assert status(await served.client.ask("DELETE", target, bad)) == 401
    assert await served.client.offset(target) == 0


async def test_aborted_piece_counts_as_far_as_it_came(served: Served) -> None:
    """A client that loses its connection goes on where it was."""
    target = await served.client.create(len(UNLISTED))
    head = (
        f"PATCH {target} HTTP/1.1\r\nUpload-Offset: 0\r\n{PIECE}\r\n"
        f"Content-Length: {len(UNLISTED)}\r\n"
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", served.site.port)
    writer.write(head + CLOSE + b"\r\n" + UNLISTED[:70])
    await writer.drain()
    await until(lambda: served.site.origin.got[-1].head.startswith(b"HEAD"))
    assert status(await served.client.patch(target, 0, UNLISTED)) == 423
    writer.transport.abort()
    answer = await served.client.patch(target, 70, UNLISTED[70:])
    for _ in range(1000):  # as a client does that finds it locked
        if status(answer) not in {409, 423}:
            break
        answer = await served.client.patch(target, 70, UNLISTED[70:])
    assert status(answer) == 204
    assert served.origin.retrievable() == [UNLISTED]


@pytest.mark.parametrize("cut", [1, 4, 50])
async def test_no_final_upload_of_whole_ones_without_the_protocol(
    served: Served, cut: int
) -> None:
    """On any route: each part is whole by its own words, and no body joins them."""
    made = []
    for data in (LISTED[:cut], LISTED[cut:]):
        head = ("Upload-Concat: partial",)
        target = await served.client.create(len(data), *head, path="/plain")
        await served.client.patch(target, 0, data, f"Upload-Length: {len(data)}")
        made.append(target)
    final = f"Upload-Concat: final;{' '.join(made)}"
    answer = await served.client.ask("POST", "/plain", final, body=b"")
    assert (status(answer), b"in one request" in answer) == (400, True)
    assert LISTED not in served.origin.retrievable()


async def test_header_of_a_final_upload_beside_a_piece_joins_nothing(
    served: Served,
) -> None:
    """Parts that were accepted in one order are not joined in another one."""
    parts = []
    for piece in (UNLISTED[:60], UNLISTED[60:]):
        parts.append(await served.client.create(len(piece), "Upload-Concat: partial"))
        await served.client.patch(parts[-1], 0, piece)
    final = f"Upload-Concat: final;{' '.join(parts)}"
    assert status(await served.client.ask("POST", "/tus", final, body=b"")) == 201
    known = len(served.origin.uploads)
    target = await served.client.create(5)
    swapped = f"Upload-Concat: final;{parts[1]} {parts[0]}"
    assert status(await served.client.patch(target, 0, b"12345", swapped)) == 204

    assert len(served.origin.uploads) == known + 1
    assert served.origin.uploads[target].data == b"12345"
