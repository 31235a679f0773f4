"""Heads of tus are read in one way, or refused."""

import base64
from zlib import crc32

import pytest

from tests.uploads.assembly.facts import REFUSED, Facts, facts
from uploadfilter.uploads.assembly.steps import PartKey
from uploadfilter.uploads.assembly.tus import TUS
from uploadfilter.uploads.assembly.tuswords import StatedSum, read_sum
from uploadfilter.uploads.head.plan import Refusal
from uploadfilter.uploads.head.request import RequestHead

PIECE = ("Content-Type", "application/offset+octet-stream")


def head(method: str, *headers: tuple[str, str], target: str = "/files") -> RequestHead:
    """Return the head of a request."""
    lines = [(name.encode(), value.encode()) for name, value in headers]
    return RequestHead(method=method, target=target, headers=tuple(lines))


def metadata(**values: str) -> tuple[str, str]:
    """Return a header of metadata."""
    pairs = [
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in values.items()
    ]
    return "Upload-Metadata", ",".join(pairs)


@pytest.mark.parametrize(
    ("request_head", "expected"),
    [
        (
            head("POST", ("Upload-Length", "5")),
            ("create", 5, False, {}),
        ),
        (
            head(
                "POST",
                ("Upload-Length", "5"),
                ("Upload-Concat", "partial"),
                metadata(filetype="Image/PNG; x=y"),
            ),
            ("create", 5, True, {"type": "image/png"}),
        ),
        (
            head("POST", ("Upload-Defer-Length", "1"), metadata(filename="a.BR")),
            (
                "create",
                None,
                False,
                {"type": "application/x-brotli", "deferred": "1"},
            ),
        ),
        (
            head(
                "POST", ("Upload-Concat", "final;/files/a https://h/files/b?c files/d")
            ),
            (
                "join",
                (PartKey("/files/a"), PartKey("/files/b?c"), PartKey("/files/d")),
                None,
            ),
        ),
        (
            head("PATCH", ("Upload-Offset", "7"), ("Upload-Length", "9"), PIECE),
            ("bring", PartKey("/files"), 7, 9),
        ),
        (head("HEAD"), ("look",)),
        (head("DELETE"), ("end", "/files")),
        (head("POST", ("X-HTTP-Method-Override", "DELETE")), ("end", "/files")),
        (head("GET"), None),
        (head("OPTIONS"), None),
        (head("POST"), None),
        (head("PUT", ("Upload-Length", "5")), None),
        (head("POST", ("Upload-Length", "5"), ("Content-Length", "5")), None),
    ],
)
def test_requests_are_told_apart(
    request_head: RequestHead, expected: Facts | None
) -> None:
    """Each step of the protocol, and other requests."""
    assert facts(TUS.step(request_head)) == expected


@pytest.mark.parametrize(
    "headers",
    [
        [("Upload-Length", "-1")],
        [("Upload-Length", "5.0")],
        [("Upload-Length", "\u0665")],
        [("Upload-Length", "5"), ("Upload-Length", "6")],
        [("Upload-Length", "5"), ("Upload-Defer-Length", "1")],
        [("Upload-Defer-Length", "2")],
        [("Upload-Concat", "partial")],
        [("Upload-Concat", "partial"), ("Upload-Concat", "final;/a")],
        [("Upload-Concat", "final;")],
        [("Upload-Concat", "final; /a /a")],
        [("Upload-Concat", "parts;/a")],
        [("Upload-Concat", "final;" + " ".join(f"/{n}" for n in range(257)))],
    ],
)
def test_odd_creations_are_refused(headers: list[tuple[str, str]]) -> None:
    """Servers could read them in more than one way."""
    assert facts(TUS.step(head("POST", *headers))) == REFUSED


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([PIECE, ("Content-Length", "1")], 400),
        ([("Upload-Offset", "0"), ("Content-Length", "1")], 415),
        ([PIECE, ("Upload-Offset", "1e3")], 400),
        ([PIECE, ("Upload-Offset", "0"), ("Upload-Length", "x")], 400),
        ([PIECE, ("Upload-Offset", "0"), ("Upload-Checksum", "crc99 AAAA")], 400),
        ([PIECE, ("Upload-Offset", "0"), ("Upload-Checksum", "sha1 ?")], 400),
        ([PIECE, ("Upload-Offset", "0"), ("X-Method-Override", "PUT")], 400),
    ],
)
def test_odd_pieces_are_refused(headers: list[tuple[str, str]], status: int) -> None:
    """A PATCH is a piece, or nothing."""
    found = TUS.step(head("PATCH", *headers))
    assert isinstance(found, Refusal)
    assert found.status == status


def test_checksums_are_computed_in_parts() -> None:
    """CRC-32 is in the order of the network."""
    value = base64.b64encode(crc32(b"abc").to_bytes(4, "big")).decode()
    found = read_sum(head("PATCH", ("Upload-Checksum", f"CRC32 {value}")))
    assert isinstance(found, StatedSum)
    made = found.begin()
    for part in (b"a", b"bc"):
        made.update(part)
    assert made.digest() == found.value
