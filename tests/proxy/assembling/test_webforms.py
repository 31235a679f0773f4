"""Chunked web forms through the filter: the whole file, or none of it."""

import asyncio
import base64
import re

import pytest

from tests.corpus import pictures
from tests.proxy.assembling.senders import LISTED, UNLISTED, renewed
from tests.proxy.assembling.webforms import UPLOADERS, Page, file_in, form
from tests.proxy.site import CLOSE, Site
from tests.proxy.wire import status
from uploadfilter.model import Action, Reason, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="package")

NOTE = b'Content-Disposition: form-data; name="note"\r\n\r\n'


@pytest.fixture
def served(enforcing: Site) -> Site:
    """The filter, before an origin that has got nothing."""
    renewed(enforcing)
    enforcing.origin.answering = None
    return enforcing


def held(served: Site) -> int:
    """Return how many slices wait; the remembered end of a file has no bytes."""
    files = (served.state / "uploads").glob("*.data")
    return sum(file.stat().st_size > 0 for file in files)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("uploader", UPLOADERS)
async def test_file_arrives_in_order_after_its_last_slice(
    served: Site, uploader: str, *, backwards: bool
) -> None:
    """Each slice as its script sent it, and the file is one decision."""
    known = len(served.decisions())
    page = Page(served, uploader)
    answer = await page.send_all(UNLISTED, backwards=backwards)
    assert status(answer) == 200
    got = served.origin.got
    assert b"".join(map(file_in, got)) == UNLISTED
    (decision,) = served.decisions()[known:]
    assert decision.verdict is Verdict.NO_MATCH
    assert decision.contents[0].size == len(UNLISTED)
    for each in got:
        assert each.header(b"cookie") == [b"a=b"]
        assert each.header(b"uploadfilter-decision") == [decision.id.encode()]
    if uploader == "range":
        assert re.fullmatch(rb"bytes 0-59/\d+", got[0].header(b"content-range")[0])
    assert held(served) == 0


@pytest.mark.parametrize("uploader", UPLOADERS)
async def test_listed_picture_in_slices_goes_nowhere(
    served: Site, uploader: str
) -> None:
    """Its page gets 403 for the last slice, however often it sends that again."""
    page = Page(served, uploader)
    answers = [await page.send_all(LISTED)]
    last = served.decisions()[-1]
    again = [await page.send(LISTED, (len(LISTED) - 1) // 60) for _ in range(2)]
    answers += again
    assert [status(answer) for answer in answers] == [403] * 3
    assert all(last.id.encode() in answer for answer in answers)
    assert (last.verdict, last.effect) == (Verdict.MATCH, Action.REJECT)
    assert served.origin.got == []
    assert held(served) == 0


async def test_slice_of_an_accepted_file_that_is_sent_again(served: Site) -> None:
    """Its page has lost the answer; the origin has the file."""
    page = Page(served, "fineuploader")
    await page.send_all(UNLISTED)
    sent = len(served.origin.got)
    again = await page.send(UNLISTED, (len(UNLISTED) - 1) // 60)
    assert (status(again), held(served)) == (200, 0)
    assert len(served.origin.got) == sent


@pytest.mark.parametrize("first", [LISTED, UNLISTED], ids=["listed", "unlisted"])
async def test_other_file_of_the_same_name_is_another_upload(
    served: Site, first: bytes
) -> None:
    """Phones call every picture ``image.jpg``; none may be lost, or take a verdict."""
    page = Page(served, "plupload")
    other = pictures.png(pictures.photograph(3, width=16, height=12))
    await page.send_all(first)
    before = len(served.origin.got)
    for _ in range(2):  # by its first slice, it is a new upload the second time, too
        assert status(await page.send_all(other)) == 200
    assert b"".join(map(file_in, served.origin.got[before:])) == other * 2
    answer = await page.send_all(LISTED)
    assert status(answer) == 403


@pytest.mark.parametrize("data", [LISTED, UNLISTED], ids=["listed", "unlisted"])
async def test_slices_at_once_have_one_end(served: Site, data: bytes) -> None:
    """Scripts send several at once: one of them ends the file, and none fails."""
    page = Page(served, "flow")
    known = len(served.decisions())
    indexes = range(-(-len(data) // 60))
    answers = await asyncio.gather(*(page.send(data, index) for index in indexes))
    assert len(served.decisions()) == known + 1
    if data is LISTED:
        assert 403 in map(status, answers)
        assert served.origin.got == []
    else:
        assert {status(answer) for answer in answers} == {200}
        assert b"".join(map(file_in, served.origin.got)) == data


@pytest.mark.parametrize(
    ("index", "count", "at", "total"),
    [(1, 2, 61, 200), (1, 2, 60, 201), (1, 2, 0, 200)],
)
async def test_slices_that_disagree_are_refused(
    served: Site, index: int, count: int, at: int, total: int
) -> None:
    """An origin would join them otherwise than they were inspected."""
    page = Page(served, "dropzone")
    assert status(await page.post(b"a" * 60, 0, 2, 0, 200)) == 200
    assert status(await page.post(b"b" * 140, index, count, at, total)) == 400
    assert served.origin.got == []
    assert held(served) == 0


@pytest.mark.parametrize("uploader", sorted(set(UPLOADERS) - {"range"}))
@pytest.mark.parametrize(
    "field", ["", "fileName", "relative_path", "resumableFilename"]
)
async def test_slices_of_two_names_are_no_file(
    served: Site, uploader: str, field: str
) -> None:
    """Scripts append to the file of a name, so that two files would change slices."""
    first, second = Page(served, uploader), Page(served, uploader)
    for page, name in ((first, "a.png"), (second, "b.png")):
        page.name, page.more = ("", ((field, name),)) if field else (name, ())
        page.name = page.name or "blob"
    assert status(await first.send(UNLISTED[:100], 0)) == 200
    assert status(await second.send(UNLISTED[:100], 1)) == 400
    assert served.origin.got == []
    assert held(served) == 0


@pytest.mark.parametrize(
    "field",
    [LISTED.decode("latin-1"), base64.b64encode(LISTED).decode()],
    ids=["bytes", "text"],
)
async def test_picture_in_another_field_of_a_slice_goes_nowhere(
    served: Site, field: str
) -> None:
    """Everything of a form goes on, so that everything is inspected."""
    answers = []
    for index, note in enumerate(("a lake", field)):
        fields = UPLOADERS["dropzone"](index, 2, 60 * index, 120)
        body = form(fields, b"a" * 60).replace(
            b"--bou--", b"--bou\r\n" + NOTE + note.encode("latin-1") + b"\r\n--bou--"
        )
        head = (
            b"POST /forms HTTP/1.1\r\n" + CLOSE + b"Content-Length: %d\r\n"
            b"Content-Type: multipart/form-data; boundary=bou\r\n\r\n" % len(body)
        )
        answers.append(status(await served.send(head + body)))
    assert answers == [200, 403]
    assert served.origin.got == []


async def test_long_field_beside_a_slice_is_refused(served: Site) -> None:
    """No uploader sends one, and the fields of all slices are in memory."""
    fields = UPLOADERS["dropzone"](0, 2, 0, 120) | {"note": "a" * 4097}
    body = form(fields, b"a" * 60)
    assert status(await served.post_form(body, b"bou")) == 400


async def test_whole_form_is_an_upload_as_ever(served: Site) -> None:
    """Scripts send ``1 of 1`` with every small file."""
    page = Page(served, "plupload")
    assert status(await page.post(UNLISTED, 0, 1, 0, len(UNLISTED))) == 200
    assert [file_in(got) for got in served.origin.got] == [UNLISTED]
    assert status(await page.post(LISTED, 0, 1, 0, len(LISTED))) == 403
    assert len(served.origin.got) == 1


async def test_piece_of_an_unknown_uploader_is_refused(served: Site) -> None:
    """By its words it is a piece, and nobody knows where it belongs."""
    body = form({"chunkIndex": "1", "chunkCount": "3"}, LISTED[:60])
    assert status(await served.post_form(body, b"bou")) == 400
    head = (
        b"POST /forms HTTP/1.1\r\n" + CLOSE + b"Content-Length: %d\r\n"
        b"Content-Type: multipart/form-data; boundary=bou\r\n\r\n" % len(body)
    )
    assert status(await served.send(head + body)) == 400
    assert served.decisions()[-1].reason is Reason.PIECEWISE_UPLOAD
    assert served.origin.got == []
