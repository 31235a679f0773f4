"""CPU of uploads by their coding, beside the raw body of the same bytes.

Each coding and the raw body take turns in one run through the whole proxy, its scanners
included; a figure is the CPU time of all of its processes for one upload. The bytes at
the origin are compared, and a listed picture must be refused in every coding.
"""

import base64
import gzip
import json
import statistics
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import brotli
import zstandard

from benchmarks import load
from benchmarks.load import Request
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import files_of
from benchmarks.uploads.origin import parts_of
from benchmarks.uploads.plan import Plan
from benchmarks.uploads.stage import (
    ROUTES,
    Stage,
    address,
    connected,
    listed,
    staged,
    told,
)
from uploadfilter.uploads.body.checksums import checksum

SIZE_KB: Final = 200
CONNECTIONS: Final = 4

Coder = Callable[[bytes, str], Request]
"""Makes the request that sends some bytes of a type."""

_BOUNDARY: Final = "bench-7d1f"
_SIGNATURE: Final = b";chunk-signature=" + b"0" * 64
_SIGNED: Final = "Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=c"
"""As clients do that frame their bodies: otherwise they are scanned as sent, too."""
_S3: Final = f"{ROUTES['s3']}/key"


def _request(
    body: bytes, media_type: str, *lines: str, target: str = "/upload"
) -> Request:
    said = "".join(f"{line}\r\n" for line in lines)
    head = (
        f"PUT {target} HTTP/1.1\r\nHost: site.example\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n{said}\r\n"
    )
    return Request(head.encode("ascii"), body)


def _coded(name: str, coder: Callable[[bytes], bytes]) -> Coder:
    line = f"Content-Encoding: {name}"
    return lambda data, kind: _request(coder(data), kind, line)


def _framed(algorithm: str, size: int, target: str = _S3) -> Coder:
    """Frame a body as an SDK does, in chunks of a size and with a checksum."""

    def make(data: bytes, kind: str) -> Request:
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        framed = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces)
        found = checksum(algorithm)
        found.update(data)
        name = f"x-amz-checksum-{algorithm}"
        value = base64.b64encode(found.digest())
        body = b"%s0\r\n%s:%s\r\n\r\n" % (framed, name.encode(), value)
        return _request(
            body,
            kind,
            "Content-Encoding: aws-chunked",
            "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            f"X-Amz-Decoded-Content-Length: {len(data)}",
            f"X-Amz-Trailer: {name}",
            _SIGNED,
            target=target,
        )

    return make


def _signed(size: int) -> Coder:
    """Frame a body in chunks that are signed."""

    def make(data: bytes, kind: str) -> Request:
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        body = b"".join(
            b"%x%s\r\n%s\r\n" % (len(each), _SIGNATURE, each) for each in (*pieces, b"")
        )
        return _request(
            body,
            kind,
            "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            f"X-Amz-Decoded-Content-Length: {len(data)}",
            _SIGNED,
            target=_S3,
        )

    return make


def _parts(multipart: str, coding: str) -> Coder:
    """Send the bytes as the second part of two."""
    name = "; name=a" if multipart == "form-data" else ""
    filed = "; name=b; filename=b" if multipart == "form-data" else ""

    def make(data: bytes, kind: str) -> Request:
        sent = data
        if coding == "base64":
            sent = base64.encodebytes(data).replace(b"\n", b"\r\n")
        lines = (
            f"--{_BOUNDARY}\r\nContent-Disposition: {multipart}{name}\r\n\r\na\r\n"
            f"--{_BOUNDARY}\r\nContent-Disposition: {multipart}{filed}\r\n"
            f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n\r\n"
        )
        body = lines.encode() + sent + f"\r\n--{_BOUNDARY}--\r\n".encode()
        return _request(body, f"multipart/{multipart}; boundary={_BOUNDARY}")

    return make


def _packed_form(data: bytes, kind: str) -> Request:
    """Send the bytes in a form that is packed as a whole."""
    plain = _parts("form-data", "binary")(data, kind)
    media_type = f"multipart/form-data; boundary={_BOUNDARY}"
    body = gzip.compress(plain.body)
    return _request(body, media_type, "Content-Encoding: gzip")


def _bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


KIB: Final = 1024
RAW: Final = "raw"
CODERS: Final[Mapping[str, Coder]] = {
    RAW: _request,
    "gzip": _coded("gzip", gzip.compress),
    "deflate": _coded("deflate", zlib.compress),
    "deflate, bare": _coded("deflate", _bare),
    "br": _coded("br", lambda data: brotli.compress(data, quality=5)),
    "zstd": _coded("zstd", zstandard.compress),
    "aws-chunked, 64 KiB": _framed("crc32", 64 * KIB),
    "aws-chunked, 1 MiB": _framed("crc32", 1024 * KIB),
    "aws-chunked, CRC-32C": _framed("crc32c", 64 * KIB),
    "aws-chunked, CRC-64": _framed("crc64nvme", 64 * KIB),
    "aws-chunked, signed, 64 KiB": _signed(64 * KIB),
    "aws-chunked, signed, 1 MiB": _signed(1024 * KIB),
    "aws-chunked, 64 KiB, no S3": _framed("crc32", 64 * KIB, "/upload"),
    "form": _parts("form-data", "binary"),
    "form, gzip": _packed_form,
    "form, base64": _parts("form-data", "base64"),
    "related": _parts("related", "binary"),
    "related, base64": _parts("related", "base64"),
}

MOST: Final = 1.5
"""Most CPU beside the raw body for the usual codings."""

MOST_BASE64: Final = 2.5
"""The same for base64: its letters are a third more bytes, and both are compared."""

AIMS: Final[Mapping[str, float]] = {
    **dict.fromkeys((name for name in CODERS if name != RAW), MOST),
    **dict.fromkeys((name for name in CODERS if "base64" in name), MOST_BASE64),
    # Their decoders run in a process that scans nothing else (ADR 0008).
    "br": 5.0,
    "zstd": 5.0,
    # An origin that is not S3 keeps the bytes as sent: both are compared (ADR 0094).
    "aws-chunked, 64 KiB, no S3": 2.0,
}
"""Most CPU of a photo in each coding, beside the raw body."""


def contents(different: int) -> dict[str, tuple[str, Sequence[bytes]]]:
    """Return the contents of each row: their type, and different ones of it."""
    texts = []
    for seed in range(different):
        rows = [{"id": n, "name": f"item {n * seed % 977}"} for n in range(5000)]
        texts.append(json.dumps(rows).encode())
    return {
        "photo": ("image/jpeg", files_of(SIZE_KB)[:different]),
        "JSON": ("application/json", texts),
    }


def _at_origin(request: Request) -> "Counter[tuple[int, int]]":
    """Return the files that the origin counts for a request."""
    if b"Content-Type: multipart/" not in request.head:
        return told(request.body)
    is_packed = b"Content-Encoding: gzip" in request.head
    body = gzip.decompress(request.body) if is_packed else request.body
    parts = parts_of(request.head, body)
    return told(*(data for _, is_file, data in parts if is_file))


async def _measured(stage: Stage, requests: Sequence[Request], count: int) -> float:
    """Return the CPU milliseconds of all processes of the filter for one upload."""
    begun = stage.proxy.cpu_s()
    result = await load.drive(
        stage.proxy.port, requests, connections=CONNECTIONS, count=count
    )
    ms = (stage.proxy.cpu_s() - begun) / count * 1000
    result.checked(load.CREATED)
    expected: Counter[tuple[int, int]] = Counter()
    for number in range(count):
        expected += _at_origin(requests[number % len(requests)])
    await stage.check(requests[0].head.decode(), expected)
    return ms


async def _check_refused(stage: Stage) -> None:
    """Prove that a listed picture is refused in every coding, from client to client."""
    for name, make in CODERS.items():
        asked = make(listed(), "image/jpeg")
        named = f"\r\nX-Forwarded-For: {address()}\r\n\r\n".encode()
        head = asked.head.removesuffix(b"\r\n\r\n") + named
        async with connected(stage.proxy.port) as connection:
            answer = await connection.ask(Request(head, asked.body), keep=True)
        await stage.check_refused(name, answer.status)


async def codings(folder: Path, plan: Plan) -> Part:
    """Measure every coding of every content, in turn with the raw body."""
    found: list[dict[str, Any]] = []
    with staged(folder / "codings") as stage:
        await _check_refused(stage)
        for name, (kind, bodies) in contents(plan.different).items():
            requests = {
                coding: [make(body, kind) for body in bodies]
                for coding, make in CODERS.items()
            }
            spent: dict[str, list[float]] = {coding: [] for coding in CODERS}
            for number in range(plan.rounds + 1):
                count = plan.uploads if number else len(bodies)
                for coding, asked in requests.items():
                    ms = await _measured(stage, asked, count)
                    spent[coding] += [ms] if number else []  # the first warms up
            found += _rows(name, requests, spent)
    aims = [
        Aim(
            text=f"CPU beside raw: {row['coding']}, {row['content']}",
            measured=row["times_raw"],
            most=AIMS[row["coding"]],
        )
        for row in found
        if row["content"] == "photo" and row["coding"] in AIMS
    ]
    return Part(rows=found, aims=aims)


def _rows(
    content: str,
    requests: Mapping[str, Sequence[Request]],
    spent: Mapping[str, Sequence[float]],
) -> list[dict[str, Any]]:
    rows = []
    for coding, values in spent.items():
        ratios = [a / b for a, b in zip(values, spent[RAW], strict=True)]
        rows.append(
            {
                "content": content,
                "coding": coding,
                "sent_kb": round(len(requests[coding][0].body) / 1000),
                "cpu_ms": round(statistics.median(values), 2),
                "times_raw": round(statistics.median(ratios), 2),
            }
        )
    return rows
