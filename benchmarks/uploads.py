"""What does an upload cost by its coding, beside the raw body of the same bytes?

Each coding and the raw body take turns in one run through the whole proxy, its scanners
included; a figure is the CPU time of all of its processes for one upload. Compare
ratios. Nothing is listed, so that every upload is accepted.
"""

import argparse
import asyncio
import base64
import gzip
import json
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import brotli
import zstandard

from benchmarks import aims, load, peers
from benchmarks.load import Request
from benchmarks.machine import describe
from benchmarks.proxy.site import files_of, filter_before, list_random
from uploadfilter.uploads.body.checksums import checksum

_RESULTS = Path(__file__).parent / "results" / "uploads.json"
ROUNDS = 3
UPLOADS = 30
QUICK_UPLOADS = 6
ENTRIES = 10_000
SIZE_KB = 200
CONNECTIONS = 4

Coder = Callable[[bytes, str], Request]
"""Makes the request that sends some bytes of a type."""

_BOUNDARY: Final = "bench-7d1f"
_SIGNATURE: Final = b";chunk-signature=" + b"0" * 64


def _request(body: bytes, media_type: str, *lines: str) -> Request:
    said = "".join(f"{line}\r\n" for line in lines)
    head = (
        f"PUT /upload HTTP/1.1\r\nHost: site.example\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n{said}\r\n"
    )
    return Request(head.encode("ascii"), body)


def _coded(name: str, coder: Callable[[bytes], bytes]) -> Coder:
    line = f"Content-Encoding: {name}"
    return lambda data, kind: _request(coder(data), kind, line)


def _framed(algorithm: str, size: int) -> Coder:
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
        )

    return make


def _signed(data: bytes, kind: str) -> Request:
    body = b"%x%s\r\n%s\r\n0%s\r\n\r\n" % (len(data), _SIGNATURE, data, _SIGNATURE)
    return _request(
        body,
        kind,
        "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        f"X-Amz-Decoded-Content-Length: {len(data)}",
    )


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


def _bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


_LINE: Final = "{content:6} {coding:24} {sent_kb:5} KB {cpu_ms:8} ms {times_raw:6} x"
RAW: Final = "raw"
CODERS: Final[Mapping[str, Coder]] = {
    RAW: _request,
    "gzip": _coded("gzip", gzip.compress),
    "deflate": _coded("deflate", zlib.compress),
    "deflate, bare": _coded("deflate", _bare),
    "br": _coded("br", lambda data: brotli.compress(data, quality=5)),
    "zstd": _coded("zstd", zstandard.compress),
    "aws-chunked, one chunk": _framed("crc32", 1 << 20),
    "aws-chunked, 64 KiB": _framed("crc32", 1 << 16),
    "aws-chunked, CRC-32C": _framed("crc32c", 1 << 20),
    "aws-chunked, CRC-64": _framed("crc64nvme", 1 << 20),
    "aws-chunked, signed": _signed,
    "form": _parts("form-data", "binary"),
    "form, base64": _parts("form-data", "base64"),
    "related": _parts("related", "binary"),
    "related, base64": _parts("related", "base64"),
}


def contents() -> dict[str, tuple[str, Sequence[bytes]]]:
    """Return the contents of each row: their type, and different ones of it."""
    texts = []
    for seed in range(8):
        rows = [{"id": n, "name": f"item {n * seed % 977}"} for n in range(5000)]
        texts.append(json.dumps(rows).encode())
    return {
        "photo": ("image/jpeg", files_of(SIZE_KB)),
        "JSON": ("application/json", texts),
    }


async def measured(
    proxy: load.Spawned, requests: Sequence[Request], count: int
) -> float:
    """Return the CPU milliseconds of all processes of the filter for one upload."""
    begun = proxy.cpu_s()
    result = await load.drive(
        proxy.port, requests, connections=CONNECTIONS, count=count
    )
    result.checked(load.CREATED)
    return (proxy.cpu_s() - begun) / count * 1000


async def rows(
    proxy: load.Spawned, *, uploads: int, rounds: int
) -> list[dict[str, object]]:
    """Measure every coding of every content, in turn with the raw body."""
    found: list[dict[str, object]] = []
    for name, (kind, bodies) in contents().items():
        requests = {
            coding: [make(body, kind) for body in bodies]
            for coding, make in CODERS.items()
        }
        spent: dict[str, list[float]] = {coding: [] for coding in CODERS}
        for number in range(rounds + 1):
            for coding, asked in requests.items():
                ms = await measured(proxy, asked, uploads)
                spent[coding] += [ms] if number else []  # the first round warms up
        for coding, values in spent.items():
            ratios = [a / b for a, b in zip(values, spent[RAW], strict=True)]
            found.append(
                {
                    "content": name,
                    "coding": coding,
                    "sent_kb": round(len(requests[coding][0].body) / 1000),
                    "cpu_ms": round(statistics.median(values), 2),
                    "times_raw": round(statistics.median(ratios), 2),
                }
            )
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, and write the results; return the exit code."""
    parser = argparse.ArgumentParser(prog="uploads", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    uploads, rounds = (QUICK_UPLOADS, 1) if options.quick else (UPLOADS, ROUNDS)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "state")
        list_random(state, ENTRIES)
        with peers.sink() as sink, filter_before(sink.port, state, sheds=False) as it:
            found = asyncio.run(rows(it, uploads=uploads, rounds=rounds))
    for row in found:
        print(_LINE.format_map(row))
    if not options.quick:
        results = {"machine": describe("brotli", "zstandard"), "rows": found}
        text = json.dumps(results, indent=1) + "\n"
        _RESULTS.write_text(text, encoding="utf-8")
    print(f"{time.perf_counter() - begun:.0f} s")
    return aims.exit_code("uploads", ())
