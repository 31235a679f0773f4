"""Heads of tus are read in one way, or refused."""

import base64
from zlib import crc32

import pytest

from uploadfilter.uploads.assembly import tus
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
            tus.Creation(total=5, is_part=False, declared_type=None),
        ),
        (
            head(
                "POST",
                ("Upload-Length", "5"),
                ("Upload-Concat", "partial"),
                metadata(filetype="Image/PNG; x=y"),
            ),
            tus.Creation(total=5, is_part=True, declared_type="image/png"),
        ),
        (
            head("POST", ("Upload-Defer-Length", "1"), metadata(filename="a.BR")),
            tus.Creation(
                total=None, is_part=False, declared_type="application/x-brotli"
            ),
        ),
        (
            head(
                "POST", ("Upload-Concat", "final;/files/a https://h/files/b?c files/d")
            ),
            tus.Joining(
                parts=("/files/a", "/files/b?c", "/files/d"), declared_type=None
            ),
        ),
        (
            head("PATCH", ("Upload-Offset", "7"), ("Upload-Length", "9"), PIECE),
            tus.Append(at=7, total=9, checksum=None),
        ),
        (head("HEAD"), tus.TusStep.LOOK),
        (head("DELETE"), tus.TusStep.TERMINATE),
        (head("POST", ("X-HTTP-Method-Override", "DELETE")), tus.TusStep.TERMINATE),
        (head("GET"), None),
        (head("OPTIONS"), None),
        (head("POST"), None),
        (head("PUT", ("Upload-Length", "5")), None),
        (head("POST", ("Upload-Length", "5"), ("Content-Length", "5")), None),
    ],
)
def test_requests_are_told_apart(
    request_head: RequestHead, expected: tus.TusRequest | None
) -> None:
    """Each step of the protocol, and other requests."""
    assert tus.read(request_head) == expected


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
        [("Upload-Concat", "final;/a final")],
        [("Upload-Concat", "parts;/a")],
        [("Upload-Concat", "final;" + " ".join(f"/{n}" for n in range(257)))],
    ],
)
def test_odd_creations_are_refused(headers: list[tuple[str, str]]) -> None:
    """Servers could read them in more than one way."""
    found = tus.read(head("POST", *headers))
    is_fine = isinstance(found, tus.Joining) and "/final" in found.parts
    assert isinstance(found, Refusal) or is_fine


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
    found = tus.read(head("PATCH", *headers))
    assert isinstance(found, Refusal)
    assert found.status == status


def test_checksums_are_computed_in_parts() -> None:
    """CRC-32 is in the order of the network."""
    value = base64.b64encode(crc32(b"abc").to_bytes(4, "big")).decode()
    found = tus.checksum_of(head("PATCH", ("Upload-Checksum", f"CRC32 {value}")))
    assert isinstance(found, tus.StatedSum)
    made = found.begin()
    for part in (b"a", b"bc"):
        made.update(part)
    assert made.digest() == found.value


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/files/a", "/files/a"),
        ("https://other.example:8443/x/a?b=c", "/x/a?b=c"),
        ("a", "/a"),
        ("./a", "/a"),
        ("//host/a", "/a"),
    ],
)
def test_address_is_the_target_that_clients_use(location: str, expected: str) -> None:
    """Location may be absolute or relative (RFC 9110, section 10.2.2)."""
    assert tus.target_of(location, "/files") == expected
