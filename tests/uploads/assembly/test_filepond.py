"""Heads of FilePond are read in one way, or are no step of it."""

import pytest

from uploadfilter.uploads.assembly import filepond
from uploadfilter.uploads.assembly.filepond import FilePondChunk, FilePondCreation
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

FORM = ("Content-Type", "multipart/form-data; boundary=b")
TYPE = ("Content-Type", "application/offset+octet-stream")
OFFSET, LENGTH = ("Upload-Offset", "60"), ("Upload-Length", "200")
NAME = ("Upload-Name", "a lake.png")
CHUNK = (TYPE, OFFSET, LENGTH, NAME, ("Content-Length", "60"))


def read(
    method: str, *headers: tuple[str, str], target: str = "/up?patch=a1"
) -> filepond.FilePondStep | Refusal | None:
    """Read a head."""
    lines = tuple((name.encode(), value.encode()) for name, value in headers)
    kind = BodyKind.FORM if FORM in headers else BodyKind.RAW
    head = RequestHead(method=method, target=target, headers=lines)
    return filepond.read(head, BodyPlan(kind=kind))


def test_steps_are_read() -> None:
    """The form that begins an upload, and a chunk."""
    assert read("POST", FORM, LENGTH) == FilePondCreation(total=200)
    assert read("PATCH", *CHUNK) == FilePondChunk(
        at=60, total=200, file_name="a lake.png"
    )
    assert read("PATCH", TYPE, OFFSET, LENGTH) == FilePondChunk(
        at=60, total=200, file_name=""
    )


@pytest.mark.parametrize(
    "more",
    [
        ("Tus-Resumable", "1.0.0"),
        ("Upload-Metadata", "filename YQ=="),
        ("Upload-Checksum", "sha1 YQ=="),
        ("Upload-Complete", "?0"),
        ("Upload-Concat", "partial"),
        ("Upload-Defer-Length", "1"),
        ("Upload-Length", "201"),
        ("Upload-Offset", "61"),
        ("Content-Range", "bytes 0-59/200"),
        ("X-HTTP-Method-Override", "PATCH"),
        ("X-Chunk-Index", "3"),
    ],
    ids=lambda more: more[0],
)
def test_head_with_other_words_is_no_step(more: tuple[str, str]) -> None:
    """An origin could obey those."""
    assert read("PATCH", *CHUNK, more) is None
    assert read("POST", FORM, LENGTH, more) is None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PATCH", (TYPE, LENGTH)),
        ("PATCH", (TYPE, OFFSET)),
        ("PATCH", (("Content-Type", "image/png"), OFFSET, LENGTH)),
        ("PATCH", (TYPE, ("Upload-Offset", "-1"), LENGTH)),
        ("PATCH", (TYPE, OFFSET, ("Upload-Length", "0x1"))),
        ("PUT", CHUNK),
        ("POST", CHUNK),
        ("PATCH", (FORM, LENGTH)),
    ],
)
def test_other_heads_are_no_step(
    method: str, headers: tuple[tuple[str, str], ...]
) -> None:
    """They are treated as on every route, where pieces are refused."""
    assert read(method, *headers) is None


def test_words_in_the_target_are_no_step() -> None:
    """The query may name a piece as well."""
    assert read("PATCH", *CHUNK, target="/up?patch=a1&chunk=3&chunks=9") is None


def test_chunk_beyond_its_file_is_refused() -> None:
    """Its bytes would not count, or the length is a lie."""
    beyond = (TYPE, OFFSET, ("Upload-Length", "100"), ("Content-Length", "60"))
    assert isinstance(read("PATCH", *beyond), Refusal)
