"""HAProxy as the front end that ends TLS before a store, and notes what clients send.

Not nginx: it takes in a short body in chunks whole, and sends it on with a length. The
AWS CLI of Debian 13 signs that the body is in chunks, so that every store behind such a
front end refuses it, with the filter or without.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.ports import free_port
from tests.sites.programs import debian, run, server

_CONFIG = Template("""\
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    log stdout format raw local0
    option dontlog-normal
frontend front
    no option dontlog-normal
    bind 127.0.0.1:$port ssl crt $folder/front.pem
    http-request set-var(txn.sum) req.hdr(x-amz-content-sha256)
    http-request set-var(txn.trailer) req.hdr(x-amz-trailer)
    http-request set-var(txn.coding) req.hdr(content-encoding)
    http-request set-var(txn.expect) req.hdr(expect)
    log-format '{"method":"%HM","target":"%HU","status":%ST,"sum":"%[var(txn.sum)]",\
"trailer":"%[var(txn.trailer)]","coding":"%[var(txn.coding)]",\
"expect":"%[var(txn.expect)]"}'
    default_backend store
backend store
    server store 127.0.0.1:$to
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that the front end saw answered.

    Attributes:
        method: Its method.
        target: Its target.
        status: The status of its answer.
        sum: X-Amz-Content-Sha256.
        trailer: X-Amz-Trailer.
        coding: Content-Encoding.
        expect: Expect.
    """

    method: str
    target: str
    status: int
    sum: str
    trailer: str
    coding: str
    expect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A running front end.

    Attributes:
        url: Its URL.
        certificate: What clients trust.
        log: Its log.
    """

    url: str
    certificate: Path
    log: Path

    def seen(self) -> list[Seen]:
        """Return the requests so far, in the order of their answers."""
        lines = self.log.read_text().splitlines()
        return [Seen(**json.loads(line)) for line in lines if line.startswith("{")]


@contextlib.contextmanager
def s3front(folder: Path, to: int) -> Iterator[Front]:
    """Run a front end for the length of the block.

    Args:
        folder: For its files.
        to: Port of the store, or of the filter before it.
    """
    folder.mkdir()
    haproxy = debian("haproxy", package="haproxy")
    openssl = debian("openssl", package="openssl")
    port, pem, log = free_port(), folder / "front.pem", folder / "front.out"
    run(
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt"),
        *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=front"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", folder / "front.key", "-out", folder / "front.crt"),
    )
    pem.write_text(f"{(folder / 'front.crt').read_text()}\n")
    with pem.open("a") as file:
        file.write((folder / "front.key").read_text())
    config = folder / "front.cfg"
    config.write_text(_CONFIG.substitute(folder=folder, port=port, to=to))
    with server([haproxy, "-db", "-f", config], log=log, ready=port):
        certificate = folder / "front.crt"
        yield Front(url=f"https://127.0.0.1:{port}", certificate=certificate, log=log)
