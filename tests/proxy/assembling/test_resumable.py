"""Resumable uploads through the filter: one ordinary request at the origin, or none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.corpus import pictures
from tests.proxy.assembling.test_tus import header
from tests.proxy.site import CLOSE, Site, exact_entry, site
from tests.proxy.wire import OK, TIMEOUT_S, status
from uploadfilter.model import Mode, Verdict
from uploadfilter.objecting.codes import code_of
from uploadfilter.objecting.keyfile import opened_key
from uploadfilter.objecting.settings import ObjectionSettings
from uploadfilter.proxy.answering import texts
from uploadfilter.proxy.routing.routes import Route, UploadProtocol

LISTED = pictures.png(pictures.photograph(1, width=16, height=12))
UNLISTED = pictures.png(pictures.photograph(2, width=16, height=12))

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = "https://upload.example/objection"
ROUTE = Route(
    name="media",
    origin="default",
    path="/media",
    mode=Mode.ENFORCE,
    protocol=UploadProtocol.RESUMABLE,
)


@dataclass(slots=True)
class Client:
    """A client of resumable uploads that sends any bytes."""

    site: Site

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        lines = list(headers)
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = f"{method} {target} HTTP/1.1\r\n".encode() + CLOSE
        head += "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return await self.site.send(head + (body or b""))

    async def begin(self, body: bytes = b"", *headers: str) -> str:
        """Begin an upload; return its address."""
        answer = await self.ask(
            "POST",
            "/media/new?a=b",
            "Upload-Complete: ?0",
            "Content-Type: image/png",
            *headers,
            body=body,
        )
        assert status(answer) == 201, answer
        assert header(answer, b"upload-offset") == str(len(body))
        return header(answer, b"location")

    async def patch(
        self, address: str, at: int, data: bytes, *headers: str, is_last: bool = False
    ) -> bytes:
        """Send one piece."""
        return await self.ask(
            "PATCH",
            address,
            f"Upload-Offset: {at}",
            f"Upload-Complete: ?{int(is_last)}",
            "Content-Type: application/partial-upload",
            *headers,
            body=data,
        )

    async def offset(self, address: str) -> int:
        """Ask how far an upload is."""
        answer = await self.ask("HEAD", address)
        assert status(answer) == 204, answer
        assert header(answer, b"upload-complete") == "?0"
        return int(header(answer, b"upload-offset"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter for all tests of this module."""
    state = tmp_path_factory.mktemp("resumable")
    objections = ObjectionSettings(enabled=True, public_url=FORM)
    async with site(
        state,
        listed=(exact_entry(1, LISTED),),
        routes=(ROUTE,),
        objections=objections,
        wording=texts.load(form=FORM),
    ) as made:
        yield made


@pytest.fixture
def client(shared: Site) -> Client:
    """A client before an origin that has got nothing yet."""
    shared.origin.got.clear()
    shared.origin.answers = [OK]
    return Client(shared)


async def test_upload_arrives_as_one_ordinary_request(client: Client) -> None:
    """With the first request's target and type, and the last one's cookies."""
    known = len(client.site.decisions())
    disposition = 'Content-Disposition: attachment; filename="a.png"'
    address = await client.begin(
        UNLISTED[:50], "Cookie: a=1", disposition, f"Upload-Length: {len(UNLISTED)}"
    )
    assert await client.offset(address) == 50
    assert status(await client.patch(address, 50, UNLISTED[50:60])) == 204
    assert client.site.origin.got == []
    answer = await client.patch(address, 60, UNLISTED[60:], "Cookie: a=2", is_last=True)
    assert status(answer) == 200
    assert header(answer, b"upload-complete") == "?1"
    assert header(answer, b"upload-offset") == str(len(UNLISTED))
    (got,) = client.site.origin.got
    assert got.head.startswith(b"POST /media/new?a=b HTTP/1.1\r\n")
    assert got.body == UNLISTED
    assert got.header(b"content-type") == [b"image/png"]
    assert got.header(b"content-disposition") == [b'attachment; filename="a.png"']
    assert got.header(b"cookie") == [b"a=2"]
    assert got.header(b"upload-complete") == got.header(b"upload-offset") == []
    (decision,) = client.site.decisions()[known:]
    assert (decision.verdict, decision.size) == (Verdict.NO_MATCH, len(UNLISTED))
    assert await client.site.outcome(decision.id) == 200
    assert status(await client.ask("HEAD", address)) == 404


@pytest.mark.parametrize("cut", [*range(0, len(LISTED), 97), len(LISTED)])
async def test_listed_picture_is_rejected_wherever_it_is_cut(
    client: Client, cut: int
) -> None:
    """The origin gets no request at all."""
    address = await client.begin(LISTED[:cut])
    answer = await client.patch(address, cut, LISTED[cut:], is_last=True)
    assert status(answer) == 403
    assert client.site.origin.got == []
    assert status(await client.ask("HEAD", address)) == 404


async def test_rejection_names_the_code_of_its_decision(client: Client) -> None:
    """An uploader in pieces can object as any other one."""
    known = len(client.site.decisions())
    address = await client.begin(LISTED[:50])
    answer = await client.patch(address, 50, LISTED[50:], is_last=True)
    (decision,) = client.site.decisions()[known:]
    code = code_of(opened_key(client.site.state), decision.id)

    assert f'"code": "{code}"'.encode() in answer
    assert FORM.encode() in answer


async def test_no_piece_is_the_upload_before_its_end(client: Client) -> None:
    """All bytes are there, but the client has not said so."""
    length = f"Upload-Length: {len(LISTED)}"
    address = await client.begin(LISTED, length)
    assert await client.offset(address) == len(LISTED)
    assert client.site.origin.got == []
    assert status(await client.patch(address, len(LISTED), b"", is_last=True)) == 403


async def test_other_length_than_stated_is_refused(client: Client) -> None:
    """A length is stated once."""
    address = await client.begin(UNLISTED[:50], f"Upload-Length: {len(UNLISTED)}")
    assert status(await client.patch(address, 50, b"x", is_last=True)) == 400
    assert client.site.origin.got == []


async def test_wrong_offset_is_answered_with_the_right_one(client: Client) -> None:
    """Its client goes on from there."""
    address = await client.begin(UNLISTED[:50])
    answer = await client.patch(address, 49, UNLISTED[49:])
    assert status(answer) == 409
    assert header(answer, b"upload-offset") == "50"


async def test_cancelled_upload_is_gone(client: Client) -> None:
    """DELETE ends it."""
    address = await client.begin(UNLISTED[:50])
    assert status(await client.ask("DELETE", address)) == 204
    assert status(await client.ask("HEAD", address)) == 404
    assert status(await client.patch(address, 50, b"x")) == 409


async def test_whole_upload_is_an_ordinary_one(client: Client) -> None:
    """A request that is complete needs no address."""
    answer = await client.ask("POST", "/media", "Upload-Complete: ?1", body=LISTED)
    assert status(answer) == 403
    answer = await client.ask("POST", "/media", "Upload-Complete: ?1", body=UNLISTED)
    assert status(answer) == 200
    assert [got.body for got in client.site.origin.got] == [UNLISTED]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (("Content-Type: multipart/form-data; boundary=b",), 415),
        (("Content-Encoding: compress",), 415),
        (("Upload-Offset: 0",), 400),
        (("Upload-Length: -1",), 400),
        (("Upload-Length: 99999999999999",), 413),
        (("Content-Range: bytes 0-1/9",), 400),
        (("Upload_Complete: ?1",), 400),
    ],
)
async def test_odd_beginnings_are_refused(
    client: Client, headers: tuple[str, ...], expected: int
) -> None:
    """Nothing of them is held, and nothing goes on."""
    answer = await client.ask(
        "POST", "/media", "Upload-Complete: ?0", *headers, body=LISTED
    )
    assert status(answer) == expected
    assert client.site.origin.got == []


async def test_pieces_of_other_protocols_are_refused(client: Client) -> None:
    """No header chooses a weaker path."""
    for lines in (("Upload-Offset: 0",), ("Upload-Complete: ?0", "Upload-Offset: 0")):
        answer = await client.ask("PATCH", "/media/x", *lines, body=LISTED)
        assert status(answer) == 400
    assert client.site.origin.got == []


SUPPORTED = b"HTTP/1.1 104 Upload Resumption Supported\r\n"


async def broken_off(site: Site, data: bytes, sent: int, complete: str) -> str:
    """Begin an upload that breaks off; return the address in the interim answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = [
        "POST /media/new HTTP/1.1",
        f"Upload-Complete: {complete}",
        "Upload-Draft-Interop-Version: 8",
        "Transfer-Encoding: chunked",
    ]
    writer.write("\r\n".join([*lines, ""]).encode() + CLOSE + b"\r\n")
    writer.write(b"%x\r\n%s" % (len(data), data[:sent]))
    told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S)
    assert told.startswith(SUPPORTED)
    assert header(told, b"upload-draft-interop-version") == "8"
    writer.transport.abort()
    return header(told, b"location")


@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
@pytest.mark.parametrize("complete", ["?0", "?1"])
async def test_first_request_that_breaks_off_is_gone_on_with(
    client: Client, complete: str, data: bytes
) -> None:
    """Its client has learned the address before the end, as phones need it."""
    address = await broken_off(client.site, data, 50, complete)
    offset = 0
    while not offset:
        offset = await client.offset(address)
    assert offset == 50
    answer = await client.patch(address, 50, data[50:], is_last=True)
    while status(answer) == 423:  # the first request still closes its files
        answer = await client.patch(address, 50, data[50:], is_last=True)
    assert status(answer) == (403 if data == LISTED else 200)
    bodies = [got.body for got in client.site.origin.got]
    assert bodies == ([] if data == LISTED else [data])


@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
async def test_complete_request_gets_an_interim_answer(
    client: Client, data: bytes
) -> None:
    """And then its own; nothing of it is left."""
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    lines = b"Upload-Complete: ?1\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await client.site.send(b"POST /media HTTP/1.1\r\n" + CLOSE + lines + chunk)
    interim, _, final = answer.partition(b"\r\n\r\n")
    assert interim.startswith(SUPPORTED)
    assert status(final) == (403 if data == LISTED else 200)
    bodies = [got.body for got in client.site.origin.got]
    assert bodies == ([] if data == LISTED else [data])
    address = header(interim + b"\r\n", b"location")
    assert status(await client.ask("HEAD", address)) == 404
