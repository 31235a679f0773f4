"""Ways to write bytes, each with the library that reads them again.

The reading is always a library's: a site that uses the library gets the same text.

To add a layer: a line in ``LAYERS``.
"""

import ast
import base64
import binascii
import bz2
import codecs
import csv
import email
import email.policy
import gzip
import html
import io
import json
import lzma
import plistlib
import quopri
import ssl
import tarfile
import urllib.parse
import urllib.request
import xmlrpc.client
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser
from xml.etree import ElementTree as ET
from xml.sax import saxutils

import zstandard
from typing_extensions import override

Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One way to write bytes, and how a library reads them.

    Attributes:
        name: Its name.
        write: Wraps.
        read: Unwraps.
        is_of_text: Whether it writes only ASCII.
    """

    name: str
    write: Change
    read: Change
    is_of_text: bool


# --- Text as programs escape it ------------------------------------------------------


def _every(text: bytes, shape: str) -> bytes:
    """Write each character by its number."""
    return "".join(shape.format(byte) for byte in text).encode()


def _cut(text: bytes, between: bytes, every: int = 37) -> bytes:
    """Put something between stretches of a text."""
    return between.join(text[at : at + every] for at in range(0, len(text), every))


class _Attribute(HTMLParser):
    """Keeps the value of the last attribute of a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.value = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.value = dict(attrs).get(self._name) or self.value


def _attribute(name: str) -> Change:
    """Return a reader of an attribute of a page."""

    def read(page: bytes) -> bytes:
        parser = _Attribute(name)
        parser.feed(page.decode())
        parser.close()
        return parser.value.encode()

    return read


def _escaped(text: bytes) -> bytes:
    return html.escape(text.decode()).encode()


def _xml(shape: bytes) -> Change:
    return lambda text: shape % saxutils.escape(text.decode()).encode()


def _xml_text(document: bytes) -> bytes:
    return "".join(ET.fromstring(document).itertext()).encode()  # noqa: S314 - our own


def _json(
    value: object, *, ascii_only: bool = True, indent: int | None = None
) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()


def _csv(text: bytes) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([["name", "data"], ["a", text.decode()]])
    return out.getvalue().encode()


def _csv_cell(text: bytes) -> bytes:
    csv.field_size_limit(1 << 24)
    return list(csv.reader(io.StringIO(text.decode(), newline="")))[1][1].encode()


def _literal(text: bytes) -> bytes:
    value = ast.literal_eval(text.decode())
    return value if isinstance(value, bytes) else str(value).encode()


_ESCAPES: tuple[tuple[str, Change, Change], ...] = (
    ("json", lambda t: _json({"a": t.decode()}), lambda t: json.loads(t)["a"].encode()),
    (
        "json slashes",
        lambda t: _json([t.decode()]).replace(b"/", b"\\/"),
        lambda t: json.loads(t)[0].encode(),
    ),
    (
        "json numbers",
        lambda t: b'"' + _every(t, "\\u{:04x}") + b'"',
        lambda t: json.loads(t).encode(),
    ),
    ("html", _escaped, lambda t: html.unescape(t.decode()).encode()),
    (
        "html numbers",
        lambda t: _every(t, "&#{};"),
        lambda t: html.unescape(t.decode()).encode(),
    ),
    (
        "html hex numbers",
        lambda t: _every(t, "&#x{:X}"),
        lambda t: html.unescape(t.decode()).encode(),
    ),
    ("image", lambda t: b'<p><img src="%b">' % _escaped(t), _attribute("src")),
    (
        "srcdoc",
        lambda t: b"<!doctype html><iframe srcdoc='%b'></iframe>" % _escaped(t),
        _attribute("srcdoc"),
    ),
    (
        "form",
        lambda t: urllib.parse.urlencode({"a": t.decode(), "b": "1"}).encode(),
        lambda t: urllib.parse.parse_qs(t.decode())["a"][0].encode(),
    ),
    (
        "percent",
        lambda t: urllib.parse.quote(t.decode(), safe="").encode(),
        lambda t: urllib.parse.unquote(t.decode()).encode(),
    ),
    ("percent all", lambda t: _every(t, "%{:02X}"), urllib.parse.unquote_to_bytes),
    ("literal", lambda t: repr(t.decode()).encode(), _literal),
    ("escapes", lambda t: b"'" + _every(t, "\\x{:02x}") + b"'", _literal),
    ("xml", _xml(b"<?xml version='1.0'?><a>%b</a>"), _xml_text),
    (
        "xml comments",
        lambda t: (
            b"<a>%b</a>"
            % _cut(t.replace(b"&", b"&amp;").replace(b"<", b"&lt;"), b"<!-- a -->")
        ),
        _xml_text,
    ),
    (
        "xml sections",
        lambda t: b"<a><![CDATA[%b]]></a>" % _cut(t, b"]]><![CDATA["),
        _xml_text,
    ),
    (
        "xml tags",
        lambda t: b"<a><b>%b</b></a>" % saxutils.escape(t.decode()).encode(),
        _xml_text,
    ),
    ("xml numbers", lambda t: b"<a>%b</a>" % _every(t, "&#{};"), _xml_text),
    (
        "xml entity",
        lambda t: b'<!DOCTYPE a [<!ENTITY e "%b">]><a>&e;</a>' % _every(t, "&#{};"),
        _xml_text,
    ),
    ("csv", _csv, _csv_cell),
    ("quoted-printable", quopri.encodestring, quopri.decodestring),
)
"""Text to text."""


# --- Charsets ------------------------------------------------------------------------


def _charset(name: str) -> tuple[str, Change, Change]:
    return (
        name,
        lambda text: codecs.encode(text.decode(), name),
        lambda data: codecs.decode(data, name).encode(),
    )


_CHARSETS: tuple[tuple[str, Change, Change], ...] = (
    *map(_charset, ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")),
)
"""Text to bytes."""


# --- Bytes as text -------------------------------------------------------------------


def _lines(text: bytes, width: int) -> bytes:
    return _cut(text, b"\n", width) + b"\n"


def _uuencoded(data: bytes) -> bytes:
    return codecs.encode(data, "uu")


def _attached(coding: str) -> Change:
    def write(data: bytes) -> bytes:
        mail = EmailMessage()
        mail["Subject"] = "a"
        mail.set_content("hello")
        mail.add_attachment(
            data, maintype="application", subtype="octet-stream", cte=coding
        )
        return mail.as_bytes(policy=email.policy.SMTP)

    return write


def _from_mail(data: bytes) -> bytes:
    mail = email.message_from_bytes(data, policy=email.policy.default)
    (part,) = mail.iter_attachments()
    payload: bytes = part.get_content()
    return payload


def _opened(uri: bytes) -> bytes:
    opener = urllib.request.build_opener(urllib.request.DataHandler)
    with opener.open(uri.decode()) as answer:
        content: bytes = answer.read()
        return content


def _base64_uri(data: bytes) -> bytes:
    return b"data:image/png;base64," + base64.b64encode(data)


def _percent_uri(data: bytes) -> bytes:
    return b"data:image/png," + urllib.parse.quote_from_bytes(data, safe="").encode()


def _call(data: bytes) -> bytes:
    return xmlrpc.client.dumps((xmlrpc.client.Binary(data),), "a").encode()


def _from_call(data: bytes) -> bytes:
    ((value, *_), _) = xmlrpc.client.loads(data)
    return bytes(value.data) if isinstance(value, xmlrpc.client.Binary) else b""


_CODINGS: tuple[tuple[str, Change, Change], ...] = (
    ("base64", base64.b64encode, base64.b64decode),
    ("base64 for URLs", base64.urlsafe_b64encode, base64.urlsafe_b64decode),
    ("base64 in lines", base64.encodebytes, base64.decodebytes),
    (
        "base64 in short lines",
        lambda d: _lines(base64.b64encode(d), 9),
        base64.decodebytes,
    ),
    (
        "base64 with stops",
        lambda d: _cut(base64.b64encode(d), b".", 7),
        base64.b64decode,
    ),
    ("hex", binascii.hexlify, binascii.unhexlify),
    ("hex in capitals", base64.b16encode, base64.b16decode),
    (
        "hex with blanks",
        lambda d: d.hex(" ").encode(),
        lambda t: bytes.fromhex(t.decode()),
    ),
    (
        "0x",
        lambda d: b"0x" + d.hex().encode(),
        lambda t: int(t, 16).to_bytes((len(t) - 2) // 2, "big"),
    ),
    ("uuencode", _uuencoded, lambda t: codecs.decode(t, "uu")),
    (
        "bytes in quoted-printable",
        lambda d: binascii.b2a_qp(d, istext=False),
        quopri.decodestring,
    ),
    (
        "bytes in percent",
        lambda d: urllib.parse.quote_from_bytes(d).encode(),
        urllib.parse.unquote_to_bytes,
    ),
    ("data", _base64_uri, _opened),
    ("data percent", _percent_uri, _opened),
    ("call", _call, _from_call),
    ("plist", lambda d: plistlib.dumps({"a": d}), lambda t: plistlib.loads(t)["a"]),
    ("mail", _attached("base64"), _from_mail),
    ("mail printable", _attached("quoted-printable"), _from_mail),
    (
        "notebook",
        lambda d: _json(
            {"image/png": base64.encodebytes(d).decode().splitlines(keepends=True)},
            indent=1,
        ),
        lambda t: base64.b64decode("".join(json.loads(t)["image/png"])),
    ),
    (
        "PEM",
        lambda d: ssl.DER_cert_to_PEM_cert(d).encode(),
        lambda t: ssl.PEM_cert_to_DER_cert(t.decode()),
    ),
)
"""Bytes to text."""


# --- Bytes to bytes ------------------------------------------------------------------


def _zipped(method: int) -> Change:
    def write(data: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.writestr("a.bin", data)
        return out.getvalue()

    return write


def _unzipped(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("a.bin")


def _tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a.bin")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _untarred(data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile("a.bin")
        return file.read() if file else b""


def _raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


_PACKERS: tuple[tuple[str, Change, Change], ...] = (
    ("gzip", lambda d: gzip.compress(d, mtime=0), gzip.decompress),
    ("bzip2", bz2.compress, bz2.decompress),
    ("xz", lzma.compress, lzma.decompress),
    ("zstd", zstandard.compress, zstandard.decompress),
    ("zip", _zipped(zipfile.ZIP_DEFLATED), _unzipped),
    ("zip stored", _zipped(zipfile.ZIP_STORED), _unzipped),
    ("tar", _tarred, _untarred),
)

REFUSALS = (ValueError, SyntaxError, LookupError, TypeError, OSError)
"""The exceptions of libraries that cannot read nested layers."""


def _layers(
    entries: tuple[tuple[str, Change, Change], ...], *, is_of_text: bool
) -> dict[str, Layer]:
    return {
        name: Layer(name=name, write=write, read=read, is_of_text=is_of_text)
        for name, write, read in entries
    }


LAYERS: dict[str, Layer] = {
    **_layers(_ESCAPES, is_of_text=True),
    **_layers(_CHARSETS, is_of_text=True),
    **_layers(_CODINGS, is_of_text=False),
    **_layers(_PACKERS, is_of_text=False),
}
