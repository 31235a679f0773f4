"""A route that says what it takes, on the wire, before a real origin."""

import json
import random
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.contents.kinds.samples import KINDS
from tests.corpus import pictures
from tests.corpus.tricks.tricks import TRICKS
from tests.proxy.site import Site, file_part, form, site
from tests.proxy.wire import status
from uploadfilter.contents.kinds.families import FileFamily, families_of
from uploadfilter.decisions.accepting import MOST_FIELD_BYTES
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.decisions.records.records import ContentRecord, DecisionRecord
from uploadfilter.model import NESTED, Action, Mode, Preset, Reason, Verdict
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route

PICTURES_ONLY = frozenset({FileFamily.PICTURES})
PHOTO = pictures.jpeg(pictures.photograph(5, width=320, height=240))
# Small ones: their pixels are not what is tested here, and there are a thousand files.
TARGET = pictures.photograph(11, width=96, height=72)
DECOY = pictures.photograph(12, width=96, height=72)
FIELD = b'Content-Disposition: form-data; name="title"'


def route(*families: FileFamily, mode: Mode = Mode.ENFORCE) -> Route:
    """Return a route for everything, under the mildest policy."""
    return Route(
        name="taking",
        origin=DEFAULT_ROUTE,
        mode=mode,
        accept=frozenset(families),
        policy=PRESETS[Preset.MATCHES_ONLY],
    )


def taking(tmp_path: Path, *families: FileFamily, mode: Mode = Mode.ENFORCE) -> Any:  # noqa: ANN401 - of a site
    """Run a filter whose only route takes some families."""
    return site(tmp_path, routes=(route(*families, mode=mode),))


def archive(**members: bytes) -> bytes:
    """Return a zip file."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def problem(answer: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the body of an answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


async def test_picture_passes_and_another_file_is_named_in_the_answer(
    tmp_path: Path,
) -> None:
    """The answer is 415 and names the kinds; the origin gets nothing."""
    async with taking(tmp_path, FileFamily.PICTURES, FileFamily.VIDEOS) as it:
        passed = await it.put(PHOTO)
        refused = await it.put(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")
        in_dutch = await it.put(
            b"a text", b"Accept: text/html", b"Accept-Language: nl", target=b"/y"
        )
        records = it.decisions()

    assert status(passed) == 200
    assert [request.body for request in it.origin.got] == [PHOTO]
    assert status(refused) == status(in_dutch) == 415
    assert problem(refused)["detail"] == "Accepted here: pictures, videos."
    assert "Hier geaccepteerd: afbeeldingen, video&#39;s." in in_dutch.decode()
    assert [it.reason for it in records] == [
        None,
        Reason.NOT_ACCEPTED,
        Reason.NOT_ACCEPTED,
    ]


async def test_monitor_records_and_passes(tmp_path: Path) -> None:
    """A pilot counts what a route would refuse."""
    async with taking(tmp_path, FileFamily.PICTURES, mode=Mode.MONITOR) as it:
        answer = await it.put(b"a text")
        (record,) = it.decisions()

    assert status(answer) == 200
    assert (record.reason, record.action) == (Reason.NOT_ACCEPTED, Action.REJECT)


FORMS = {
    "photo": (form((FIELD, b"At the sea"), file_part(PHOTO)), True),
    "page": (form((FIELD, b"<p>At the sea</p>")), True),
    "nothing": (form((FIELD, b""), file_part(b"")), True),
    "photo without a name": (form((FIELD, PHOTO)), True),
    "text as a file": (form(file_part(b"a text")), False),
    "data in a field": (form((FIELD, bytes(range(256)))), False),
    "long fields": (form(*[(FIELD, b"x" * (MOST_FIELD_BYTES // 2 + 1))] * 2), False),
    "second file": (form(file_part(PHOTO), file_part(b"PK\5\6" + bytes(18))), False),
    # formidable takes it for the name of a file.
    "named field": (form((FIELD.replace(b"title", b"a;filename=b"), b"text")), False),
}


async def test_fields_of_a_form_are_short_texts(tmp_path: Path) -> None:
    """What a form says besides its files passes, and no file passes as a field."""
    async with taking(tmp_path, FileFamily.PICTURES) as it:
        answers = {name: await it.post_form(body) for name, (body, _) in FORMS.items()}

    assert {name: status(answer) for name, answer in answers.items()} == {
        name: 200 if is_taken else 415 for name, (_, is_taken) in FORMS.items()
    }
    assert len(it.origin.got) == sum(is_taken for _, is_taken in FORMS.values())


RAW = {
    (b"POST", b"application/x-www-form-urlencoded"): 200,
    (b"PATCH", b"application/merge-patch+json"): 200,
    (b"PROPFIND", b"application/xml; charset=utf-8"): 200,
    (b"PUT", b"application/json"): 415,
    (b"POST", b"text/plain"): 415,
    (b"POST", b"image/svg+xml"): 415,
}


async def test_body_that_says_what_fields_say_passes(tmp_path: Path) -> None:
    """A program deletes a picture, or names it, on the same path."""
    head = b"%s /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    lines = b"Content-Type: %s\r\nContent-Length: 9\r\n\r\n"
    async with taking(tmp_path, FileFamily.PICTURES) as it:
        got = {
            (method, kind): status(
                await it.send(head % method + lines % kind, b'{"a":"b"}')
            )
            for method, kind in RAW
        }

    assert got == RAW


async def test_motion_photo_of_a_phone_passes(tmp_path: Path) -> None:
    """Phones write a video, or other bytes of their own, behind many pictures."""
    video = struct.pack(">I", 20) + b"ftypmp42" + bytes(4) + b"mp42"
    samples = random.Random(7).randbytes(100_000)  # noqa: S311 - no secret
    video += struct.pack(">I", 8 + len(samples)) + b"mdat" + samples
    trailer = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + video + b"SEFH\x6a\0\0\0SEFT"
    async with taking(tmp_path, FileFamily.PICTURES) as it:
        answers = [await it.put(PHOTO + video), await it.put(PHOTO + trailer)]

    assert [*map(status, answers)] == [200, 200]


async def test_routes_take_the_families_that_they_name(tmp_path: Path) -> None:
    """A sound may have a cover, a document pictures, and all families everything."""
    routes = tuple(
        replace(route(*families), name=name, path=f"/{name}")
        for name, families in {
            "sound": [FileFamily.SOUND],
            "documents": [FileFamily.DOCUMENTS],
            "texts": [FileFamily.TEXTS],
            "both": [FileFamily.PICTURES, FileFamily.ARCHIVES],
            "all": [*FileFamily],
        }.items()
    )
    sent = {
        (b"/sound", b"ID3\3\0\0\0\0\0\0" + PHOTO): 200,
        (b"/sound", PHOTO): 415,
        (b"/documents", archive(a=PHOTO)): 200,
        (b"/texts", b"x" * 100_000): 200,
        (b"/texts", b"<svg xmlns='a'/>"): 415,
        (b"/both", PHOTO + archive(a=PHOTO)): 200,
        (b"/both", PHOTO + archive(a=b"a text of some bytes")): 415,
        (b"/all", bytes(range(256))): 200,
    }
    async with site(tmp_path, routes=routes) as it:
        got = {
            (target, body): status(await it.put(body, target=target))
            for target, body in sent
        }

    assert got == sent


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield a file of every kind, alone and behind a picture, and random bytes."""
    for number, (head, kind) in enumerate(KINDS):
        if head:
            yield f"{kind}-{number}", head
    for number, (head, kind) in enumerate(KINDS[::4]):
        yield f"behind-{kind}-{number}", PHOTO + head
    random_bytes = random.Random(3)  # noqa: S311 - no secret
    for size in (1, 24, 700, 70_000):
        yield f"random-{size}", random_bytes.randbytes(size)
        yield f"behind-random-{size}", PHOTO + random_bytes.randbytes(size)
    yield "zip", archive(a=b"text")
    yield "zip-behind", PHOTO + archive(a=b"a text of some bytes")
    yield "zip-behind-of-data", PHOTO + archive(a=bytes(range(256)))
    yield "zip-around", archive(**{"a.jpg": PHOTO})
    yield (
        "document-inside",
        PHOTO[:2]
        + b"\xff\xfe\0\x28%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n"
        + PHOTO[2:],
    )


def one_of_each_family() -> Iterator[tuple[str, bytes]]:
    """Yield a trick of each family."""
    for trick in {it.family: it for it in reversed(TRICKS)}.values():
        yield trick.name, trick.make(TARGET, DECOY)


async def passed(it: Site, body: bytes) -> DecisionRecord | None:
    """Upload a file; return its record if the origin got it."""
    known = len(it.origin.got)
    answer = await it.put(body)
    record = it.decisions()[-1]

    assert status(answer) in {200, 403, 415}, record
    assert len(it.origin.got) - known == (status(answer) == 200), record
    return record if status(answer) == 200 else None


def is_part(content: ContentRecord) -> bool:
    """Return whether a content is the video of a motion photo."""
    return content.kind == "video" and NESTED in content.path


async def check_only_whole_pictures_pass(
    it: Site, files: Iterator[tuple[str, bytes]]
) -> list[str]:
    """Send files to a route for pictures; return the names of those that passed."""
    names = []
    for name, body in files:
        record = await passed(it, body)
        if record is None:
            continue
        names.append(name)
        kinds = {it.kind for it in record.contents if not is_part(it)}
        assert {*map(families_of, kinds)} == {PICTURES_ONLY}, name
        assert (record.verdict, record.reasons) == (Verdict.NO_MATCH, ()), name
    return names


async def test_route_for_pictures_passes_only_pictures_that_were_compared_whole(
    tmp_path: Path,
) -> None:
    """Of any kind, by any trick, under the mildest policy, nothing else gets in."""
    async with taking(tmp_path, FileFamily.PICTURES) as it:
        names = await check_only_whole_pictures_pass(it, bodies())
        names += await check_only_whole_pictures_pass(it, one_of_each_family())

    assert {"jpeg-0", "png-1", "behind-random-70000"} <= {*names}
    assert not {"zip", "zip-behind", "zip-around", "document-inside"} & {*names}


PARTS = 4
"""Tests that share all tricks, for several processes."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
async def test_route_for_pictures_passes_no_trick(tmp_path: Path, part: int) -> None:
    """Every trick, alone and behind a picture, is a whole picture or gets nowhere."""

    def files() -> Iterator[tuple[str, bytes]]:
        for trick in TRICKS[part::PARTS]:
            body = trick.make(TARGET, DECOY)
            yield trick.name, body
            yield f"{trick.name}-behind", pictures.jpeg(DECOY) + body

    async with taking(tmp_path, FileFamily.PICTURES) as it:
        assert await check_only_whole_pictures_pass(it, files())
